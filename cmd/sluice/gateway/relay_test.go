package gateway

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// nginxThatPulls starts nginx-rtmp with a static pull of a URL, and returns where it has
// what it pulls.
func nginxThatPulls(t *testing.T, url string) string {
	t.Helper()
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := probe.Addr().String()
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, `
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; master_process off; pid nginx.pid; error_log error.log warn;
events { worker_connections 64; }
rtmp { access_log off; server { listen %s; application live { live on; pull %s name=live static; } } }
`, addr, url), 0o600))
	probe.Close()
	nginx := tool(t, "/usr/sbin/nginx", "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	require.NoError(t, nginx.Start())
	t.Cleanup(func() {
		_ = nginx.Process.Kill()
		_ = nginx.Wait()
	})
	return "rtmp://" + addr + "/live/live"
}

// A server that pulls has what was published, to the byte and the millisecond, and so have
// its own players.
func TestRelayThatPulls(t *testing.T) {
	dir := t.TempDir()
	clip, played := filepath.Join(dir, "clip.flv"), filepath.Join(dir, "played.flv")
	out, err := tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=8",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=8", "-c:v", "libx264", "-preset", "ultrafast",
		"-bf", "2", "-b_strategy", "0", "-g", "30", "-pix_fmt", "yuv420p", "-c:a", "aac", clip).CombinedOutput()
	require.NoError(t, err, string(out))
	g, key, _ := hall(t)
	url := "rtmp://" + g.Addresses().RTMP + "/live/"
	relayed := nginxThatPulls(t, url+"hall")
	eventually(t, func() error {
		if metric(t, g, "sluice_rtmp_players") != 1 {
			return errors.New("nothing is pulled")
		}
		return nil
	})
	player := tool(t, "ffmpeg", "-v", "error", "-rw_timeout", "20000000", "-i", relayed, "-c", "copy", "-t", "5", played)
	require.NoError(t, player.Start())
	publisher := tool(t, "ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "flv", url+key.Reveal())
	out, err = publisher.CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, player.Wait())
	requirePartOf(t, packets(t, clip, "v"), packets(t, played, "v"), 60)
	requirePartOf(t, packets(t, clip, "a"), packets(t, played, "a"), 90)
}
