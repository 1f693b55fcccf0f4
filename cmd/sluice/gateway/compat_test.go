package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/config"
	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

// oldEncoders is a gateway that lets everything in, and its stream's key.
func oldEncoders(t *testing.T) (*Gateway, string, *book) {
	t.Helper()
	key, logs := catalog.NewKey(), &book{}
	c := onLoopback(t)
	c.Compat, c.Ladder = config.Compat{RTMPT: true, RTMPE: true}, rung.SourceSpec()
	c.TLS.Client.CA = newStudios(t).file // RTMPS asks for certificates that they haven't
	c.Streams = []config.Stream{{Name: "hall", Key: key}}
	g := open(t, c, Options{Log: logs.logger()})
	serve(t, g)
	return g, key.Reveal(), logs
}

// plays publishes with a program, until a playlist lists what it sends.
func plays(t *testing.T, g *Gateway, logs *book, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is needed: make need-test installs it", name)
	}
	ctx, stop := context.WithCancel(t.Context())
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		stop()
		<-ended
		if t.Failed() {
			t.Logf("%s said: %s\nthe gateway said: %s", name, &said, logs)
		}
	}()
	eventually(t, func() error {
		_, _, body, err := get(client(t, g), "http://"+g.Addresses().HTTP+"/live/hall/source/index.m3u8")
		if err == nil && strings.Count(body, "#EXTINF") < 2 {
			err = errors.New(body)
		}
		return err
	})
}

// endless are ffmpeg's arguments for a film that lasts as long as anybody wants it.
var endless = []string{
	"-hide_banner", "-nostdin", "-loglevel", "warning", "-re",
	"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-f", "lavfi", "-i", "sine=sample_rate=48000",
	"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30", "-c:a", "aac", "-f", "flv",
}

func TestFFmpegThroughTheTunnel(t *testing.T) {
	for scheme, addr := range map[string]func(Addresses) string{
		"rtmpt":  func(a Addresses) string { return a.HTTP },
		"rtmpts": func(a Addresses) string { return a.HTTPS },
	} {
		t.Run(scheme, func(t *testing.T) {
			g, key, logs := oldEncoders(t)
			plays(t, g, logs, "ffmpeg", append(endless, fmt.Sprintf("%s://%s/live/%s", scheme, addr(g.Addresses()), key))...)
			logs.says(t, "publishing over "+scheme)
			require.NotContains(t, logs.String(), key)
		})
	}
}

// librtmp, as GStreamer has it.
func TestLibrtmp(t *testing.T) {
	for scheme, addr := range map[string]func(Addresses) string{
		"rtmp":  func(a Addresses) string { return a.RTMP },
		"rtmpt": func(a Addresses) string { return a.HTTP },
		"rtmpe": func(a Addresses) string { return a.RTMP },
		"rtmps": func(a Addresses) string { return a.RTMPS }, // without SNI
	} {
		t.Run(scheme, func(t *testing.T) {
			g, key, logs := oldEncoders(t)
			host, port, err := net.SplitHostPort(addr(g.Addresses()))
			require.NoError(t, err)
			plays(t, g, logs, "gst-launch-1.0", append([]string{"-q", "flvmux", "name=mux", "streamable=true", "!",
				"rtmpsink", fmt.Sprintf("location=%s://%s:%s/live/%s", scheme, host, port, key)}, filmed...)...)
			logs.says(t, "publishing over "+scheme)
		})
	}
}

// GStreamer's own RTMP, with sound.
func TestRTMP2Sink(t *testing.T) {
	for scheme, addr := range map[string]func(Addresses) string{
		"rtmp":  func(a Addresses) string { return a.RTMP },
		"rtmps": func(a Addresses) string { return a.RTMPS },
	} {
		t.Run(scheme, func(t *testing.T) {
			g, key, logs := oldEncoders(t)
			sink := []string{"-q", "flvmux", "name=mux", "streamable=true", "!",
				"rtmp2sink", fmt.Sprintf("location=%s://%s/live/%s", scheme, addr(g.Addresses()), key), "tls-validation-flags=0"}
			sound := []string{"audiotestsrc", "is-live=true", "!", "voaacenc", "!", "aacparse", "!", "mux."}
			plays(t, g, logs, "gst-launch-1.0", append(append(sink, filmed...), sound...)...)
			logs.says(t, "publishing over "+scheme)
			_, _, body, err := get(client(t, g), "http://"+g.Addresses().HTTP+"/live/hall/audio/index.m3u8")
			require.NoError(t, err)
			require.Contains(t, body, "#EXTINF")
		})
	}
}

// filmed are GStreamer's words for a film without sound.
var filmed = []string{
	"videotestsrc", "is-live=true", "!", "video/x-raw,format=I420,width=320,height=180,framerate=30/1", "!",
	"x264enc", "tune=zerolatency", "speed-preset=ultrafast", "key-int-max=30", "!", "h264parse", "!", "mux.",
}

func TestOldEncodersAreRefusedUnlessAskedFor(t *testing.T) {
	logs := &book{}
	g := open(t, onLoopback(t), Options{Log: logs.logger()})
	serve(t, g)
	res, err := client(t, g).Post("http://"+g.Addresses().HTTP+"/open/1", "application/x-fcs", strings.NewReader("\x00"))
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, 405, res.StatusCode)
	c, err := net.Dial("tcp", g.Addresses().RTMP)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write(append([]byte{6}, make([]byte, 1536)...))
	require.NoError(t, err)
	logs.says(t, "RTMPE")
}
