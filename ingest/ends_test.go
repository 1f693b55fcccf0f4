package ingest

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/chunk"
	"sluice/ingest/message"
)

// hasty is the server's end of a connection whose publisher sends all that it
// has, a message at a time, and hangs up without reading the answers: from the
// message called deaf on, every write fails, and after the last one every read.
type hasty struct {
	net.Conn // nil: what isn't below is never called
	messages [][]byte
	deaf     int
	read     int
}

func (c *hasty) Read(p []byte) (int, error) {
	if c.read == len(c.messages) {
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	n := copy(p, c.messages[c.read])
	if c.messages[c.read] = c.messages[c.read][n:]; len(c.messages[c.read]) == 0 {
		c.read++
	}
	return n, nil
}

func (c *hasty) Write(p []byte) (int, error) {
	if c.read > c.deaf {
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
	}
	return len(p), nil
}

func (c *hasty) Close() error                     { return nil }
func (c *hasty) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }
func (c *hasty) SetReadDeadline(time.Time) error  { return nil }
func (c *hasty) SetWriteDeadline(time.Time) error { return nil }

// hurried returns a connection that publishes a picture and sound, then says
// the given, and is gone.
func hurried(t *testing.T, then ...message.Message) *hasty {
	t.Helper()
	c := &hasty{messages: [][]byte{make([]byte, 1+2*1536)}}
	c.messages[0][0] = 3
	w := chunk.NewWriter(nil)
	for _, m := range append([]message.Message{
		connectTo("live"),
		message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}},
		message.Command{StreamID: 1, Name: "publish", Transaction: 3, Args: []any{nil, "secret", "live"}},
		message.Video{StreamID: 1, Body: avcConfigTag()},
		message.Audio{StreamID: 1, Body: aacConfigTag()},
		message.Video{StreamID: 1, Body: pictureTag(true, 0, 100)},
		message.Audio{StreamID: 1, Body: soundTag(50)},
	}, then...) {
		b, err := w.AppendMessage(nil, m.Marshal())
		require.NoError(t, err)
		c.messages = append(c.messages, b)
	}
	return c
}

// endOf lets a server serve c, and returns the lines of the log from the end of
// the publication on.
func endOf(t *testing.T, c *hasty) (r *recording, lines []string) {
	t.Helper()
	d, log := newDoorman(map[Key]string{"secret": "show"}), newLogBook()
	s := New(Options{Admit: d, Log: log.logger()})
	ss := newSession(s, c, nil)
	var err error
	ss.place, err = s.gate.Enter(ss.from, func() {})
	require.NoError(t, err)
	ss.serve(t.Context())
	require.Empty(t, s.owners.of)
	_, end, found := strings.Cut(log.String(), `msg="epoch begins"`)
	require.True(t, found, "%s", log)
	_, end, _ = strings.Cut(end, "\n")
	return d.sink(t, "show", 0), strings.Split(strings.TrimSpace(end), "\n")
}

// A publisher that says goodbye, and doesn't wait for what is answered to that,
// has ended well: one line, without an error.
func TestGoodbyeIsOneLine(t *testing.T) {
	unpublish := message.Command{Name: "FCUnpublish", Transaction: 6, Args: []any{nil, "secret"}}
	remove := message.Command{Name: "deleteStream", Transaction: 7, Args: []any{nil, 1.0}}
	for name, c := range map[string]*hasty{
		"gone after the goodbye":     hurried(t, unpublish, remove),
		"gone between two goodbyes":  hurried(t, unpublish, remove),
		"gone right before":          hurried(t, unpublish, remove),
		"gone with one goodbye only": hurried(t, remove),
	} {
		c.deaf = len(c.messages)
		switch name {
		case "gone between two goodbyes":
			c.deaf = len(c.messages) - 1
		case "gone right before":
			c.deaf = len(c.messages) - 3
		}
		t.Run(name, func(t *testing.T) {
			r, lines := endOf(t, c)
			require.NoError(t, r.cause)
			require.Len(t, lines, 1, "%s", lines)
			require.Contains(t, lines[0], "level=INFO msg=published")
			require.NotContains(t, lines[0], "err=")
			require.Contains(t, lines[0], " remote=192.0.2.1:1 ", "IPv4 looks like IPv4")
		})
	}
}

// One that doesn't has not: the line says so.
func TestLostConnectionIsOneLine(t *testing.T) {
	c := hurried(t)
	c.deaf = len(c.messages)
	r, lines := endOf(t, c)
	require.ErrorIs(t, r.cause, errGone)
	require.Len(t, lines, 1, "%s", lines)
	require.Contains(t, lines[0], "level=INFO msg=published")
	require.Contains(t, lines[0], "connection reset")
}

// What a publisher sent before it hung up is taken, though an acknowledgement
// can no longer be written.
func TestAcknowledgementsCannotLoseMedia(t *testing.T) {
	c := hurried(t,
		message.WindowAckSize{Size: minWindow},
		message.Video{StreamID: 1, Timestamp: 33, Body: pictureTag(false, 0, minWindow)},
		message.Video{StreamID: 1, Timestamp: 67, Body: pictureTag(false, 0, minWindow)},
		goodbye(),
	)
	c.deaf = len(c.messages) - 4
	r, lines := endOf(t, c)
	require.NoError(t, r.cause)
	require.Equal(t, 3, r.count(videoTrack))
	require.Len(t, lines, 1, "%s", lines)
}
