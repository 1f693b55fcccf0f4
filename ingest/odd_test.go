package ingest

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"sluice/ingest/chunk"
	"sluice/ingest/message"
)

// Encoders that write their buffer's old bytes behind a command are let in.
func TestCommandsWithGarbageBehindThem(t *testing.T) {
	h := start(t, Options{})
	c := dial(t, h.plain)
	for _, m := range []message.Command{
		connectTo("live"),
		{Name: "createStream", Transaction: 2, Args: []any{nil}},
		{StreamID: 1, Name: "publish", Transaction: 3, Args: []any{nil, "secret", "live"}},
	} {
		odd := m.Marshal()
		odd.Body = append(odd.Body, 0x42, 0x42, 0x42)
		require.NoError(t, c.w.WriteMessage(odd))
	}
	code, description := c.status()
	require.Equal(t, "NetStream.Publish.Start", code, description)

	// Without a name it is nothing.
	nameless := message.Command{Name: "x"}.Marshal()
	nameless.Body = []byte{2, 0, 9, 'F', 'C'}
	require.NoError(t, c.w.WriteMessage(nameless, chunk.Message{
		ChunkStreamID: 2, Type: message.TypeUserControl, Body: []byte{0, 6, 1, 2, 3, 4}, // a ping
	}))
	for {
		m, err := c.r.ReadMessage()
		require.NoError(t, err)
		if m.Type == message.TypeUserControl && m.Body[1] == 7 {
			break
		}
	}
	c.send(goodbye())
	require.NoError(t, h.doorman.sink(t, "show", 0).waitEnd(t))
}

// full is a listener of a process that has too many files open, for a while.
type full struct {
	*pipes
	failures int
}

func (f *full) Accept() (net.Conn, error) {
	if f.failures--; f.failures >= 0 {
		return nil, syscall.EMFILE
	}
	return f.pipes.Accept()
}

// A listener that fails again and again says so once, and goes on.
func TestAcceptFailsForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, l := newLogBook(), &full{newPipes(), 1000}
		s := New(Options{Admit: newDoorman(nil), Log: log.logger()})
		served := make(chan error)
		go func() { served <- s.Serve(t.Context(), l) }()
		l.dial().Close()
		synctest.Wait()
		s.Shutdown(t.Context())
		require.NoError(t, <-served)
		require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), "%s", log)
		require.Equal(t, 1, strings.Count(log.String(), "accepted again"), "%s", log)
	})
}

// A sample of an aggregate keeps no more memory than it has bytes.
func TestSamplesOfAnAggregateStandAlone(t *testing.T) {
	st := newStage(t)
	st.says("videocodecid", 7.0)
	body := aggregate(avcConfigTag(), pictureTag(true, 0, 10), pictureTag(false, 0, 10))
	ss := newSession(New(Options{}), &hasty{}, nil)
	ss.pub, ss.socket.arrived = st.publication, st.now
	require.NoError(t, ss.takeAll(t.Context(), message.Aggregate{Body: body}))
	samples := st.rec.epochs[0].samples[videoTrack]
	require.Len(t, samples, 2)
	clear(body)
	require.Equal(t, nal(slice(nalIDR, 10)), samples[0].Data)
	require.Equal(t, nal(slice(nalSlice, 10)), samples[1].Data)
}

// aggregate puts video tags one after the other, as in an FLV file.
func aggregate(tags ...[]byte) (body []byte) {
	for _, tag := range tags {
		n := len(tag)
		body = append(body, message.TypeVideo, byte(n>>16), byte(n>>8), byte(n), 0, 0, 0, 0, 0, 0, 0)
		body = append(body, tag...)
		body = append(body, 0, 0, 0, byte(n+11))
	}
	return body
}
