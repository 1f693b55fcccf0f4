package scte35

import (
	"encoding/base64"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files")

func pts(v uint64) Time { return &v }

// examples are sections of the field in base64, and such as are built here.
var examples = []struct {
	name, base64 string
	built        *Section
}{
	// The examples of SCTE 35's §14 (Annex A).
	{name: "time_signal_placement_opportunity_start", base64: "/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg=="},
	{name: "splice_insert", base64: "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo="},
	{name: "time_signal_placement_opportunity_end", base64: "/DAvAAAAAAAA///wBQb+dGKQoAAZAhdDVUVJSAAAjn+fCAgAAAAALKChijUCAKnMZ1g="},
	{name: "time_signal_program_start_end", base64: "/DBIAAAAAAAA///wBQb+ek2ItgAyAhdDVUVJSAAAGH+fCAgAAAAALMvDRBEAAAIXQ1VFSUgAABl/nwgIAAAAACyk26AQAACZcuND"},
	{name: "time_signal_program_overlap_start", base64: "/DAvAAAAAAAA///wBQb+rr//ZAAZAhdDVUVJSAAACH+fCAgAAAAALKVs9RcAAJUdsKg="},
	{name: "three_segmentations", base64: "/DC+AAAAAAAAAP/wBQb+W+M4YgCoAiBDVUVJCW3YD3+fARFEcmF3aW5nRlJJMTE1V0FCQzUBAQIZQ1VFSQlONI9/nwEKVEtSUjE2MDY3QREBAQIxQ1VFSQlw1HB/nwEiUENSMV8xMjEwMjExNDU2V0FCQ0dFTkVSQUxIT1NQSVRBTBABAQI2Q1VFSQlw1HF/3wAAFJlwASJQQ1IxXzEyMTAyMTE0NTZXQUJDR0VORVJBTEhPU1BJVEFMIAEBhgjtJQ=="},
	{name: "built_out", built: Out(7, pts(900_000), 30*time.Second, true)},
	{name: "built_out_open", built: Out(7, nil, 0, false)},
	{name: "built_in", built: In(7, pts(3_600_000))},
	{name: "built_cancel", built: Cancel(7)},
	{name: "built_opportunity_start", built: Opportunity(8, pts(maxPTS+91), 15*time.Second, false)},
	{name: "built_opportunity_end", built: Opportunity(8, nil, 15*time.Second, true)},
	{name: "built_null", built: section(Null{})},
	{name: "built_reservation", built: section(BandwidthReservation{})},
	{name: "built_private", built: section(&Other{Code: 0xFF, Data: []byte("SLUIabc")})},
	{name: "built_components", built: section(&Insert{
		EventID: 1, NotUnique: true, Components: []Component{{Tag: 1, Time: pts(5)}, {Tag: 2}}, AvailNum: 1, AvailsExpected: 2,
	})},
	{name: "built_restricted", built: &Section{
		SAPType: 1, PTSAdjustment: 5, CWIndex: 3, Tier: 1, Command: &TimeSignal{Time: pts(maxPTS)},
		Descriptors: []Descriptor{
			&Segmentation{
				EventID: 9, Restrictions: &Restrictions{WebAllowed: true, Devices: 2}, Components: []Offset{{Tag: 4, PTS: 90}},
				UPIDType: 1, UPID: []byte("ad"), TypeID: 0x40,
			},
			&Segmentation{EventID: 10, Cancel: true},
			&Foreign{Tag: 1, Identifier: cuei, Data: []byte{0x20}},
		},
	}},
	{name: "built_encrypted", built: &Section{
		SAPType: noSAP, Tier: everybody, Encrypted: true, Algorithm: 1, CommandLength: 5, Opaque: []byte("sixteen bytes of"),
	}},
}

func (e *example) bytes(t testing.TB) []byte {
	t.Helper()
	if e.built == nil {
		data, err := base64.StdEncoding.DecodeString(e.base64)
		require.NoError(t, err)
		return data
	}
	data, err := e.built.AppendTo(nil)
	require.NoError(t, err)
	return data
}

type example struct {
	name, base64 string
	built        *Section
}

func all() []example {
	var list []example
	for _, e := range examples {
		list = append(list, example(e))
	}
	return list
}

func TestGolden(t *testing.T) {
	for _, e := range all() {
		t.Run(e.name, func(t *testing.T) {
			data := e.bytes(t)
			s, err := Parse(data)
			require.NoError(t, err)
			if e.built != nil {
				require.Equal(t, e.built, s)
			}
			text := hex.EncodeToString(data) + "\n" + s.String()
			for _, p := range s.Points() {
				text += "point " + p.Role.String() + " " + timeText(p.PTS) + " " + p.Duration.String() + "\n"
			}
			path := filepath.Join("testdata", e.name+".golden")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), text)
		})
	}
}

// What has no stuffing and no open length is written as it was read.
func TestBytesStay(t *testing.T) {
	for _, e := range all() {
		data := e.bytes(t)
		s, err := Parse(data)
		require.NoError(t, err, e.name)
		again, err := s.AppendTo([]byte("x"))
		require.NoError(t, err)
		want := hex.EncodeToString(data)
		require.Equal(t, want, hex.EncodeToString(again[1:]), e.name)
	}
}

func TestParseRefuses(t *testing.T) {
	good := all()[0].bytes(t)
	for n := range len(good) {
		_, err := Parse(good[:n])
		require.ErrorIs(t, err, ErrMalformed, "cut at %d", n)
	}
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 0x10
		_, err := Parse(bad)
		require.ErrorIs(t, err, ErrMalformed, "byte %d", i)
	}
	_, err := Parse(append(good, 0))
	require.ErrorIs(t, err, ErrMalformed)
	_, err = Parse(make([]byte, MaxSection+1))
	require.ErrorIs(t, err, ErrMalformed)
	_, err = (&Section{Command: &Other{Code: 0xFF, Data: make([]byte, MaxSection)}}).AppendTo(nil)
	require.ErrorIs(t, err, ErrMalformed)
}

// Older encoders leave splice_command_length open.
func TestOpenLength(t *testing.T) {
	data, err := Out(7, pts(900), time.Second, false).AppendTo(nil)
	require.NoError(t, err)
	data[11] |= 0x0F
	data[12] = 0xFF
	data = seal(data)
	s, err := Parse(data)
	require.NoError(t, err)
	require.Equal(t, uint32(7), s.Command.(*Insert).EventID)
}

// seal makes the CRC right again.
func seal(data []byte) []byte {
	body := data[:len(data)-4]
	crc := crc32(body)
	return append(body[:len(body):len(body)], byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc))
}

func TestPoints(t *testing.T) {
	s := Out(7, pts(maxPTS), 30*time.Second, true)
	s.PTSAdjustment = 11
	p := s.Points()[0]
	require.Equal(t, uint64(10), *p.PTS, "33 bits wrap")
	p.PTS = nil
	require.Equal(t, Point{Role: RoleOut, EventID: 7, Duration: 30 * time.Second, Returns: true}, p)
	require.Equal(t, []Point{{Role: RoleIn, EventID: 7}}, In(7, nil).Points())
	require.Equal(t, []Point{{Role: RoleCancel, EventID: 7}}, Cancel(7).Points())
	require.Equal(t, []Point{{Role: RoleIn, EventID: 8, Type: 0x34}}, Opportunity(8, nil, time.Second, true).Points())
	require.Equal(t, []Point{{}}, (&Section{Encrypted: true}).Points())
	for id, want := range map[uint8]Role{
		0x10: RoleCommand, 0x11: RoleCommand, 0x20: RoleCommand, 0x22: RoleOut, 0x23: RoleIn, 0x30: RoleOut, 0x37: RoleIn,
		0x3F: RoleIn, 0x40: RoleCommand, 0x44: RoleOut, 0x47: RoleIn, 0x50: RoleCommand, 0x51: RoleCommand,
	} {
		require.Equal(t, want, (&Segmentation{TypeID: id}).point(nil).Role, "%#x", id)
	}
}

func TestTicks(t *testing.T) {
	for _, d := range []time.Duration{0, time.Second, 1001 * time.Millisecond, 26 * time.Hour, time.Second / 90_000 * 90_000} {
		require.InDelta(t, float64(d), float64(duration(ticks(d, 40))), float64(time.Second/ClockRate))
	}
	require.Equal(t, uint64(1<<33-1), ticks(1000*time.Hour, 33))
	require.Zero(t, ticks(-time.Second, 33))
}

// FuzzParse: what can be read is written so that it reads the same.
func FuzzParse(f *testing.F) {
	for _, e := range all() {
		f.Add(e.bytes(f))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 17 && len(data) <= MaxSection { // a fuzzer finds no CRC
			data = append([]byte(nil), data...)
			data[1] = data[1]&0x30 | byte((len(data)-3)>>8)
			data[2] = byte(len(data) - 3)
			data = seal(data)
		}
		s, err := Parse(data)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.NotEmpty(t, s.Points())
		require.NotEmpty(t, s.String())
		again, err := s.AppendTo(nil)
		require.NoError(t, err)
		back, err := Parse(again)
		require.NoError(t, err)
		require.Equal(t, s, back)
	})
}
