package dash

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"time"

	"sluice/packager/timeline"
)

// ErrWhole is returned where an MPD isn't made of another one by a patch: more than
// media has come and gone. Whoever has the other is to load the whole one.
var ErrWhole = errors.New("no patch leads there")

// PatchType is the media type of patches (ISO/IEC 23009-1 Annex C).
const PatchType = "application/dash-patch+xml"

// PatchLife is for how long after its publishTime players ask for what has changed
// since an MPD (PatchLocation@ttl).
const PatchLife = 20 * time.Second

// appendPatchLocation writes where the MPD's patch is: one that says from which MPD, and
// is held like Location's answer. Two MPDs may have the same publishTime, so the number
// of the timeline is there as well.
func appendPatchLocation(dst []byte, t *timeline.Timeline, p plan) []byte {
	dst = append(dst, `<PatchLocation ttl="`...)
	dst = strconv.AppendInt(dst, int64(PatchLife/time.Second), 10)
	dst = append(dst, `">manifest.mpp?publishTime=`...)
	dst = p.published.UTC().AppendFormat(dst, dateForm)
	dst = strconv.AppendUint(append(dst, "&amp;version="...), t.Version, 10)
	dst = strconv.AppendUint(append(dst, "&amp;after="...), listedByAll(t), 10)
	return append(dst, "</PatchLocation>\n"...)
}

// AppendPatch appends the patch that makes next out of base (ISO/IEC 23009-1 §5.15, RFC
// 5261): two MPDs of AppendMPD, with Options.Patches. It is a function of the two, so
// that all who have them make the same. The error is ErrWhole.
//
// It says what media has come and gone, and which Periods have gone, in operations that
// dash.js and Shaka carry out. Anything else they'd do wrong: dash.js takes the value of
// a replaced attribute for text (so segments are replaced as elements), Shaka drops what
// it doesn't know.
func AppendPatch(dst, base, next []byte) ([]byte, error) {
	was, is := readOutline(base), readOutline(next)
	gone, ok := was.leadsTo(&is)
	if !ok {
		return dst, ErrWhole
	}
	from := len(dst)
	dst = appendPatchRoot(dst, &was, &is)
	for i, line := range is.head {
		if !bytes.Equal(line, was.head[i]) { // Location and PatchLocation
			dst = append(dst, `<replace sel="/MPD/`...)
			dst = append(append(dst, elementName(line)...), `[1]">`...)
			dst = append(append(dst, line...), "</replace>\n"...)
		}
	}
	for _, p := range was.periods[:gone] {
		dst = append(append(append(dst, `<remove sel="`...), p.path...), "\"/>\n"...)
	}
	for i := range is.periods {
		p := &is.periods[i]
		for j := range p.lists {
			if dst, ok = p.lists[j].appendSince(dst, &was.periods[gone+i].lists[j]); !ok {
				return dst[:from], ErrWhole
			}
		}
	}
	return append(dst, "</Patch>\n"...), nil
}

// AppendNoPatch appends a patch that fits next alone, and changes nothing. It is the
// answer to whoever has another MPD from which no patch leads to next: players see that
// it isn't for theirs and load the whole one, whereas an error stops dash.js for good and
// has Shaka ask again until ttl is over.
func AppendNoPatch(dst, next []byte) []byte {
	is := readOutline(next)
	return append(appendPatchRoot(dst, &is, &is), "</Patch>\n"...)
}

func appendPatchRoot(dst []byte, was, is *outline) []byte {
	dst = append(dst, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<Patch xmlns="urn:mpeg:dash:schema:mpd-patch:2020" mpdId="`...)
	dst = append(append(dst, is.id...), `" originalPublishTime="`...)
	dst = append(append(dst, was.published...), `" publishTime="`...)
	dst = append(append(dst, is.published...), "\">\n"...)
	dst = append(dst, `<replace sel="/MPD/@publishTime">`...)
	return append(append(dst, is.published...), "</replace>\n"...)
}

// leadsTo reports whether a patch can say how next came about, and how many of the
// Periods have gone.
func (o *outline) leadsTo(next *outline) (gone int, ok bool) {
	if len(next.periods) == 0 || len(o.id) == 0 || !bytes.Equal(o.root, next.root) || len(o.head) != len(next.head) || !equalLines(o.tail, next.tail) {
		return 0, false
	}
	for i, line := range o.head {
		name := elementName(line)
		moves := string(name) == "Location" || string(name) == "PatchLocation"
		if !bytes.Equal(name, elementName(next.head[i])) || !moves && !bytes.Equal(line, next.head[i]) {
			return 0, false
		}
	}
	gone = len(o.periods) - len(next.periods)
	if gone < 0 {
		return 0, false
	}
	for i := range next.periods {
		if !equalLines(o.periods[gone+i].rest, next.periods[i].rest) {
			return 0, false
		}
	}
	return gone, true
}

func equalLines(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }
