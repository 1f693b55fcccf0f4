package message

import (
	"bytes"
	"encoding/binary"
	"testing"

	goamf0 "github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	gomessage "github.com/bluenviron/gortmplib/pkg/message"
	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
)

// Every message with its body; what is parsed marshals to the same.
var messages = []struct {
	name string
	wire chunk.Message
	want Message
}{
	{"set chunk size", chunk.Message{ChunkStreamID: 2, Type: 1, Body: []byte{0, 0, 16, 0}}, SetChunkSize{4096}},
	{"abort", chunk.Message{ChunkStreamID: 2, Type: 2, Body: []byte{0, 0, 0, 4}}, Abort{4}},
	{"acknowledgement", chunk.Message{ChunkStreamID: 2, Type: 3, Body: []byte{0xff, 0xff, 0xff, 0xff}}, Acknowledgement{1<<32 - 1}},
	{"window ack size", chunk.Message{ChunkStreamID: 2, Type: 5, Body: []byte{0, 0x26, 0x25, 0xa0}}, WindowAckSize{2_500_000}},
	{
		"set peer bandwidth (DJI)",
		chunk.Message{ChunkStreamID: 2, Type: 6, Body: []byte{0, 0x26, 0x25, 0xa0, 1}},
		SetPeerBandwidth{2_500_000, LimitSoft},
	},
	{"stream begin", chunk.Message{ChunkStreamID: 2, Type: 4, Body: []byte{0, 0, 0, 0, 0, 1}}, UserControl{Event: EventStreamBegin, Value: 1}},
	{"stream eof", chunk.Message{ChunkStreamID: 2, Type: 4, Body: []byte{0, 1, 0, 0, 0, 1}}, UserControl{Event: EventStreamEOF, Value: 1}},
	{"stream dry", chunk.Message{ChunkStreamID: 2, Type: 4, Body: []byte{0, 2, 0, 0, 0, 1}}, UserControl{Event: EventStreamDry, Value: 1}},
	{
		"set buffer length",
		chunk.Message{ChunkStreamID: 2, Type: 4, Body: []byte{0, 3, 0, 0, 0, 1, 0, 0, 11, 184}},
		UserControl{Event: EventSetBufferLength, Value: 1, BufferLength: 3000},
	},
	{"ping request", chunk.Message{ChunkStreamID: 2, Type: 4, Body: []byte{0, 6, 1, 2, 3, 4}}, UserControl{Event: EventPingRequest, Value: 0x01020304}},
	{"ping response", chunk.Message{ChunkStreamID: 2, Type: 4, Body: []byte{0, 7, 1, 2, 3, 4}}, UserControl{Event: EventPingResponse, Value: 0x01020304}},
	{"an event that nobody knows", chunk.Message{ChunkStreamID: 2, Type: 4, Body: []byte{0, 99, 1}}, UserControl{Event: 99, Rest: []byte{1}}},
	{"audio", chunk.Message{ChunkStreamID: 4, StreamID: 1, Type: 8, Timestamp: 7, Body: []byte{0xaf, 1}}, &Audio{4, 1, 7, []byte{0xaf, 1}}},
	{"video", chunk.Message{ChunkStreamID: 4, StreamID: 1, Type: 9, Timestamp: 7, Body: []byte{0x17, 1}}, &Video{4, 1, 7, []byte{0x17, 1}}},
	{"empty audio", chunk.Message{ChunkStreamID: 4, StreamID: 1, Type: 8, Timestamp: 7}, &Audio{4, 1, 7, nil}},
	{
		"command",
		chunk.Message{ChunkStreamID: 3, Type: 20, Body: []byte("\x02\x00\x07connect\x00\x3f\xf0\x00\x00\x00\x00\x00\x00\x03\x00\x03app\x02\x00\x04live\x00\x00\x09")},
		Command{ChunkStreamID: 3, Name: "connect", Transaction: 1, Args: []any{amf0.Object{{Key: "app", Value: "live"}}}},
	},
	{
		"data",
		chunk.Message{ChunkStreamID: 4, StreamID: 1, Type: 18, Timestamp: 3, Body: []byte("\x02\x00\x0d@setDataFrame\x05")},
		Data{4, 1, 3, []any{"@setDataFrame", nil}},
	},
	{"aggregate", chunk.Message{ChunkStreamID: 4, StreamID: 1, Type: 22, Timestamp: 3, Body: []byte{1}}, Aggregate{4, 1, 3, []byte{1}}},
	{"shared object", chunk.Message{ChunkStreamID: 4, Type: 19, Body: []byte{1}}, Unknown{chunk.Message{ChunkStreamID: 4, Type: 19, Body: []byte{1}}}},
	{"a type that nobody knows", chunk.Message{ChunkStreamID: 4, Type: 77}, Unknown{chunk.Message{ChunkStreamID: 4, Type: 77}}},
}

func TestMessages(t *testing.T) {
	for _, tc := range messages {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Parse(tc.wire)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.wire, got.Marshal())
		})
	}
}

func TestEveryCutGivesAnErrorOrAPrefix(t *testing.T) {
	for _, tc := range messages {
		for n := range tc.wire.Body {
			m := tc.wire
			m.Body = m.Body[:n]
			got, err := Parse(m)
			switch m.Type {
			case TypeAudio, TypeVideo, TypeAggregate, TypeSharedObjectAMF0:
				require.NoError(t, err, tc.name)
				require.Equal(t, m.Body, got.Marshal().Body)
			case TypeUserControl:
				if err == nil {
					require.Equal(t, Event(99), got.(UserControl).Event)
				}
			case TypeCommandAMF0:
				if err == nil { // cut between values
					require.Equal(t, "connect", got.(Command).Name)
					require.Empty(t, got.(Command).Args)
				}
			case TypeDataAMF0:
				if err == nil {
					require.Less(t, len(got.(Data).Values), 2)
				}
			default:
				require.Equal(t, tc.name == "set peer bandwidth (DJI)" && n == 4, err == nil, "%s cut at %d", tc.name, n)
			}
		}
	}
}

func TestMalformed(t *testing.T) {
	for name, m := range map[string]chunk.Message{
		"empty command":             {Type: 20},
		"command named by a number": {Type: 20, Body: amf0.AppendTo(nil, 1.0)},
		"empty user control":        {Type: 4},
		"short ping":                {Type: 4, Body: []byte{0, 6, 1}},
		"short buffer length":       {Type: 4, Body: []byte{0, 3, 0, 0, 0, 1}},
		"short window":              {Type: 5, Body: []byte{0, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(m)
			require.ErrorIs(t, err, ErrMalformed)
		})
	}
	// What a broken message still says, for the log line that refuses it.
	m, err := Parse(chunk.Message{Type: 20, Body: append(amf0.AppendTo(nil, "connect", 1.0), 0x04)})
	require.ErrorIs(t, err, amf0.ErrMalformed)
	require.Equal(t, Command{Name: "connect", Transaction: 1, Args: []any{}}, m)
	m, err = Parse(chunk.Message{Type: 18, Body: append(amf0.AppendTo(nil, "onMetaData"), 0x04)})
	require.ErrorIs(t, err, amf0.ErrMalformed)
	require.Equal(t, Data{Values: []any{"onMetaData"}}, m)
}

func TestFieldQuirks(t *testing.T) {
	body := amf0.AppendTo(nil, "connect", 1.0, nil, "x")
	want := Command{Name: "connect", Transaction: 1, Args: []any{nil, "x"}}
	for name, m := range map[string]chunk.Message{
		"AMF 3 command with its format byte":   {Type: 17, Body: append([]byte{0}, body...)},
		"AMF 3 command without it":             {Type: 17, Body: body},
		"AMF 3 values within an AMF 3 command": {Type: 17, Body: append(append([]byte{0}, body[:len(body)-4]...), "\x11\x06\x03x"...)},
		"AMF 3 values within an AMF 0 command": {Type: 20, Body: append(bytes.Clone(body[:len(body)-4]), "\x11\x06\x03x"...)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(m)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}

	got, err := Parse(chunk.Message{Type: 15, Body: append([]byte{0}, amf0.AppendTo(nil, "onMetaData", amf0.ECMAArray{})...)})
	require.NoError(t, err)
	require.Equal(t, []any{"onMetaData", amf0.ECMAArray{}}, got.(Data).Values)

	got, err = Parse(chunk.Message{Type: 6, Body: []byte{0, 0, 1, 0}})
	require.NoError(t, err)
	require.Equal(t, SetPeerBandwidth{256, LimitDynamic}, got, "without a limit type")

	got, err = Parse(chunk.Message{Type: 20, Body: amf0.AppendTo(nil, "FCUnpublish", nil, "key")})
	require.NoError(t, err)
	require.Equal(t, Command{Name: "FCUnpublish", Args: []any{nil, "key"}}, got, "without a transaction")
}

func TestCommandAccess(t *testing.T) {
	c := Command{Args: []any{amf0.ECMAArray{{Key: "app", Value: "live"}}, "key", 3.0}}
	require.Equal(t, "live", c.Object().String("app"))
	require.Equal(t, "key", c.StringArg(0))
	require.Equal(t, 3.0, c.Arg(1))
	require.Empty(t, c.StringArg(1))
	require.Nil(t, c.Arg(2))
	require.Nil(t, Command{}.Object())
	require.Nil(t, Command{}.Arg(0))
	require.Nil(t, Command{Args: []any{nil}}.Object())
}

// aggregateOf puts messages together as Flash Media Server does.
func aggregateOf(ms ...chunk.Message) Aggregate {
	a := Aggregate{ChunkStreamID: 4, StreamID: 1, Timestamp: 1000}
	for _, m := range ms {
		n := len(m.Body)
		a.Body = append(a.Body, m.Type, byte(n>>16), byte(n>>8), byte(n),
			byte(m.Timestamp>>16), byte(m.Timestamp>>8), byte(m.Timestamp), byte(m.Timestamp>>24), 0, 0, 0)
		a.Body = append(a.Body, m.Body...)
		a.Body = binary.BigEndian.AppendUint32(a.Body, uint32(tagHeaderLen+n))
	}
	return a
}

func collect(a Aggregate) (ms []chunk.Message, err error) {
	for m, err := range a.Messages() {
		if err != nil {
			return ms, err
		}
		ms = append(ms, m)
	}
	return ms, nil
}

func TestAggregate(t *testing.T) {
	a := aggregateOf(
		chunk.Message{Type: 9, Timestamp: 0x01000010, Body: []byte{0x17, 1}},
		chunk.Message{Type: 8, Timestamp: 0x01000020, Body: []byte{0xaf, 1, 2}},
		chunk.Message{Type: 9, Timestamp: 0x0100000f},
	)
	want := []chunk.Message{
		{ChunkStreamID: 4, StreamID: 1, Type: 9, Timestamp: 1000, Body: []byte{0x17, 1}},
		{ChunkStreamID: 4, StreamID: 1, Type: 8, Timestamp: 1016, Body: []byte{0xaf, 1, 2}},
		{ChunkStreamID: 4, StreamID: 1, Type: 9, Timestamp: 999, Body: []byte{}},
	}
	got, err := collect(a)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Same(t, &a.Body[tagHeaderLen], &got[0].Body[0], "no copy")
	require.Equal(t, 2, cap(got[0].Body), "nobody appends into the next tag")

	for range a.Messages() {
		break // a reader may leave early
	}

	for n := range a.Body {
		cut := a
		cut.Body = a.Body[:n]
		got, err := collect(cut)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
		}
		require.Equal(t, want[:len(got)], append([]chunk.Message{}, got...))
	}

	_, err = collect(aggregateOf(chunk.Message{Type: TypeAggregate}))
	require.ErrorIs(t, err, ErrMalformed)
	got, err = collect(Aggregate{})
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestDefaultChunkStreams(t *testing.T) {
	require.EqualValues(t, AudioChunkStream, Audio{}.Marshal().ChunkStreamID)
	require.EqualValues(t, VideoChunkStream, Video{}.Marshal().ChunkStreamID)
	require.EqualValues(t, CommandChunkStream, Command{}.Marshal().ChunkStreamID)
	require.EqualValues(t, DataChunkStream, Data{}.Marshal().ChunkStreamID)
	require.EqualValues(t, 9, Video{ChunkStreamID: 9}.Marshal().ChunkStreamID)
}

func TestEventNames(t *testing.T) {
	require.Equal(t, "ping request", EventPingRequest.String())
	require.Equal(t, "event 99", Event(99).String())
}

func TestSecondOpinion(t *testing.T) {
	var wire bytes.Buffer
	w := chunk.NewWriter(&wire)
	require.NoError(t, w.WriteMessage(
		WindowAckSize{2_500_000}.Marshal(),
		SetPeerBandwidth{2_500_000, LimitDynamic}.Marshal(),
		SetChunkSize{4096}.Marshal(),
		UserControl{Event: EventPingRequest, Value: 5}.Marshal(),
		Command{Name: "_result", Transaction: 4, Args: []any{nil, 1.0}}.Marshal(),
	))
	bc := bytecounter.NewReader(&wire)
	r := gomessage.NewReader(bc, bc, nil)
	for _, want := range []gomessage.Message{
		&gomessage.SetWindowAckSize{Value: 2_500_000},
		&gomessage.SetPeerBandwidth{Value: 2_500_000, Type: 2},
		&gomessage.SetChunkSize{Value: 4096},
		&gomessage.UserControlPingRequest{ServerTime: 5},
		&gomessage.CommandAMF0{ChunkStreamID: 3, Name: "_result", CommandID: 4, Arguments: goamf0.Data{nil, 1.0}},
	} {
		got, err := r.Read()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestMediaIsParsedWithoutAllocation(t *testing.T) {
	var p Parser
	m := chunk.Message{ChunkStreamID: 4, StreamID: 1, Type: TypeVideo, Body: make([]byte, 100)}
	a := chunk.Message{ChunkStreamID: 4, StreamID: 1, Type: TypeAudio, Body: make([]byte, 100)}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if v, err := p.Parse(m); err != nil || &v.(*Video).Body[0] != &m.Body[0] {
			t.Fatal(err)
		}
		if v, err := p.Parse(a); err != nil || &v.(*Audio).Body[0] != &a.Body[0] {
			t.Fatal(err)
		}
	}))
}

// FuzzParse: whatever is parsed marshals to what parses the same.
func FuzzParse(f *testing.F) {
	for _, tc := range messages {
		f.Add(tc.wire.Type, tc.wire.Body)
	}
	f.Add(uint8(22), aggregateOf(messages[12].wire, messages[13].wire).Body)
	f.Add(uint8(17), append([]byte{0}, amf0.AppendTo(nil, "connect", 1.0)...))
	f.Fuzz(func(t *testing.T, typ uint8, body []byte) {
		m, err := Parse(chunk.Message{ChunkStreamID: 4, Type: typ, Body: body})
		if err != nil {
			return
		}
		once := m.Marshal()
		again, err := Parse(once)
		if err != nil {
			t.Fatalf("%#v: %v", m, err)
		}
		if twice := again.Marshal(); !bytes.Equal(once.Body, twice.Body) || once.Type != twice.Type {
			t.Fatalf("%#v became %#v", once, twice)
		}
		if a, ok := m.(Aggregate); ok {
			n := 0
			for m := range a.Messages() {
				n += len(m.Body)
			}
			if n > len(body) {
				t.Fatalf("%d bytes from %d", n, len(body))
			}
		}
	})
}
