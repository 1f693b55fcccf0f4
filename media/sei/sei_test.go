package sei_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/media/sei"
)

// unit makes an SEI unit of messages: type, payload, type, payload.
func unit(hevc bool, messages ...[]byte) []byte {
	var rbsp []byte
	for i := 0; i < len(messages); i += 2 {
		rbsp = append(rbsp, messages[i]...)
		n := len(messages[i+1])
		for ; n >= 255; n -= 255 {
			rbsp = append(rbsp, 255)
		}
		rbsp = append(append(rbsp, byte(n)), messages[i+1]...)
	}
	rbsp = append(rbsp, 0x80)
	out := []byte{6}
	if hevc {
		out = []byte{39 << 1, 1}
	}
	zeros := 0
	for _, b := range rbsp {
		if zeros >= 2 && b <= 3 {
			out, zeros = append(out, 3), 0
		}
		if out = append(out, b); b == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}

func access(units ...[]byte) (data []byte) {
	for _, u := range units {
		data = append(binary.BigEndian.AppendUint32(data, uint32(len(u))), u...)
	}
	return data
}

func collect(data []byte, hevc bool) (all []sei.Message) {
	for m := range sei.Of(data, hevc) {
		all = append(all, sei.Message{Type: m.Type, Payload: bytes.Clone(m.Payload)})
	}
	return all
}

func TestMessages(t *testing.T) {
	long := bytes.Repeat([]byte{0, 0, 1, 0, 0, 0}, 100) // needs emulation prevention
	want := []sei.Message{{Type: 5, Payload: long}, {Type: 300, Payload: []byte("x")}, {Type: 4, Payload: []byte("abc")}}
	for _, hevc := range []bool{false, true} {
		slice, delimiter := []byte{0x65, 1}, []byte{9, 0xF0}
		if hevc {
			slice, delimiter = []byte{19 << 1, 1, 7}, []byte{35 << 1, 1, 0x50}
		}
		data := access(delimiter, unit(hevc, []byte{5}, long, []byte{255, 45}, []byte("x")), unit(hevc, []byte{4}, []byte("abc")), slice)
		require.Equal(t, want, collect(data, hevc))
		behind := access(slice, unit(hevc, []byte{4}, []byte("abc")))
		if hevc {
			require.Len(t, collect(behind, hevc), 1, "suffixes")
		} else {
			require.Empty(t, collect(behind, hevc))
		}
		for n := range data {
			require.LessOrEqual(t, len(collect(data[:n], hevc)), len(want))
		}
		for m := range sei.Of(data, hevc) {
			require.Equal(t, 5, m.Type)
			break
		}
	}
	require.Empty(t, collect(access([]byte{6, 4, 200, 1, 2, 0x80}), false), "longer than its unit")
	require.Empty(t, collect(access([]byte{6, 255, 255}), false))
	require.Empty(t, collect(access([]byte{}, []byte{6}), false))
}

func TestUnregisteredUserData(t *testing.T) {
	id, data, ok := sei.Message{Type: 5, Payload: []byte("0123456789abcdefhello")}.Unregistered()
	require.True(t, ok)
	require.Equal(t, "0123456789abcdef", string(id[:]))
	require.Equal(t, "hello", string(data))
	for _, m := range []sei.Message{{Type: 5, Payload: []byte("short")}, {Type: 4, Payload: make([]byte, 30)}} {
		_, _, ok = m.Unregistered()
		require.False(t, ok)
	}
}

// cc makes a message of constructs, each three bytes.
func cc(triples string) sei.Message {
	n := byte(len(triples) / 3)
	return sei.Message{Type: 4, Payload: []byte("\xb5\x00\x31GA94\x03" + string([]byte{0xC0 | n, 0xFF}) + triples + "\xFF")}
}

func TestCaptions(t *testing.T) {
	const idle = "\xfc\x80\x80\xfd\x80\x80"
	for _, c := range []struct {
		name     string
		messages []sei.Message
		want     media.Captions
	}{
		{"none", []sei.Message{{Type: 5, Payload: cc(idle).Payload}, {Type: 4, Payload: []byte("\xb5\x00\x31DTG1")}}, media.Captions{}},
		{"cut off", []sei.Message{{Type: 4, Payload: cc("\xfc\x14\x20").Payload[:11]}}, media.Captions{Data: true}},
		{"idle", []sei.Message{cc(idle), cc("")}, media.Captions{Data: true}},
		{"text and clearing", []sei.Message{cc("\xfc\x94\x2a"), cc("\xfc\x94\x2c"), cc("\xfc\xc1\xc2"), cc("\xfd\x01\x05")}, media.Captions{Data: true}},
		{"invalid", []sei.Message{cc("\xf8\x94\x20")}, media.Captions{Data: true}},
		{"CC1", []sei.Message{cc(idle), cc("\xfc\x94\x20\xfd\x80\x80"), cc("\xfc\x94\x20")}, media.Captions{Data: true, Channels: 1}},
		{"all four", []sei.Message{cc("\xfc\x94\x25\xfd\x15\x29"), cc("\xfc\x1c\xa7\xfd\x9d\x26")}, media.Captions{Data: true, Channels: 15}},
		{"708", []sei.Message{cc("\xff\x02\x22\xfe\x41\x42")}, media.Captions{Data: true, Services: 1 << 1}},
		{"708 over messages", []sei.Message{cc("\xff\x04\x21"), cc("\xfe\x41\x44"), cc("\xfe\x42\x43"), cc("\xfe\x43\x44")}, media.Captions{Data: true, Services: 1<<1 | 1<<2}},
		{"708 extended", []sei.Message{cc("\xff\x02\xe1\xfe\x3f\x42")}, media.Captions{Data: true, Services: 1 << 63}},
		{"708 cut short", []sei.Message{cc("\xff\x05\x21\xfe\x41\x42"), cc("\xff\x02\x00\xfe\x00\x00")}, media.Captions{Data: true, Services: 1 << 1}},
		{"708 filled up", []sei.Message{cc("\xff\x02\x00\xfe\x00\x00")}, media.Captions{Data: true}},
	} {
		var found sei.Captions
		news := 0
		for _, m := range c.messages {
			if found.Note(m) {
				news++
			}
		}
		require.Equal(t, c.want, found.Found(), c.name)
		require.Equal(t, c.want != media.Captions{}, news > 0, c.name)
	}
	require.True(t, media.Captions{Data: true}.Promised().Channel(1))
	require.False(t, media.Captions{Data: true, Services: 2}.Promised().Channel(1))
	require.True(t, media.Captions{Data: true, Services: 2}.Promised().Service(1))
	require.Zero(t, media.Captions{}.Promised())
}

// Captions that are put into a picture are found there, in its order, before its slices.
func TestInsertCaptions(t *testing.T) {
	var triples []byte
	for n := range 70 {
		triples = append(triples, 0xfc, 0, byte(n%4))
	}
	for _, hevc := range []bool{false, true} {
		slice, set := []byte{0x65, 1}, []byte{0x67, 1, 2}
		if hevc {
			slice, set = []byte{19 << 1, 1, 7}, []byte{33 << 1, 1, 0x50}
		}
		data := access(set, unit(hevc, []byte{5}, []byte("0123456789abcdef")), slice, slice)
		out := sei.InsertCaptions(data, hevc, triples)
		require.True(t, bytes.HasPrefix(out, access(set)))
		require.True(t, bytes.HasSuffix(out, access(slice, slice)))
		var got []byte
		messages := collect(out, hevc)
		require.Equal(t, 5, messages[0].Type)
		for _, m := range messages[1:] {
			t3, ok := m.CaptionData()
			require.True(t, ok)
			got = append(got, t3...)
		}
		require.Equal(t, triples, got)
		require.Equal(t, data, sei.InsertCaptions(data, hevc, nil))
	}
	require.NotEmpty(t, sei.InsertCaptions([]byte{0, 0, 0, 9, 1}, false, triples), "what is cut off")
}

// FuzzSEI: whatever comes costs no more than its length, and messages lie in it.
func FuzzSEI(f *testing.F) {
	f.Add(access(unit(false, []byte{4}, cc("\xff\x02\x22\xfe\x41\x42").Payload), []byte{0x65, 1}), false)
	f.Add(access(unit(true, []byte{5}, []byte(strings.Repeat("u", 20)), []byte{4}, cc("\xfc\x94\x20").Payload)), true)
	f.Fuzz(func(t *testing.T, data []byte, hevc bool) {
		var found sei.Captions
		bytes := 0
		for m := range sei.Of(data, hevc) {
			bytes += len(m.Payload)
			found.Note(m)
			m.Unregistered()
		}
		require.LessOrEqual(t, bytes, len(data))
		require.GreaterOrEqual(t, len(sei.InsertCaptions(data, hevc, []byte{0xfc, 0x94, 0x20})), len(data))
		require.Zero(t, found.Found().Services&1)
		require.LessOrEqual(t, found.Found().Channels, uint8(15))
	})
}

// Every picture of every stream is looked through: where a unit has no emulation
// prevention, that takes no memory.
func TestMessagesAllocateNothing(t *testing.T) {
	data := access([]byte{9, 0xF0}, unit(false, []byte{1}, []byte{0x12, 0x34}, []byte{4}, []byte("abc")), []byte{0x65, 1})
	n := 0
	allocs := testing.AllocsPerRun(100, func() {
		for m := range sei.Of(data, false) {
			n += len(m.Payload)
		}
	})
	require.Zero(t, allocs)
	require.NotZero(t, n)
}
