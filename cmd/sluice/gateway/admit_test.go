package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/config"
	"sluice/cmd/sluice/demo"
	"sluice/ingest/webhook"
	"sluice/storage/catalog"
)

// push publishes a test picture to a stream with this key until it's ended, and
// returns what ffmpeg says then.
func push(t *testing.T, g *Gateway, key string) (ended <-chan string) {
	t.Helper()
	return pushPicture(t, g, key, "testsrc=size=128x72:rate=10")
}

// pushPicture is push with a picture of one's own, a filter of ffmpeg's.
func pushPicture(t *testing.T, g *Gateway, key, picture string) (ended <-chan string) {
	t.Helper()
	ffmpeg, err := demo.FindFFmpeg()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	cmd := exec.CommandContext(ctx, ffmpeg, "-v", "info", "-nostats", "-re", "-f", "lavfi", "-i", picture,
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "flv",
		fmt.Sprintf("rtmp://%s/live/%s", g.Addresses().RTMP, key))
	said := make(chan string, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		out, _ := cmd.CombinedOutput()
		said <- string(out)
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return said
}

// isLive waits until a stream has segments.
func isLive(t *testing.T, g *Gateway, stream string) {
	t.Helper()
	c := client(t, g)
	eventually(t, func() error {
		status, _, body, err := get(c, "http://"+g.Addresses().HTTP+"/live/"+stream+"/source/index.m3u8")
		if err == nil && (status != 200 || !strings.Contains(body, "#EXTINF")) {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	})
}

// A key that another process revokes ends its live session, in a way that ffmpeg
// understands, and lets nobody in again.
func TestKeyRevokedByAnotherProcess(t *testing.T) {
	c := onLoopback(t)
	c.Ladder.Rungs = nil
	log := &book{}
	g := open(t, c, Options{Log: log.logger()})
	serve(t, g)
	key, _ := g.FirstKey()
	ended := push(t, g, key.Reveal())
	isLive(t, g, "live")

	editBeside(t, c.Data, func(s *catalog.Stream) { s.Keys[0].Revoked = time.Now() })
	said := <-ended
	require.Contains(t, said, "The stream key was withdrawn: ask for a new one.", "ffmpeg shows why")
	log.says(t, "stream key was revoked")

	said = <-push(t, g, key.Reveal())
	require.Contains(t, said, "Stream key not accepted")
	require.NotContains(t, log.String(), key.Reveal())
	_, _, metrics, err := get(client(t, g), "http://"+g.Addresses().HTTP+"/metrics")
	require.NoError(t, err)
	require.Contains(t, metrics, `sluice_ingest_sessions_ended_total{reason="revoked"} 1`)
	require.Contains(t, metrics, `sluice_ingest_refused_total{reason="revoked"} 1`)
	require.Contains(t, metrics, "sluice_admission_limited_addresses 0")
}

// An application maps its own key to a stream, and hears of the end, also when that is
// the gateway's own.
func TestApplicationAdmits(t *testing.T) {
	secret := "a secret of two parties"
	heard := make(chan webhook.Message, 10)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = webhook.Verify([]byte(secret), r.Header.Get(webhook.SignatureHeader), body, time.Now(), time.Minute)
		}
		var m webhook.Message
		if err == nil {
			err = json.Unmarshal(body, &m)
		}
		if err != nil {
			t.Errorf("request: %v", err)
		}
		heard <- m
		io.WriteString(w, `{"stream":"hall"}`)
	}))
	defer app.Close()
	c := onLoopback(t)
	c.Ladder.Rungs = nil
	c.Streams = []config.Stream{{Name: "hall"}}
	c.Webhooks = config.Webhooks{OnPublish: app.URL, OnPublishDone: app.URL, Secret: config.Secret(secret), Timeout: 5 * time.Second}
	g := open(t, c, Options{})
	end := serve(t, g)
	push(t, g, "the-applications-own")
	isLive(t, g, "hall")
	asked := <-heard
	require.Equal(t, []string{webhook.OnPublish, webhook.ByNone, "the-applications-own", ""}, []string{asked.Event, asked.By, asked.Key, asked.Stream})
	require.NoError(t, end())
	told := <-heard
	require.Equal(t, []string{webhook.OnPublishDone, "hall", "shutdown"}, []string{told.Event, told.Stream, told.Reason})
	require.Equal(t, asked.Publication, told.Publication)
}

func TestTokenAdmits(t *testing.T) {
	secret := "a secret of two parties"
	c := onLoopback(t)
	c.Ladder.Rungs = nil
	c.Streams = []config.Stream{{Name: "hall"}}
	c.JWT = config.JWT{Secret: config.Secret(secret)}
	g := open(t, c, Options{})
	serve(t, g)
	raw, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "hall", "exp": time.Now().Add(time.Hour).Unix()}).SignedString([]byte(secret))
	require.NoError(t, err)
	push(t, g, "hall?token="+raw)
	isLive(t, g, "hall")
}

// Viewers are asked about too, each once.
func TestApplicationIsAskedAboutViewers(t *testing.T) {
	var heard atomic.Int32
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard.Add(1)
		var m webhook.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || m.Event != webhook.OnPlay || m.Address != "127.0.0.1" {
			t.Errorf("%+v, %v", m, err)
		}
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"reason":"members only"}`)
	}))
	defer app.Close()
	c := onLoopback(t)
	c.Webhooks = config.Webhooks{OnPlay: app.URL, Secret: "a secret of two parties", Timeout: 5 * time.Second}
	g := open(t, c, Options{})
	serve(t, g)
	for range 3 {
		status, _, body, err := get(client(t, g), "http://"+g.Addresses().HTTP+"/live/live/index.m3u8")
		require.NoError(t, err)
		require.Equal(t, 403, status)
		require.Equal(t, "forbidden: members only\n", body)
	}
	require.EqualValues(t, 1, heard.Load())

	// So are those of RTMP, by the same answer.
	ffmpeg, err := exec.LookPath("ffmpeg")
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), ffmpeg, "-v", "error", "-i", "rtmp://"+g.Addresses().RTMP+"/live/live", "-f", "null", "-").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "You may not play this stream.")
	require.EqualValues(t, 1, heard.Load())
}

func TestTokenKeysThatAreMissing(t *testing.T) {
	c := onLoopback(t)
	c.JWT = config.JWT{KeyFile: filepath.Join(t.TempDir(), "none.pem")}
	_, err := Open(t.Context(), c, Options{Log: quiet})
	require.ErrorContains(t, err, "none.pem")
}

// Who sends far more than --max-bitrate allows is cut off, and told why.
func TestMaxBitrate(t *testing.T) {
	c := onLoopback(t)
	c.Ladder.Rungs, c.MaxBitrate = nil, 200_000
	logs := &book{}
	g := open(t, c, Options{Log: logs.logger()})
	serve(t, g)
	key, _ := g.FirstKey()
	said := <-pushPicture(t, g, key.Reveal(), "testsrc=size=320x180:rate=10,noise=alls=100:allf=t")
	require.Contains(t, said, "The bitrate is above this server's limit: lower it.")
	logs.says(t, "bitrate above the limit: 0.2 Mb/s is allowed")
}
