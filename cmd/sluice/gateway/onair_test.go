package gateway

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/config"
	"sluice/storage/catalog"
	"sluice/transcode/rung"
	"sluice/web"
)

// shows waits until an input of the stream live is on air.
func shows(t *testing.T, g *Gateway, input string) (s struct {
	State             string
	Publisher, Backup *web.Publisher
	OnAir             *web.OnAir `json:"on_air"`
}) {
	t.Helper()
	c := client(t, g)
	eventually(t, func() error {
		_, _, body, err := get(c, "http://"+g.Addresses().HTTP+"/api/v1/streams/live")
		if err == nil {
			err = json.Unmarshal([]byte(body), &s)
		}
		if err == nil && (s.OnAir == nil || s.OnAir.Input != input) {
			err = fmt.Errorf("%s", body)
		}
		return err
	})
	return s
}

// A key that is revoked while its publisher is on air leaves the air to the backup, and
// the stream goes on.
func TestBackupOfARevokedKey(t *testing.T) {
	c := onLoopback(t)
	c.Ladder.Rungs = nil
	log := &book{}
	g := open(t, c, Options{Log: log.logger()})
	serve(t, g)
	key, _ := g.FirstKey()
	spare := catalog.NewKey()
	edit := func(change func(s *catalog.Stream)) { editBeside(t, c.Data, change) }
	edit(func(s *catalog.Stream) {
		k := catalog.NewStreamKey(spare.Hash(), time.Now())
		k.Purpose = catalog.Backup
		s.Keys = append(s.Keys, k)
	})
	ended := push(t, g, key.Reveal())
	isLive(t, g, "live")
	push(t, g, spare.Reveal())
	web := client(t, g)
	eventually(t, func() error {
		if s := shows(t, g, "primary"); s.Backup == nil || s.Backup.Video == nil || s.Backup.Video.KeyframesMS == nil {
			return fmt.Errorf("the backup isn't hot: %+v", s)
		}
		return nil
	})
	_, _, metrics, err := get(web, "http://"+g.Addresses().HTTP+"/metrics")
	require.NoError(t, err)
	for _, want := range []string{
		`sluice_on_air{input="primary",stream="live"} 1`,
		`sluice_publisher_idle_seconds{input="primary",stream="live"}`, `sluice_publisher_idle_seconds{input="backup",stream="live"}`,
	} {
		require.Contains(t, metrics, want)
	}

	edit(func(s *catalog.Stream) { s.Keys[0].Revoked = time.Now() })
	require.Contains(t, <-ended, "The stream key was withdrawn")
	s := shows(t, g, "backup")
	require.Equal(t, "live", s.State)
	require.Nil(t, s.Publisher)
	require.NotNil(t, s.Backup)
	require.NotEmpty(t, s.OnAir.Why)
	log.says(t, "backup is on air")
	require.NotContains(t, log.String(), "stream ended")
}

// The end of the gateway ends a slate with the stream, be it shown as it is or by rungs
// alone, which take longer to come to their end.
func TestEndDuringTheSlate(t *testing.T) {
	for name, ladder := range map[string]rung.Spec{"source": rung.SourceSpec(), "hidden": {Source: &rung.Source{Height: 180}}} {
		t.Run(name, func(t *testing.T) {
			c := onLoopback(t)
			c.Ladder = ladder
			c.Continuity.Slate, c.Continuity.SlateAfter = config.SlateOn, 500*time.Millisecond
			log := &book{}
			g := open(t, c, Options{Log: log.logger()})
			end := serve(t, g)
			key, _ := g.FirstKey()
			ended := pushPicture(t, g, key.Reveal(), "testsrc=size=640x360:rate=10")
			isLive(t, g, "live")
			editBeside(t, c.Data, func(s *catalog.Stream) { s.Keys[0].Revoked = time.Now() })
			<-ended
			s := shows(t, g, "slate")
			require.Nil(t, s.Publisher)
			isLive(t, g, "live")
			require.NoError(t, end())
			require.Equal(t, 1, strings.Count(log.String(), "stream ended"))
			require.Empty(t, children(t))
		})
	}
}

func TestSlateThatIsMissing(t *testing.T) {
	c := onLoopback(t)
	c.Continuity.Slate = filepath.Join(t.TempDir(), "none.png")
	_, err := Open(t.Context(), c, Options{Log: quiet})
	require.ErrorContains(t, err, "slate: ")
}
