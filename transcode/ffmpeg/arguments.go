package ffmpeg

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// fragmentInput takes fragments as they come. With more threads than one the
// decoder holds frames back; without -copyts and -ignore_editlist times move;
// and ffmpeg would wait for more than the init segment to guess what it's told.
var fragmentInput = []string{
	"-threads", "1", "-probesize", "32", "-analyzeduration", "0", "-ignore_editlist", "1",
	"-f", "mov", "-copyts", "-i", "pipe:0",
}

// arguments returns ffmpeg's for a job.
func (j Job) arguments(input []string, u urls) []string {
	args := []string{"-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning"}
	if u.progress != "" {
		args = append(args, "-progress", u.progress, "-stats_period", progressPeriod)
	}
	if j.Audio != nil {
		return append(append(args, input...), j.Audio.arguments(u.outputs[0])...)
	}
	args = append(args, j.Video.devices()...)
	args = append(args, input...)
	args = append(args, "-filter_complex", j.Video.graph())
	for i, o := range j.Video.Outputs {
		args = append(args, "-map", "["+outLabel(i)+"]")
		args = append(args, j.Video.encoding(o)...)
		args = append(args,
			"-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-avoid_negative_ts", "disabled")
		if filter := encoderNamed(o.Encoder).bitstream; filter != "" {
			args = append(args, "-bsf:v", filter)
		}
		args = append(args, "-flush_packets", "1", "-write_index", "0", "-f", "nut", u.outputs[i])
	}
	return args
}

// devices returns the options that open hardware, which stand once and before
// all else.
func (v *VideoJob) devices() []string {
	for _, o := range v.Outputs {
		if d := encoderNamed(o.Encoder).device; d != nil {
			return d
		}
	}
	return nil
}

func inLabel(i int) string  { return "i" + strconv.Itoa(i) }
func outLabel(i int) string { return "o" + strconv.Itoa(i) }

// graph returns the filters: one decoded picture goes to each output through
// what selects, scales and converts it.
func (v *VideoJob) graph() string {
	var g strings.Builder
	// Closed captions come to each output another way: encoders drop those of frames
	// that they don't get, and some know none.
	g.WriteString("[0:v]sidedata=mode=delete:type=A53_CC,split=" + strconv.Itoa(len(v.Outputs)))
	for i := range v.Outputs {
		g.WriteString("[" + inLabel(i) + "]")
	}
	for i, o := range v.Outputs {
		fmt.Fprintf(&g, ";[%s]%sscale=%d:%d:flags=bilinear,setsar=1", inLabel(i), v.selection(o), o.Width, o.Height)
		if f := encoderNamed(o.Encoder).filters; f != "" {
			g.WriteString("," + f)
		}
		g.WriteString("[" + outLabel(i) + "]")
	}
	return g.String()
}

// selection returns the filter that lets an output's frames pass, and a comma;
// nothing where all do. Its variable 0 counts frames from one that every output
// has, and 1 is the number of the Grid that the frame before was in, from 1.
func (v *VideoJob) selection(o Output) string {
	var count string
	var keep []string
	if o.Every > 1 {
		count = fmt.Sprintf(`st(0\,if(key\,0\,mod(ld(0)+1\,%d)))\;`, o.Every)
		if v.Grid > 0 {
			number := fmt.Sprintf(`(floor(pts/%d)+1)`, v.Grid)
			count = fmt.Sprintf(`st(0\,if(gt(%s\,ld(1))\,0\,mod(ld(0)+1\,%d)))\;st(1\,%s)\;`, number, o.Every, number)
		}
		keep = append(keep, `not(ld(0))`)
	}
	if o.From > 0 {
		keep = append(keep, fmt.Sprintf(`gte(pts\,%d)`, o.From))
	}
	if keep == nil {
		return ""
	}
	expression := count + strings.Join(keep, "*")
	if v.early(o) {
		expression += "+eq(n\\,0)"
	}
	return "select=" + expression + ","
}

// early reports whether an output has a frame before From: the first one. The
// encoder's clock starts with its first frame, and for Grid that must be one of
// which we know the time.
func (v *VideoJob) early(o Output) bool { return v.Grid > 0 && o.From > v.First }

// keyframes says where IDR pictures are forced. ffmpeg gives a frame's time in
// seconds since the encoder's first frame, as a floating-point number; half a
// tick makes it the same Grid as its ticks are in.
func (v *VideoJob) keyframes(o Output) string {
	if v.Grid == 0 {
		return "source"
	}
	number := func(t string) string { return fmt.Sprintf("floor((%s*90000+%d.5)/%d)", t, v.First, v.Grid) }
	forced := 1
	if v.early(o) {
		forced = 2
	}
	return fmt.Sprintf("expr:if(lt(n,%d),1,gt(%s,%s))", forced, number("t"), number("prev_forced_t"))
}

// encoding returns the encoder's options for an output.
func (v *VideoJob) encoding(o Output) []string {
	e := encoderNamed(o.Encoder)
	args := append([]string{"-c:v", e.name}, e.options(o, rateOf(o.Rate(v.FrameRate)))...)
	if o.Profile != "" {
		args = append(args, "-profile:v", o.Profile)
	}
	return append(args, "-force_key_frames", v.keyframes(o))
}

// rate is a frame rate as a fraction, 0/0 where it isn't known.
type rate struct{ num, den int }

// rateOf returns the nearest rate that somebody would use: a whole number, that
// times 1000/1001, or thousandths.
func rateOf(fps float64) rate {
	if !(fps > 0) || fps > 1000 {
		return rate{}
	}
	const near = 1e-4
	if whole := math.Round(fps); whole > 0 && math.Abs(fps/whole-1) < near {
		return rate{int(whole), 1}
	}
	if ntsc := math.Round(fps * 1.001); ntsc > 0 && math.Abs(fps*1.001/ntsc-1) < near {
		return rate{int(ntsc) * 1000, 1001}
	}
	return rate{int(math.Round(fps * 1000)), 1000}
}

// known is false where nobody knows the rate.
func (r rate) known() bool { return r.num > 0 }

func (r rate) String() string { return fmt.Sprintf("%d/%d", r.num, r.den) }

// maxApart is how far sound may be from its time, in seconds, before silence is
// put in or sound taken out: most of a frame.
const maxApart = "0.02"

// arguments returns what follows the input.
func (a *AudioJob) arguments(url string) []string {
	return []string{
		"-map", "0:a",
		"-af", fmt.Sprintf("aresample=%d:async=1:min_hard_comp=%s,atrim=start_pts=%d", a.SampleRate, maxApart, max(a.From-warmUp, 0)),
		"-c:a", "aac", "-ar", strconv.Itoa(a.SampleRate), "-ac", strconv.Itoa(a.Channels),
		"-b:a", strconv.Itoa(a.Bitrate), "-avoid_negative_ts", "disabled",
		"-flush_packets", "1", "-write_index", "0", "-f", "nut", url,
	}
}
