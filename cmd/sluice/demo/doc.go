// Package demo publishes a moving test picture with a clock burnt in and a
// quiet tone: what `sluice demo` shows.
//
// The picture is drawn here, so that the clock shows this machine's time to the
// millisecond and needs no font; ffmpeg encodes it with the tone (H.264 at
// 720p30 with a GOP of two seconds, AAC) and pushes it to an RTMP URL. In goes
// that URL; out comes nothing but the stream. Publisher.Serve owns one ffmpeg
// process at a time, starts it again when it ends, and waits for all that it
// started. One goroutine calls it.
package demo
