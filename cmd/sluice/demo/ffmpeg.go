package demo

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
)

// ErrNoFFmpeg says how to get ffmpeg.
var ErrNoFFmpeg = errors.New("sluice demo needs ffmpeg, and there is none in the PATH. Install it with\n" +
	"  sudo apt-get install ffmpeg    (Debian, Ubuntu)\n" +
	"  brew install ffmpeg            (macOS)\n" +
	"  winget install ffmpeg          (Windows)")

// FindFFmpeg returns the path of ffmpeg.
func FindFFmpeg() (string, error) {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		return "", ErrNoFFmpeg
	}
	return path, nil
}

const gopSeconds = 2

// tone is a soft fifth that swells every four seconds, and a short beep at each
// full second, with the picture's flash.
const tone = "aevalsrc=" +
	`0.02*sin(2*PI*220*t)*(0.7+0.3*sin(PI*t/2))+0.015*sin(2*PI*330*t)+0.06*sin(2*PI*880*t)*lt(mod(t\,1)\,0.06)` +
	":c=mono:s=48000"

// arguments returns ffmpeg's, for raw frames on its standard input.
func arguments(url string) []string {
	gop := strconv.Itoa(gopSeconds * FrameRate)
	return []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning",
		"-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", fmt.Sprintf("%dx%d", Width, Height),
		"-framerate", strconv.Itoa(FrameRate), "-i", "pipe:0",
		"-f", "lavfi", "-i", tone,
		"-map", "0:v", "-map", "1:a",
		"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "high",
		"-g", gop, "-keyint_min", gop, "-sc_threshold", "0",
		"-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k",
		"-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
		"-c:a", "aac", "-b:a", "128k", "-ac", "2",
		"-flush_packets", "1", "-f", "flv", url,
	}
}
