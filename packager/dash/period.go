package dash

import (
	"strconv"

	"sluice/media"
)

// EmptySegment is what the URL of a segment without media answers: a segment
// type box and nothing after it (ISO/IEC 14496-12 §8.16.2), which Media Source
// Extensions take and skip.
const EmptySegment = "\x00\x00\x00\x14stypmsdh\x00\x00\x00\x00msdh"

// appendPeriod writes a Period. Its id is the epoch's number, with its first
// segment's where the epoch has been anchored anew.
func appendPeriod(dst []byte, q *period, f form) []byte {
	dst = append(dst, `<Period id="`...)
	dst = strconv.AppendUint(dst, q.epoch.Number, 10)
	if q.anchor.MSN != q.epoch.FirstMSN {
		dst = strconv.AppendUint(append(dst, '.'), q.anchor.MSN, 10)
	}
	dst = append(dst, '"')
	dst = appendDuration(dst, "start", q.start)
	if q.duration > 0 {
		dst = appendDuration(dst, "duration", q.duration)
	}
	dst = append(dst, ">\n"...)
	dst = appendEvents(dst, q)
	for i := range q.reps {
		if id, first := setID(q.reps, i); first {
			dst = appendSet(dst, q, i, id, f)
		}
	}
	return append(dst, "</Period>\n"...)
}

// setID numbers the AdaptationSets: one for each codec of video, one for each
// rendition of audio, which are languages or codecs to choose from and not to
// switch between; odd for video, even for audio, so that ids stay the same when a
// set joins or leaves. It reports whether reps[i] is the first of its set.
func setID(reps []representation, i int) (id int, first bool) {
	track := reps[i].track()
	id = 1
	if track.Kind == media.Audio {
		id = 2
	}
	for j := range i {
		other := reps[j].track()
		if other.Kind != track.Kind {
			continue
		}
		if isSameSet(track, other) {
			return 0, false
		}
		if _, first := setID(reps, j); first {
			id += 2
		}
	}
	return id, true
}

// isSameSet reports whether players may switch between two tracks.
func isSameSet(a, b *media.Track) bool {
	return a.Kind == media.Video && b.Kind == media.Video && a.Codec.Name() == b.Codec.Name()
}

// track is the rendition's as it is in this Period.
func (rep *representation) track() *media.Track { return &rep.first.Init.Track }

// appendSet writes the AdaptationSet that reps[i] is the first of.
func appendSet(dst []byte, q *period, i, id int, f form) []byte {
	track := q.reps[i].track()
	dst = append(dst, `<AdaptationSet id="`...)
	dst = strconv.AppendInt(dst, int64(id), 10)
	if track.Kind == media.Video {
		dst = append(dst, `" contentType="video" mimeType="video/mp4"`...)
		if c, ok := track.Codec.(media.Picture); ok {
			p := c.Format()
			dst = appendRatio(dst, "par", p.Width*p.SARWidth, p.Height*p.SARHeight, ':')
		}
	} else {
		dst = append(dst, `" contentType="audio" mimeType="audio/mp4"`...)
		language := track.Language
		if language == "" {
			language = "und"
		}
		dst = appendText(dst, "lang", language)
	}
	role := "main"
	if track.Kind == media.Audio && id > 2 {
		role = "alternate"
	}
	dst = append(dst, ` segmentAlignment="true" startWithSAP="1">`+"\n"...)
	if track.Kind == q.reps[0].track().Kind {
		dst = append(dst, inbandEvents...)
	}
	if track.Label != "" {
		dst = append(append(append(dst, "<Label>"...), escaper.Replace(track.Label)...), "</Label>\n"...)
	}
	dst = appendReference(dst, q, id, track)
	if track.Kind == media.Video {
		dst = appendCaptions(dst, q.anchor.Captions)
	}
	dst = append(dst, `<Role schemeIdUri="urn:mpeg:dash:role:2011"`...)
	dst = append(appendText(dst, "value", role), "/>\n"...)
	for j := i; j < len(q.reps); j++ {
		if other := q.reps[j].track(); j == i || isSameSet(track, other) {
			dst = appendRepresentation(dst, q, &q.reps[j], f)
		}
	}
	return append(dst, "</AdaptationSet>\n"...)
}

func appendRepresentation(dst []byte, q *period, rep *representation, f form) []byte {
	track := rep.track()
	dst = append(dst, "<Representation"...)
	dst = appendText(dst, "id", string(rep.r.ID))
	dst = appendText(dst, "codecs", track.Codec.RFC6381())
	dst = append(dst, ` bandwidth="`...)
	dst = strconv.AppendUint(dst, rep.bandwidth(), 10)
	dst = append(dst, '"')
	switch c := track.Codec.(type) {
	case media.Picture:
		p := c.Format()
		dst = appendInt(dst, "width", int64(p.Width))
		dst = appendInt(dst, "height", int64(p.Height))
		dst = appendRatio(dst, "sar", p.SARWidth, p.SARHeight, ':')
		if n, d := frameRate(q.anchor.FrameRate(rep.r.ID), p.FrameRate); n > 0 {
			dst = appendRatio(dst, "frameRate", n, d, '/')
		}
		dst = append(dst, ">\n"...)
	case media.Sound:
		rate, channels := soundOf(c)
		dst = appendInt(dst, "audioSamplingRate", int64(rate))
		dst = append(dst, ">\n"...)
		if channels > 0 {
			dst = append(dst, `<AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration"`...)
			dst = appendInt(dst, "value", int64(channels))
			dst = append(dst, "/>\n"...)
		}
	default:
		dst = append(dst, ">\n"...)
	}
	dst = appendTemplate(dst, q, rep, f)
	return append(dst, "</Representation>\n"...)
}

// appendTemplate writes the SegmentTemplate with its timeline.
func appendTemplate(dst []byte, q *period, rep *representation, f form) []byte {
	ts := rep.track().Timescale
	dst = append(dst, "<SegmentTemplate"...)
	dst = appendInt(dst, "timescale", int64(ts))
	dst = appendInt(dst, "presentationTimeOffset", int64(q.offset(ts)))
	dst = append(dst, ` startNumber="`...)
	dst = strconv.AppendUint(dst, rep.first.MSN, 10)
	if f == live {
		dst = append(dst, `" availabilityTimeOffset="`+availabilityTimeOffset+`" availabilityTimeComplete="false`...)
	}
	dst = append(dst, `" initialization="$RepresentationID$/`...)
	dst = strconv.AppendUint(dst, rep.first.Init.Epoch, 10)
	dst = append(dst, `/init.mp4" media="$RepresentationID$/`...)
	dst = strconv.AppendUint(dst, q.epoch.Number, 10)
	dst = append(dst, `/$Number$.m4s">`+"\n"...)
	if rep.gaps {
		dst = append(dst, `<FailoverContent valid="false">`...)
		for g := range listed(rep.t, rep.r, q) {
			if from, duration, ok := g.missing(); ok {
				dst = appendInt(append(dst, "<FCS"...), "t", int64(from))
				dst = append(appendInt(dst, "d", int64(duration)), "/>"...)
			}
		}
		dst = append(dst, "</FailoverContent>\n"...)
	}
	dst = appendTimeline(dst, rep, q)
	return append(dst, "</SegmentTemplate>\n"...)
}

// appendTimeline writes the SegmentTimeline: runs of equal segments in one S,
// @t where it doesn't follow from the S before.
func appendTimeline(dst []byte, rep *representation, q *period) []byte {
	dst = append(dst, "<SegmentTimeline>\n"...)
	var start, end, duration media.Ticks // of the run that the next S stands for
	var repeat int64
	explicit := true // its start doesn't follow from the S before
	for g := range listed(rep.t, rep.r, q) {
		if g.Segment != rep.first.Segment {
			if g.start == end && g.duration == duration {
				repeat++
				end += duration
				continue
			}
			dst = appendS(dst, start, duration, repeat, explicit)
			explicit = g.start != end
		}
		start, end, duration, repeat = g.start, g.start+g.duration, g.duration, 0
	}
	dst = appendS(dst, start, duration, repeat, explicit)
	return append(dst, "</SegmentTimeline>\n"...)
}

func appendS(dst []byte, start, duration media.Ticks, repeat int64, explicit bool) []byte {
	dst = append(dst, "<S"...)
	if explicit {
		dst = appendInt(dst, "t", int64(start))
	}
	dst = appendInt(dst, "d", int64(duration))
	if repeat > 0 {
		dst = appendInt(dst, "r", repeat)
	}
	return append(dst, "/>\n"...)
}
