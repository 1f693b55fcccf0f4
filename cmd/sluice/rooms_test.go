package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// floors is the house (DESIGN.md, "The rooms"). Imports go down; on one floor
// they stay within a top-level folder. A pattern that ends in /... takes the
// folder's packages too; the longest one that fits a package counts.
var floors = []struct {
	floor    int
	patterns []string
}{
	{0, []string{"media", "media/scte35", "media/sei"}},
	{1, []string{
		"ingest/handshake", "ingest/chunk", "ingest/amf0", "ingest/message", "ingest/flv", "ingest/mp3", "ingest/clock",
		"ingest/gate", "ingest/id3", "ingest/tunnel", "ingest/vitals",
		"packager/cmaf", "packager/mpegts", "packager/timeline", "packager/rule", "storage/durable", "web/cmcd",
		"transcode/rung", "transcode/nut", "transcode/annexb", "transcode/obu", "transcode/coded", "transcode/child",
	}},
	{2, []string{
		"ingest/playback", "ingest/onair", "packager/hls/...", "packager/dash/...", "packager/stills",
		"storage/journal/...", "storage/objects/...", "storage/catalog/...", "storage/certificates/...",
		"transcode/ffmpeg",
	}},
	{3, []string{"ingest", "ingest/admit", "ingest/token", "ingest/webhook", "packager", "transcode", "transcode/slate", "transcode/still", "storage/archive", "relay/...", "web/ui/...", "web/pass"}},
	{4, []string{"web"}},
	{5, []string{"cmd/..."}},
}

// apart are the rooms that never import each other: they meet in the journal
// and in media.Sink.
var apart = []string{"ingest", "packager", "transcode", "relay", "storage/archive", "web"}

// dry are the rooms that turn values and bytes into each other: no sockets,
// files or processes, so that a test of them is a table.
var dry = []string{
	"media", "media/scte35", "media/sei", "ingest/chunk", "ingest/amf0", "ingest/message", "ingest/flv", "ingest/mp3", "ingest/id3",
	"ingest/playback", "packager/cmaf", "packager/mpegts", "packager/timeline", "packager/hls", "packager/dash", "packager/stills",
	"transcode/rung", "transcode/nut", "transcode/annexb", "transcode/obu", "transcode/coded",
	"web/cmcd",
}

var wet = []string{"net", "net/http", "os", "os/exec", "syscall"}

// testOnly must not get into the binary.
var testOnly = []string{
	"testing", "github.com/stretchr/testify", "go.uber.org/goleak", "github.com/bluenviron/gortmplib",
	"github.com/Eyevinn/mp4ff", "sluice/storage/catalog/catalogtest", "sluice/storage/journal/journaltest",
	"sluice/storage/certificates/pebbletest", "sluice/storage/objects/objectstest",
}

type listed struct {
	ImportPath string
	Imports    []string
	Standard   bool
	DepOnly    bool
}

func goList(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Standard,DepOnly"}, args...)...)
	cmd.Dir = "../.."
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var all []listed
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// room returns a package's path within the module.
func room(importPath string) (string, bool) { return strings.CutPrefix(importPath, "sluice/") }

func floorOf(room string) (int, bool) {
	best, floor := "", -1
	for _, f := range floors {
		for _, pattern := range f.patterns {
			folder, deep := strings.CutSuffix(pattern, "/...")
			if (room == folder || deep && strings.HasPrefix(room, folder+"/")) && len(folder) > len(best) {
				best, floor = folder, f.floor
			}
		}
	}
	return floor, floor >= 0
}

func folder(room string) string {
	first, _, _ := strings.Cut(room, "/")
	return first
}

// wrongArrow returns why from may not import to, or nothing.
func wrongArrow(from, to string) string {
	ff, _ := floorOf(from)
	ft, _ := floorOf(to)
	switch {
	case ft > ff:
		return "up"
	case from != to && slices.Contains(apart, from) && slices.Contains(apart, to):
		return "between rooms that are apart"
	case ft == ff && folder(from) != folder(to):
		return "sideways"
	}
	return ""
}

func TestImportsGoDown(t *testing.T) {
	packages := goList(t, "./...")
	require.Greater(t, len(packages), 10)
	for _, p := range packages {
		from, ok := room(p.ImportPath)
		if !ok {
			continue
		}
		if _, ok := floorOf(from); !ok {
			t.Errorf("%s is in no room: give it a floor here and in DESIGN.md", from)
		}
		for _, imported := range p.Imports {
			to, ours := room(imported)
			if why := wrongArrow(from, to); ours && why != "" {
				t.Errorf("%s imports %s: %s", from, to, why)
			}
			if slices.Contains(dry, from) && slices.Contains(wet, imported) {
				t.Errorf("%s imports %s, and it's to be bytes and values only", from, imported)
			}
		}
	}
}

func TestMediaStandsOnNothing(t *testing.T) {
	for _, p := range goList(t, "./media") {
		for _, imported := range p.Imports {
			standard := !strings.Contains(strings.Split(imported, "/")[0], ".") && !strings.HasPrefix(imported, "sluice/")
			if !standard && !strings.HasPrefix(imported, "github.com/bluenviron/mediacommon/v2/pkg/codecs/") {
				t.Errorf("media imports %s", imported)
			}
		}
	}
}

func TestBinaryHasNothingOfTheTests(t *testing.T) {
	for _, p := range goList(t, "-deps", "./cmd/sluice") {
		for _, no := range testOnly {
			if p.ImportPath == no || strings.HasPrefix(p.ImportPath, no+"/") {
				t.Errorf("the binary holds %s", p.ImportPath)
			}
		}
	}
}

// The checks above can fail.
func TestWrongArrows(t *testing.T) {
	for _, tc := range []struct{ from, to, why string }{
		{"media", "packager/timeline", "up"},
		{"packager/timeline", "media", ""},
		{"packager/hls", "packager/timeline", ""},
		{"packager/timeline", "packager/hls", "up"},
		{"ingest", "packager", "between rooms that are apart"},
		{"web", "packager", "between rooms that are apart"},
		{"web", "packager/hls", ""},
		{"web", "ingest/chunk", ""},
		{"ingest/chunk", "packager/cmaf", "sideways"},
		{"storage/catalog/sqlite", "storage/journal", ""},
		{"storage/catalog", "packager/hls", "sideways"},
		{"storage/journal/memory", "ingest", "up"},
		{"ingest", "storage/catalog", ""},
		{"storage/catalog", "transcode/rung", ""},
		{"storage/catalog", "transcode/ffmpeg", "sideways"},
		{"transcode", "packager", "between rooms that are apart"},
		{"transcode", "transcode/ffmpeg", ""},
		{"transcode/ffmpeg", "transcode", "up"},
		{"packager", "transcode/rung", ""},
		{"web", "cmd/sluice/config", "up"},
		{"cmd/sluice/gateway", "web", ""},
	} {
		require.Equal(t, tc.why, wrongArrow(tc.from, tc.to), "%s to %s", tc.from, tc.to)
	}
	_, ok := floorOf("util")
	require.False(t, ok)
	_, ok = floorOf("packager/util")
	require.False(t, ok)
}
