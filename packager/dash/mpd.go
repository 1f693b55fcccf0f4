package dash

import (
	"errors"
	"strconv"
	"time"

	"sluice/packager/timeline"
)

// ErrNotReady is returned for a timeline of which no MPD can be made: nothing
// is there yet, or nothing is left.
var ErrNotReady = errors.New("no manifest yet")

// ContentType is the MPD's media type (ISO/IEC 23009-1 Annex C).
const ContentType = "application/dash+xml"

// What every MPD says, measured with dash.js 5 and Shaka 5: these hold the
// least latency at which neither stalls.
const (
	// DefaultPresentationDelay is right where the network adds nothing; 1.5 s
	// suits real ones.
	DefaultPresentationDelay = 1200 * time.Millisecond

	// startMargin is what Options.Start leaves of the window, in target durations.
	startMargin = 3

	minimumUpdatePeriod = time.Second
	minBufferTime       = time.Second
	// availabilityTimeOffset makes the players ask for the next segment about
	// when its first part is there.
	availabilityTimeOffset = "0.1"
	// No Latency@target: Shaka adds it to the presentation delay, dash.js
	// replaces the delay by it.
	serviceDescription = `<ServiceDescription id="0"><Latency min="0" max="4000"/>` +
		`<PlaybackRate min="0.96" max="1.04"/></ServiceDescription>` + "\n"
)

// dateForm is how dates are written, in UTC.
const dateForm = "2006-01-02T15:04:05.000Z"

// Options are what the timeline doesn't know.
type Options struct {
	// TimePath is the URL of the server's clock in ISO 8601, relative to the
	// MPD's or absolute, as in "/api/v1/time"; no UTCTiming without it.
	TimePath string
	// PresentationDelay is suggestedPresentationDelay; DefaultPresentationDelay where zero.
	PresentationDelay time.Duration
	// Following says that whoever asks has an MPD of this broadcast already,
	// and asked by its Location. It matters once the stream has ended.
	Following bool
	// Patches offers the patch from this MPD to a later one (PatchLocation), in a live
	// presentation.
	Patches bool
	// Start is how far before the end of what there is players begin, to the second; where
	// they always do, when it's less than PresentationDelay. In a live presentation it's
	// the delay that they keep; of one that has ended it says nothing.
	Start time.Duration
	// Steering is the URL at which players are told which CDN to load from, in full, since
	// dash.js takes a relative one for one of the page; nowhere where empty. What the MPD's URLs lead to is the service location ".".
	Steering string
}

// form is how a presentation is offered.
type form int

const (
	live   form = iota // it goes on
	closed             // it has ended, for those who followed it: on the same clock
	vod                // it has ended, for those who come later: from 0 on
)

// AppendMPD appends the MPD of t to dst. The error is ErrNotReady.
func AppendMPD(dst []byte, t *timeline.Timeline, o Options) ([]byte, error) {
	f := live
	switch {
	case t.State == timeline.Ended && o.Following:
		f = closed
	case t.State == timeline.Ended:
		f = vod
	}
	p, ok := survey(t, f)
	if !ok {
		return dst, ErrNotReady
	}
	if o.PresentationDelay <= 0 {
		o.PresentationDelay = DefaultPresentationDelay
	}
	least := o.PresentationDelay + t.Targets.Lag
	// A window's first segments leave it before a player has them.
	if o.Start = min(o.Start, t.Window-startMargin*t.Targets.Segment).Truncate(time.Second); o.Start <= least {
		o.Start = 0
	}
	o.PresentationDelay = max(least, o.Start)
	dst = appendRoot(dst, t, o, p, f)
	for i := range p.periods {
		if f == live {
			p.periods[i].clock = o.TimePath
		}
		dst = appendPeriod(dst, &p.periods[i], f)
	}
	if f == live && o.TimePath != "" {
		dst = append(dst, utcTiming...)
		dst = appendText(dst, "value", o.TimePath)
		dst = append(dst, "/>\n"...)
	}
	return append(dst, "</MPD>\n"...), nil
}

// appendRoot writes the MPD's start tag and all that stands before the Periods.
func appendRoot(dst []byte, t *timeline.Timeline, o Options, p plan, f form) []byte {
	dst = append(dst, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011"`...)
	if f == live {
		dst = append(dst, ` xmlns:`+schemaPrefix+`="urn:mpeg:dash:schema:mpd:2011" type="dynamic"`...)
	} else {
		dst = append(dst, ` type="static"`...)
	}
	if f != vod {
		dst = append(dst, ` availabilityStartTime="1970-01-01T00:00:00Z"`...)
	}
	if f == live && o.Patches {
		dst = append(dst, ` id="`...)
		dst = append(strconv.AppendUint(dst, t.Broadcast, 10), '"')
	}
	dst = append(dst, ` publishTime="`...)
	dst = p.published.UTC().AppendFormat(dst, dateForm)
	dst = append(dst, '"')
	if f == live {
		dst = appendDuration(dst, "minimumUpdatePeriod", minimumUpdatePeriod)
		dst = appendDuration(dst, "timeShiftBufferDepth", t.Window)
		dst = appendDuration(dst, "suggestedPresentationDelay", o.PresentationDelay)
	} else {
		dst = appendDuration(dst, "mediaPresentationDuration", p.end())
	}
	dst = appendDuration(dst, "minBufferTime", minBufferTime)
	dst = appendDuration(dst, "maxSegmentDuration", p.longest)
	dst = append(dst, ">\n"...)
	if o.Steering != "" {
		dst = append(dst, `<BaseURL serviceLocation=".">./</BaseURL>`+"\n"...)
	}
	if f == live {
		dst = append(dst, "<Location>manifest.mpd?after="...)
		dst = strconv.AppendUint(dst, listedByAll(t), 10)
		if o.Start > 0 {
			dst = strconv.AppendInt(append(dst, "&amp;start=-"...), int64(o.Start/time.Second), 10)
		}
		dst = append(dst, "</Location>\n"...)
		if o.Patches {
			dst = appendPatchLocation(dst, t, p)
		}
		if o.Start == 0 {
			dst = append(dst, serviceDescription...)
		}
	}
	if o.Steering != "" {
		// ETSI TS 103 998 §5: asked first, so that nobody begins where nobody is to be.
		dst = append(dst, `<ContentSteering defaultServiceLocation="." queryBeforeStart="true">`...)
		dst = append(append(dst, escaper.Replace(o.Steering)...), "</ContentSteering>\n"...)
	}
	return dst
}
