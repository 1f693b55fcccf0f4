package cmaf_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
)

func someEvents() []cmaf.EventMessage {
	return []cmaf.EventMessage{
		{Timescale: 90_000, Time: 1 << 40, ID: 7, Scheme: media.SchemeID3, Data: []byte("ID3 and more")},
		{Timescale: 48_000, Time: 5, Duration: 96_000, ID: 1<<32 - 1, Scheme: "urn:x", Value: "a", Data: []byte{}},
	}
}

func TestEventMessage(t *testing.T) {
	var b []byte
	events := someEvents()
	for i := range events {
		before := len(b)
		b = events[i].AppendTo(b)
		require.Equal(t, events[i].Size(), len(b)-before)
	}
	require.Equal(t, "0000004a"+hex.EncodeToString([]byte("emsg"))+"01000000"+"00015f90"+"0000010000000000"+
		"ffffffff"+"00000007"+hex.EncodeToString([]byte(media.SchemeID3+"\x00\x00ID3 and more")),
		hex.EncodeToString(b[:events[0].Size()]))
	b = part().AppendTo(b)
	got, err := cmaf.ReadEvents(b)
	require.NoError(t, err)
	require.Equal(t, events, got)
	for _, e := range got {
		require.Equal(t, len(e.Data), cap(e.Data))
	}
	var f cmaf.Fragment
	require.NoError(t, f.Read(b), "messages are passed over")
	require.Equal(t, part(), &f)
	none, err := cmaf.ReadEvents(part().AppendTo(nil))
	require.NoError(t, err)
	require.Empty(t, none)
}

// Others read the same out of the box, and the fragment behind it.
func TestOthersReadEventMessages(t *testing.T) {
	events := someEvents()
	var b []byte
	for i := range events {
		b = events[i].AppendTo(b)
	}
	b = part().AppendTo(b)
	file, err := mp4.DecodeFile(bytes.NewReader(b))
	require.NoError(t, err)
	var read []*mp4.EmsgBox
	for _, box := range file.Segments[0].Fragments[0].Children {
		if e, ok := box.(*mp4.EmsgBox); ok {
			read = append(read, e)
		}
	}
	require.Len(t, read, len(events))
	for i, e := range read {
		want := events[i]
		require.Equal(t, byte(1), e.Version)
		require.Equal(t, want.Scheme, e.SchemeIDURI)
		require.Equal(t, want.Value, e.Value)
		require.EqualValues(t, want.Time, e.PresentationTime)
		require.EqualValues(t, want.Timescale, e.TimeScale)
		require.Equal(t, want.ID, e.ID)
		require.Equal(t, string(want.Data), string(e.MessageData))
	}
	require.Equal(t, uint32(0xFFFFFFFF), read[0].EventDuration)
	require.Equal(t, uint32(96_000), read[1].EventDuration)
	var parts fmp4.Parts
	require.NoError(t, parts.Unmarshal(b))
	require.Len(t, parts, 1)
	require.Len(t, parts[0].Tracks[0].Samples, len(part().Samples))
}

func TestReadEventsRefusesWhatIsCutOff(t *testing.T) {
	e := someEvents()[0]
	whole := part().AppendTo(e.AppendTo(nil))
	for n := range e.Size() + 8 {
		_, err := cmaf.ReadEvents(whole[:n:n])
		require.ErrorIs(t, err, cmaf.ErrMalformed, "%d bytes", n)
	}
	for name, change := range map[string]func(b []byte){
		"version 0":   func(b []byte) { b[8] = 0 },
		"timescale 0": func(b []byte) { copy(b[12:], []byte{0, 0, 0, 0}) },
		"time":        func(b []byte) { b[16] = 0x80 },
		"no string":   func(b []byte) { b[3] = 40 },
		"other box":   func(b []byte) { b[4] = 'x' },
	} {
		b := bytes.Clone(whole)
		change(b)
		_, err := cmaf.ReadEvents(b)
		require.ErrorIs(t, err, cmaf.ErrMalformed, name)
	}
}

// FuzzReadEvents: what is read writes to what was read.
func FuzzReadEvents(f *testing.F) {
	var b []byte
	for _, e := range someEvents() {
		b = e.AppendTo(b)
		f.Add(part().AppendTo(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := cmaf.ReadEvents(b)
		if err != nil {
			require.ErrorIs(t, err, cmaf.ErrMalformed)
			return
		}
		var again []byte
		for i := range events {
			again = events[i].AppendTo(again)
		}
		got, err := cmaf.ReadEvents(part().AppendTo(again))
		require.NoError(t, err)
		require.Equal(t, events, got)
	})
}

// Messages before each fragment cost ffprobe no packet, and give it nothing to complain about.
func TestFFprobeReadsFragmentsWithEvents(t *testing.T) {
	track := high1080(t)
	file, err := cmaf.Init(track)
	require.NoError(t, err)
	want := ""
	for n := range media.Ticks(3) {
		events := someEvents()
		for i := range events {
			file = events[i].AppendTo(file)
		}
		f := cmaf.Fragment{Sequence: uint32(n + 1), TrackID: track.ID, Samples: []media.Sample{
			sample(n*6000, 0, 3000, true, "\x00\x00\x00\x02\x09\x10"), sample(n*6000+3000, 0, 3000, false, "\x00\x00\x00\x02\x09\x30"),
		}}
		file = f.AppendTo(file)
		want += fmt.Sprintf("%d\n%d\n", n*6000, n*6000+3000)
	}
	path := filepath.Join(t.TempDir(), "events.mp4")
	require.NoError(t, os.WriteFile(path, file, 0o644))
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "fatal", "-of", "csv=p=0", "-show_entries", "packet=dts", path).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, want, strings.ReplaceAll(string(out), ",", ""))
}
