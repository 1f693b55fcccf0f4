package vitals

import (
	"fmt"
	"strings"
	"time"

	"sluice/media"
)

// Vitals are a session's, as of a moment. Zero stands for what isn't known yet.
type Vitals struct {
	Video *Video // nil where there is no picture
	Audio *Audio // nil where there is no sound

	// Bitrate is what came in the last seconds, and BitrateMinute what came in the
	// last minute, in bits of media a second.
	Bitrate, BitrateMinute float64
	// Speed is the media that came in a second, in seconds: 1 where all is well.
	Speed float64
	// Offset is by how much sound comes before the picture of the same time;
	// negative where it comes after. Known only where there are both.
	Offset      time.Duration
	OffsetKnown bool
	// Drift is by how much the encoder's clock is faster than the server's, in parts
	// per million. Known after a minute, unless a buffer on the way has grown or shrunk.
	Drift      float64
	DriftKnown bool

	Epochs   int               // begun in this session
	Repaired uint64            // timestamps
	Dropped  map[string]uint64 // samples, by reason; nil if there are none
	Stops    int               // pauses of more than a second in the last minute
}

// Video is what there is to say of the picture.
type Video struct {
	Codec            string // RFC 6381
	Width, Height    int
	Profile          string // as people call it; empty where it has no name
	FPS, DeclaredFPS float64
	Bitrate          float64
	// Keyframes is the distance of the newest two, or what has passed since the
	// newest, if that is more; KeyframesMost is the longest of the session's epoch.
	Keyframes, KeyframesMost time.Duration
	BFrames                  int // the most in a row
}

// Audio is what there is to say of the sound.
type Audio struct {
	Codec      string // RFC 6381
	SampleRate int    // Hz
	Channels   int
	Bitrate    float64
}

// Advice says what the broadcaster should change, in plain words; nothing where
// all is well. What is wrong with the codec or with the distance of keyframes others
// say (media.Advice, packager.Health).
func (v Vitals) Advice() []string {
	var a []string
	if p := v.Video; p != nil {
		if p.DeclaredFPS > 0 && p.FPS > 0 && p.FPS < p.DeclaredFPS*(1-lostFrames) && v.Speed >= slowSpeed {
			a = append(a, fmt.Sprintf("%.4g of %.4g frames a second come: the encoder is overloaded: "+
				"choose a faster preset, a smaller picture or fewer frames in OBS, Settings, Output and Video", p.FPS, p.DeclaredFPS))
		}
		if p.BFrames > manyBFrames {
			a = append(a, fmt.Sprintf("%d B-frames in a row delay the stream: set 2 or none in OBS, Settings, Output", p.BFrames))
		}
	}
	switch {
	case v.Stops >= manyStops:
		a = append(a, fmt.Sprintf("the line stood still %d times in the last minute: lower the bitrate, "+
			"or use a cable in place of a wireless network", v.Stops))
	case v.Speed > 0 && v.Speed < slowSpeed:
		a = append(a, fmt.Sprintf("only %.2f s of media come in a second: the line or the encoder is too slow: lower the bitrate", v.Speed))
	}
	if v.OffsetKnown && v.Offset.Abs() > farApart {
		which, other := "sound", "picture"
		if v.Offset < 0 {
			which, other = other, which
		}
		a = append(a, fmt.Sprintf("the %s comes %.1f s before the %s of the same time: look at the encoder's sync offset",
			which, v.Offset.Abs().Seconds(), other))
	}
	if v.DriftKnown && v.Speed >= slowSpeed && (v.Drift > muchDrift || v.Drift < -muchDrift) {
		a = append(a, fmt.Sprintf("the encoder's clock is wrong by %.0f ppm: use another clock source, or restart the encoder", v.Drift))
	}
	return a
}

// profiles are H.264's by profile_idc (Rec. ITU-T H.264 A.2).
var profiles = map[byte]string{66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10", 122: "High 4:2:2", 244: "High 4:4:4"}

// others are those of other codecs, by how their RFC 6381 names begin: H.265's (Rec. ITU-T
// H.265 A.3), AV1's (§A.2 of its specification), and VP9's.
var others = []struct{ begin, name string }{
	{"hvc1.1.", "Main"}, {"hvc1.2.", "Main 10"}, {"hvc1.3.", "Main Still Picture"}, {"hvc1.4.", "Range Extensions"},
	{"av01.0.", "Main"}, {"av01.1.", "High"}, {"av01.2.", "Professional"},
	{"vp09.00.", "Profile 0"}, {"vp09.01.", "Profile 1"}, {"vp09.02.", "Profile 2"}, {"vp09.03.", "Profile 3"},
}

// profileOf names a codec's profile.
func profileOf(c media.Codec) string {
	if h, ok := c.(*media.H264); ok && len(h.SPS) > 3 {
		if h.SPS[1] == 66 && h.SPS[2]&0x40 != 0 {
			return "Constrained Baseline"
		}
		return profiles[h.SPS[1]]
	}
	for _, o := range others {
		if strings.HasPrefix(c.RFC6381(), o.begin) {
			return o.name
		}
	}
	return ""
}
