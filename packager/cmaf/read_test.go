package cmaf_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
)

// someFragment is a fragment in which everything may differ from sample to sample,
// or nothing.
func someFragment(seed, n uint64) *cmaf.Fragment {
	r := rand.New(rand.NewPCG(seed, n))
	f := &cmaf.Fragment{Sequence: r.Uint32(), TrackID: media.TrackID(1 + r.Uint32N(9))}
	dts, duration := media.Ticks(r.Uint64N(1<<50)), media.Ticks(r.Uint32N(90_000))
	same, still, sync := r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(4)
	for i := range n%64 + 1 {
		s := media.Sample{DTS: dts, Duration: duration, Data: make([]byte, r.IntN(50))}
		if !same {
			s.Duration = media.Ticks(r.Uint32())
		}
		if !still {
			s.CTSOffset = media.Ticks(int32(r.Uint32()))
		}
		switch sync {
		case 0:
			s.Sync = true
		case 1:
			s.Sync = i == 0
		case 2:
			s.Sync = r.IntN(2) == 0
		}
		for j := range s.Data {
			s.Data[j] = byte(r.Uint32())
		}
		dts += s.Duration
		f.Samples = append(f.Samples, s)
	}
	return f
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	var got cmaf.Fragment
	for seed := range uint64(500) {
		want := someFragment(seed, seed*7)
		b := want.AppendTo(nil)
		require.NoError(t, got.Read(b))
		require.Equal(t, want, &got)
		require.Equal(t, b, got.AppendTo(nil))
	}
}

// The payloads are the part's own bytes, and can't be appended to.
func TestReadCopiesNothing(t *testing.T) {
	f := part()
	b := f.AppendTo(nil)
	var got cmaf.Fragment
	require.NoError(t, got.Read(b))
	for _, s := range got.Samples {
		require.Equal(t, len(s.Data), cap(s.Data))
	}
	b[len(b)-1] = 0xAB
	last := got.Samples[len(got.Samples)-1].Data
	require.EqualValues(t, 0xAB, last[len(last)-1])
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if err := got.Read(b); err != nil {
			panic(err)
		}
	}))
}

// Messages and producer times may stand before a fragment.
func TestReadPassesOverWhatComesBefore(t *testing.T) {
	f := part()
	b := append(box("emsg", 30), box("prft", 20)...)
	var got cmaf.Fragment
	require.NoError(t, got.Read(f.AppendTo(b)))
	require.Equal(t, f, &got)
}

func box(name string, content int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+content))
	return append(append(b, name...), make([]byte, content)...)
}

func TestReadRefusesWhatIsCutOff(t *testing.T) {
	b := someFragment(3, 9).AppendTo(nil)
	var f cmaf.Fragment
	for n := range b {
		require.ErrorIs(t, f.Read(b[:n:n]), cmaf.ErrMalformed, "%d bytes", n)
	}
	require.ErrorIs(t, f.Read(append(b, 0)), cmaf.ErrMalformed)
}

// Bytes of the boxes that are not as we write them.
func TestReadRefusesOtherForms(t *testing.T) {
	whole := (&cmaf.Fragment{Sequence: 1, TrackID: 1, Samples: []media.Sample{
		{DTS: 7, Duration: 5, Sync: true, Data: []byte("key")}, {DTS: 12, Duration: 5, CTSOffset: 1, Data: []byte("other")},
	}}).AppendTo(nil)
	at := func(name string) int { return bytes.Index(whole, []byte(name)) + 4 }
	for name, change := range map[string]func(b []byte){
		"name of moof":            func(b []byte) { b[4] = 'x' },
		"no box":                  func(b []byte) { b[3] = 7 },
		"version of mfhd":         func(b []byte) { b[at("mfhd")] = 1 },
		"flags of tfhd":           func(b []byte) { b[at("tfhd")+3] |= 1 },
		"no duration":             func(b []byte) { b[at("tfhd")+3] &^= 8 },
		"base elsewhere":          func(b []byte) { b[at("tfhd")+1] = 0 },
		"track 0":                 func(b []byte) { b[at("tfhd")+7] = 0 },
		"version of tfdt":         func(b []byte) { b[at("tfdt")] = 0 },
		"decode time":             func(b []byte) { b[at("tfdt")+4] = 0xFF },
		"version of trun":         func(b []byte) { b[at("trun")] = 0 },
		"count":                   func(b []byte) { b[at("trun")+7]++ },
		"count beyond memory":     func(b []byte) { b[at("trun")+4] = 0xFF },
		"offset of the payload":   func(b []byte) { b[at("trun")+11]++ },
		"first flags":             func(b []byte) { b[at("trun")+12] = 0xFF },
		"size of the first":       func(b []byte) { b[at("trun")+19]++ },
		"size beyond the payload": func(b []byte) { b[at("trun")+16] = 0xFF },
		"name of mdat":            func(b []byte) { b[at("mdat")-1] = 'x' },
	} {
		t.Run(name, func(t *testing.T) {
			b := bytes.Clone(whole)
			change(b)
			require.ErrorIs(t, new(cmaf.Fragment).Read(b), cmaf.ErrMalformed)
		})
	}
}

func FuzzRead(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(someFragment(seed, seed).AppendTo(nil))
	}
	f.Add(append(box("styp", 4), part().AppendTo(nil)[:200]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got, again cmaf.Fragment
		if err := got.Read(b); err != nil {
			require.ErrorIs(t, err, cmaf.ErrMalformed)
			require.Empty(t, got.Samples)
			return
		}
		size := 0
		for _, s := range got.Samples {
			size += len(s.Data)
		}
		require.LessOrEqual(t, size+4*len(got.Samples), len(b))
		require.NoError(t, again.Read(got.AppendTo(nil)))
		require.Equal(t, got, again)
	})
}

// The records are those of the init segments.
func TestConfiguration(t *testing.T) {
	for name, track := range map[string]media.Track{
		"avcC": high1080(t), "hvcC": hevcMain(t), "av1C": av1Main(t), "vpcC": vp9Track(t, vp9Key, media.VP9Hints{}),
	} {
		record, err := cmaf.Configuration(track)
		require.NoError(t, err)
		init, err := cmaf.Init(track)
		require.NoError(t, err)
		at := bytes.Index(init, []byte(name))
		content := init[at+4 : at-4+int(binary.BigEndian.Uint32(init[at-4:]))]
		require.Equal(t, content, record, name)
	}
	_, err := cmaf.Configuration(aacTrack(t, "1190"))
	require.Error(t, err)
}
