package gateway

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/demo"
	"sluice/ingest/amf0"
	"sluice/ingest/flv"
	"sluice/media/scte35"
	"sluice/web"
)

// talking is a film with script tags in it.
func talking(t *testing.T, ffmpeg string) []tag {
	t.Helper()
	tags := film(t, ffmpeg, "128x72", 440)
	script := func(at uint32, values ...any) {
		i, _ := slices.BinarySearchFunc(tags, at, func(g tag, at uint32) int { return int(g.at) - int(at) })
		tags = slices.Insert(tags, i, tag{at, amf0.AppendTo(nil, values...), 18})
	}
	script(1500, "@setDataFrame", "onTextData", amf0.Object{{Key: "text", Value: "Größe"}})
	script(2500, "onCuePoint", amf0.Object{{Key: "name", Value: "goal"}, {Key: "time", Value: 2.5}})
	script(3000, "onAdCue", amf0.Object{
		{Key: "cue", Value: "SpliceOut"}, {Key: "id", Value: "9"}, {Key: "duration", Value: 5.0}, {Key: "time", Value: 4.0},
	})
	return tags
}

// What a publisher says beside its pictures is what a player over RTMP is told, at the same
// times; an application's splices too. Players that know none of it play on.
func TestPlaysTimedMetadata(t *testing.T) {
	ffmpeg, err := demo.FindFFmpeg()
	require.NoError(t, err)
	tags := talking(t, ffmpeg)
	g, key, _ := hall(t)
	l := listen(t, g.Addresses().RTMP, "hall")
	url, dir := "rtmp://"+g.Addresses().RTMP+"/live/hall", t.TempDir()
	others := map[string]*exec.Cmd{
		"ffmpeg.flv": tool(t, "ffmpeg", "-v", "error", "-i", url, "-c", "copy", filepath.Join(dir, "ffmpeg.flv")),
		"gst.flv":    tool(t, "gst-launch-1.0", "-e", "rtmp2src", "location="+url, "!", "filesink", "location="+filepath.Join(dir, "gst.flv")),
		"dump.flv":   tool(t, "rtmpdump", "-q", "--live", "-r", url, "--subscribe", "hall", "-o", filepath.Join(dir, "dump.flv")),
	}
	for _, cmd := range others {
		require.NoError(t, cmd.Start())
	}
	eventually(t, func() error {
		if n := metric(t, g, "sluice_rtmp_players"); n != float64(1+len(others)) {
			return fmt.Errorf("%v players", n)
		}
		return nil
	})
	asked := make(chan []string, 1)
	go func() {
		for {
			ids, err := g.cue(t.Context(), "hall", web.Cue{Kind: web.CueOut, ID: "ours", Duration: time.Second, Ahead: time.Minute})
			if err == nil || t.Context().Err() != nil {
				asked <- ids
				return
			}
			<-time.After(100 * time.Millisecond)
		}
	}()
	publishTags(t, g.Addresses().RTMP, key.Reveal(), amf0.Object{}, tags)()
	<-l.over
	require.Equal(t, []string{"ours"}, <-asked)
	pictures, _ := published(t, slices.DeleteFunc(slices.Clone(tags), func(g tag) bool { return g.kind == 18 }))
	for file, cmd := range others { // nobody trips over what it doesn't know
		require.NoError(t, cmd.Wait(), file)
		require.Len(t, packets(t, filepath.Join(dir, file), "v"), len(pictures), file)
	}

	all := l.all()
	first := slices.IndexFunc(all, func(h told) bool { return h.kind == "video" })
	shift := int64(all[first].at) - int64(firstShown(t, tags))
	of := func(name string) (found []told) {
		for _, h := range all {
			if h.kind == name {
				found = append(found, h)
			}
		}
		return found
	}
	require.Equal(t, []told{{kind: "onTextData", at: uint32(1500 + shift), values: []any{amf0.Object{{Key: "text", Value: "Größe"}}}}}, of("onTextData"))
	require.Equal(t, []told{{
		kind: "onCuePoint", at: uint32(2500 + shift), values: []any{amf0.Object{{Key: "name", Value: "goal"}, {Key: "time", Value: 2.5}}},
	}}, of("onCuePoint"))
	cues := map[string]int64{}
	for _, h := range of("onAdCue") {
		cue, ok := flv.ParseCue(append([]any{h.kind}, h.values...), h.at)
		require.True(t, ok)
		section, err := scte35.Parse(cue.Section)
		require.NoError(t, err)
		require.Equal(t, scte35.RoleOut, section.Points()[0].Role)
		cues[cue.ID] = int64(h.at) + cue.Ahead.Milliseconds()
	}
	require.Len(t, cues, 2)
	require.Equal(t, 4000+shift, cues["9"])
	require.Greater(t, cues["ours"], int64(60_000))
}
