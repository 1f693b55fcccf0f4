package hls

import (
	"strconv"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// captionGroup is the GROUP-ID of captions.
const captionGroup = "cc"

// Options are what a timeline doesn't know of its multivariant playlists.
type Options struct {
	// Title is the stream's, for what shows players' titles; none where empty.
	Title string
	// Start is how far before the end of what there is players begin (EXT-X-START), to the
	// second; where they always do, when it's zero or as near to the end as that.
	Start time.Duration
	// Steering is where players are told which CDN to load from, relative to the playlist;
	// nowhere where empty. All variants are of the pathway ".", that of relative URIs.
	Steering string
}

// AppendMultivariant appends the multivariant playlist. The variants are the
// video renditions: first the one to start with, then the others in the order of
// the ladder, and, where there is a choice, the sound alone for the weakest lines.
// What it says of a rendition is that of its newest epoch; one without a whole
// segment so far is left out, and one that has left. The error is ErrNotReady.
func AppendMultivariant(dst []byte, t *timeline.Timeline, o Options) ([]byte, error) {
	if !t.Ready() || !settled(t) || t.Expecting() {
		return dst, ErrNotReady
	}
	var video, audio []*timeline.Rendition
	for _, r := range t.Renditions {
		switch {
		case !isOffered(t, r):
		case r.Track.Kind == media.Video:
			video = append(video, r)
		case r.Track.Kind == media.Audio:
			audio = append(audio, r)
		}
	}
	if len(video)+len(audio) == 0 {
		return dst, ErrNotReady
	}
	dst = appendMultivariantHeader(dst, t, captionsVersion(multivariantVersion, t.Captions), o)
	scores := scoresOf(video)
	if len(video) == 0 {
		for _, r := range audio {
			dst = appendVariant(dst, r, soundGroup{}, scores, "")
		}
		return dst, nil
	}
	groups := groupsOf(audio)
	for _, g := range groups {
		dst = g.appendMedia(dst)
	}
	captions := captionsAttribute(t, video)
	if captions == captionsPresent {
		dst = appendCaptions(dst, t.Captions)
	}
	first := startVariant(video, audio)
	for _, g := range groups {
		dst = appendVariant(dst, video[first], g, scores, captions)
		for i, r := range video {
			if i != first {
				dst = appendVariant(dst, r, g, scores, captions)
			}
		}
	}
	if len(video) > 1 && len(audio) > 0 {
		dst = appendSoundOnly(dst, groups[0], scores, captions)
	}
	for _, r := range video {
		dst = appendIFrameStream(dst, r)
	}
	return dst, nil
}

func appendMultivariantHeader(dst []byte, t *timeline.Timeline, version string, o Options) []byte {
	dst = append(append(dst, "#EXTM3U\n#EXT-X-VERSION:"...), version...)
	dst = append(dst, "\n#EXT-X-INDEPENDENT-SEGMENTS\n"...)
	if o.Start > holdBackTargets*t.Targets.Segment { // §4.4.2.2: no nearer to the end
		dst = append(dst, "#EXT-X-START:TIME-OFFSET=-"...)
		dst = appendUint(dst, uint64(o.Start/time.Second))
		dst = append(dst, ",PRECISE=YES\n"...)
	}
	if o.Steering != "" {
		dst = append(dst, `#EXT-X-CONTENT-STEERING:SERVER-URI="`...)
		dst = append(append(dst, o.Steering...), "\",PATHWAY-ID=\".\"\n"...)
	}
	if o.Title != "" && quotable(o.Title) {
		dst = append(dst, `#EXT-X-SESSION-DATA:DATA-ID="com.apple.hls.title",VALUE="`...)
		dst = append(append(dst, o.Title...), "\"\n"...)
	}
	return dst
}

// startVariant returns the one that stands first, with which the players of
// phones and browsers start, and from whose rate hls.js makes its first guess of
// the line's: the best that a line of startRate carries, or the smallest; one in
// H.264, which every player has, where there is one.
func startVariant(video, audio []*timeline.Rendition) int {
	room := uint64(startRate) - min(loudest(audio).peak, startRate)
	better := func(a, b *timeline.Rendition) bool {
		_, aPlain := a.Track.Codec.(*media.H264)
		_, bPlain := b.Track.Codec.(*media.H264)
		peak, other := bandwidth(a).peak, bandwidth(b).peak
		switch {
		case aPlain != bPlain:
			return aPlain
		case peak <= room && other <= room:
			return peak > other
		}
		return peak < other
	}
	first := 0
	for i, r := range video {
		if better(r, video[first]) {
			first = i
		}
	}
	return first
}

// isOffered reports whether the multivariant playlist names a rendition: it
// has media in this broadcast, and hasn't left.
func isOffered(t *timeline.Timeline, r *timeline.Rendition) bool {
	return r.IsListed(t) && firstListed(t, r) != nil && bandwidth(r).peak > 0
}

// settled reports whether the broadcast has shown all that it started with: a
// player must not see it between the first picture and the first sound. Each
// rendition that started the first epoch has a segment, or a gap where nothing
// came for it while the others went on.
func settled(t *timeline.Timeline) bool {
	current := t.Current()
	if current == nil || current.Number != t.Broadcast {
		return true
	}
	for _, rt := range current.Tracks[:current.Led] {
		if r := t.Rendition(rt.Rendition); r == nil || firstListed(t, r) == nil {
			return false
		}
	}
	return true
}

func yesNo(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

// appendVariant writes a rendition as a variant, together with the audio group.
func appendVariant(dst []byte, r *timeline.Rendition, g soundGroup, scores scores, captions string) []byte {
	rate := bandwidth(r)
	codecs := []string{r.Track.Codec.RFC6381()}
	for _, a := range g.audio {
		codecs = appendNew(codecs, a.Track.Codec.RFC6381())
	}
	sound := loudest(g.audio)
	dst = appendRates(append(dst, "#EXT-X-STREAM-INF:"...), rates{rate.peak + sound.peak, rate.average + sound.average})
	dst = appendStable(scores.append(dst, r), ",STABLE-VARIANT-ID", r)
	dst = appendCodecs(dst, codecs)
	if c, ok := r.Track.Codec.(media.Picture); ok {
		dst = appendPicture(dst, r, c.Format())
	}
	dst = g.appendName(dst)
	dst = append(dst, captions...)
	dst = append(dst, '\n')
	dst = append(dst, r.ID...)
	return append(dst, "/index.m3u8\n"...)
}

// appendSoundOnly writes a group's first rendition as a variant beside those of video.
func appendSoundOnly(dst []byte, g soundGroup, scores scores, captions string) []byte {
	r := g.audio[0]
	dst = appendRates(append(dst, "#EXT-X-STREAM-INF:"...), bandwidth(r))
	dst = appendStable(scores.append(dst, r), ",STABLE-VARIANT-ID", r)
	dst = appendCodecs(dst, []string{r.Track.Codec.RFC6381()})
	dst = g.appendName(dst)
	dst = append(dst, captions...)
	dst = append(dst, '\n')
	dst = append(dst, r.ID...)
	return append(dst, "/index.m3u8\n"...)
}

// appendRates writes the rates that every variant has, of which they are the first attributes.
func appendRates(dst []byte, r rates) []byte {
	dst = append(dst, "BANDWIDTH="...)
	dst = appendUint(dst, r.peak)
	dst = append(dst, ",AVERAGE-BANDWIDTH="...)
	return appendUint(dst, r.average)
}

func appendCodecs(dst []byte, codecs []string) []byte {
	dst = append(dst, `,CODECS="`...)
	for i, c := range codecs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c...)
	}
	return append(dst, '"')
}

// appendNew appends s where the list doesn't hold it yet.
func appendNew(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// appendPicture writes RESOLUTION and FRAME-RATE.
func appendPicture(dst []byte, r *timeline.Rendition, v media.Format) []byte {
	dst = appendResolution(dst, v)
	if rate := frameRate(r.FrameRate, v.FrameRate); rate > 0 {
		dst = append(dst, ",FRAME-RATE="...)
		dst = strconv.AppendFloat(dst, float64(rate)/1000, 'f', 3, 64)
	}
	return dst
}

// appendResolution writes RESOLUTION, the size at which the picture is to be shown
// (RFC 8216bis §4.4.6.2).
func appendResolution(dst []byte, v media.Format) []byte {
	width := v.Width
	if v.SARWidth > 0 && v.SARHeight > 0 {
		width = (v.Width*v.SARWidth + v.SARHeight/2) / v.SARHeight
	}
	dst = append(dst, ",RESOLUTION="...)
	dst = appendUint(dst, uint64(width))
	dst = append(dst, 'x')
	return appendUint(dst, uint64(v.Height))
}

// channels returns the number of channels that a decoder puts out, or 0 where
// the stream itself tells it.
func channels(c media.Codec) int {
	sound, ok := c.(media.Sound)
	if !ok {
		return 0
	}
	_, n := sound.Output()
	return n
}
