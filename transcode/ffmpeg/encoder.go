package ffmpeg

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/transcode/rung"
)

// encoder is one of ffmpeg's, and how it is told what a rung must be: no
// B-frames, nothing held back, IDR pictures where they are forced and nowhere
// else, 8 bits 4:2:0.
//
// The options of hardware are by ffmpeg's documentation. Its trial decides
// whether they hold on the machine at hand.
type encoder struct {
	name      string
	codec     rung.Codec
	family    rung.Encoder
	device    []string // global options
	filters   string   // behind the scaler
	bitstream string   // filter that puts parameter sets before IDR pictures
	options   func(o Output, fps Rate) []string
}

func (e *encoder) hardware() bool { return e.family != rung.Libx264 }

const (
	parameterSets = "dump_extra=freq=keyframe"
	// gop is the longest distance of keyframes: for ever, within 16 bits.
	gop = "65535"
	// renderNode is the first GPU.
	renderNode = "/dev/dri/renderD128"
)

// encoders in the order in which they are preferred for a codec within hardware
// and within software. The family Libx264 is software, whatever the codec.
var encoders = []encoder{
	{"h264_nvenc", rung.H264, rung.NVENC, nil, "", parameterSets, nvenc},
	{"h264_qsv", rung.H264, rung.QSV, nil, "format=nv12", parameterSets, qsv},
	{"h264_vaapi", rung.H264, rung.VAAPI, vaapiDevice, vaapiUpload, parameterSets, vaapi},
	{"h264_videotoolbox", rung.H264, rung.VideoToolbox, nil, "format=nv12", parameterSets, videotoolbox},
	{"libx264", rung.H264, rung.Libx264, nil, "", parameterSets, x264},

	{"hevc_nvenc", rung.HEVC, rung.NVENC, nil, "", parameterSets, nvenc},
	{"hevc_qsv", rung.HEVC, rung.QSV, nil, "format=nv12", parameterSets, qsv},
	{"hevc_vaapi", rung.HEVC, rung.VAAPI, vaapiDevice, vaapiUpload, parameterSets, vaapi},
	{"hevc_videotoolbox", rung.HEVC, rung.VideoToolbox, nil, "format=nv12", parameterSets, videotoolbox},
	{"libx265", rung.HEVC, rung.Libx264, nil, "", parameterSets, x265},

	// AV1's keyframes hold their sequence header.
	{"av1_nvenc", rung.AV1, rung.NVENC, nil, "", "", nvenc},
	{"av1_qsv", rung.AV1, rung.QSV, nil, "format=nv12", "", qsv},
	{"av1_vaapi", rung.AV1, rung.VAAPI, vaapiDevice, vaapiUpload, "", vaapi},
	{"libsvtav1", rung.AV1, rung.Libx264, nil, "", "", svtav1},
	{"libaom-av1", rung.AV1, rung.Libx264, nil, "", "", aom},
}

var vaapiDevice = []string{"-vaapi_device", renderNode}

const vaapiUpload = "format=nv12,hwupload"

// encoderNamed returns nil where there's none of that name.
func encoderNamed(name string) *encoder {
	for i := range encoders {
		if encoders[i].name == name {
			return &encoders[i]
		}
	}
	return nil
}

// preset returns the output's, or what is used where it has none.
func preset(o Output, usual string) string {
	if o.Preset != "" {
		return o.Preset
	}
	return usual
}

func bits(n int) string { return strconv.Itoa(n) }

// capped bounds what a quality may take: R over any two seconds.
func capped(o Output) []string {
	return []string{"-maxrate", bits(o.Bitrate), "-bufsize", bits(2 * o.Bitrate)}
}

// constant spends the bitrate, over any second.
func constant(o Output) []string {
	r := bits(o.Bitrate)
	return []string{"-b:v", r, "-minrate", r, "-maxrate", r, "-bufsize", r}
}

// hardwareRate is for encoders that have no capped quality in common: an
// average below the cap.
func hardwareRate(o Output) []string {
	if o.CBR {
		return constant(o)
	}
	return append([]string{"-b:v", bits(o.Bitrate / 5 * 4)}, capped(o)...)
}

// parameters joins key=value pairs as the libraries want them.
func parameters(pairs ...string) string { return strings.Join(pairs, ":") }

// x264 does 720p with a quarter of a core at superfast; ultrafast would lose
// 3.7 dB, veryfast cost 1.6 times as much for 0.14 dB. The cap goes by a
// constant frame rate: from a wrong one comes a wrong cap.
func x264(o Output, fps Rate) []string {
	args := []string{"-preset", preset(o, "superfast"), "-tune", "zerolatency", "-threads", "1", "-pix_fmt", "yuv420p"}
	if o.CBR {
		args = append(append(args, constant(o)...), "-nal-hrd", "cbr")
	} else {
		args = append(append(args, "-crf", "24"), capped(o)...)
	}
	args = append(args, "-forced-idr", "1", "-sc_threshold", "0", "-g", "100000", "-bf", "0")
	if fps.Known() {
		args = append(args, "-x264-params", "fps="+fps.String())
	}
	return args
}

func x265(o Output, fps Rate) []string {
	args := []string{"-preset", preset(o, "superfast"), "-tune", "zerolatency", "-threads", "1", "-pix_fmt", "yuv420p"}
	params := []string{
		"bframes=0", "scenecut=0", "open-gop=0", "frame-threads=1",
		"pools=none", "wpp=0", "lookahead-slices=0", // one thread, and no word about it
		"info=0", // 2 KB of options in each keyframe
		"log-level=warning",
	}
	if o.CBR {
		args = append(args, constant(o)...)
		params = append(params, "strict-cbr=1", "hrd=1")
	} else {
		args = append(append(args, "-crf", "26"), capped(o)...)
	}
	if fps.Known() {
		params = append(params, "fps="+fps.String())
	}
	return append(args, "-forced-idr", "1", "-g", "100000", "-x265-params", parameters(params...))
}

// svtav1 needs a version that can force keyframes without looking ahead; its
// trial tells.
func svtav1(o Output, fps Rate) []string {
	params := []string{"pred-struct=1", "lp=1", "scd=0", "enable-force-key-frames=1"}
	args := []string{"-preset", preset(o, "11"), "-pix_fmt", "yuv420p"}
	if o.CBR {
		args = append(args, constant(o)...)
		params = append(params, "rc=2")
	} else {
		args = append(append(args, "-crf", "38"), capped(o)...)
	}
	if fps.Known() {
		params = append(params, fmt.Sprintf("fps-num=%d", fps.Num), fmt.Sprintf("fps-denom=%d", fps.Den))
	}
	return append(args, "-g", "100000", "-svtav1-params", parameters(params...))
}

// aom at usage realtime takes its bitrate as the cap of its quality.
func aom(o Output, _ Rate) []string {
	args := []string{
		"-usage", "realtime", "-cpu-used", preset(o, "8"), "-lag-in-frames", "0", "-row-mt", "0",
		"-threads", "1", "-pix_fmt", "yuv420p", "-g", "100000",
	}
	if o.CBR {
		return append(args, constant(o)...)
	}
	return append(args, "-crf", "36", "-b:v", bits(o.Bitrate), "-bufsize", bits(2*o.Bitrate))
}

func nvenc(o Output, _ Rate) []string {
	args := []string{"-preset", preset(o, "p4"), "-tune", "ll", "-pix_fmt", "yuv420p"}
	if o.CBR {
		args = append(append(args, "-rc", "cbr"), constant(o)...)
	} else {
		args = append(append(args, "-rc", "vbr", "-cq", "26", "-b:v", "0"), capped(o)...)
	}
	return append(args, "-forced-idr", "1", "-bf", "0", "-rc-lookahead", "0", "-zerolatency", "1", "-delay", "0", "-g", gop)
}

func vaapi(o Output, _ Rate) []string {
	mode := "VBR"
	if o.CBR {
		mode = "CBR"
	}
	args := append([]string{"-rc_mode", mode}, hardwareRate(o)...)
	if o.Preset != "" {
		args = append(args, "-compression_level", o.Preset)
	}
	return append(args, "-bf", "0", "-idr_interval", "0", "-async_depth", "1", "-g", gop)
}

func qsv(o Output, _ Rate) []string {
	args := append([]string{"-preset", preset(o, "veryfast")}, hardwareRate(o)...)
	if o.Codec == rung.H264 {
		args = append(args, "-look_ahead", "0")
	}
	return append(args, "-forced_idr", "1", "-bf", "0", "-async_depth", "1", "-g", gop)
}

func videotoolbox(o Output, _ Rate) []string {
	return append(hardwareRate(o), "-realtime", "1", "-allow_sw", "0", "-bf", "0", "-g", gop)
}
