package ingest

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
	"sluice/ingest/message"
)

// script is a connection whose other side says all that it has to say at once, reads
// what it is answered, and hangs up.
type script struct {
	net.Conn // nil: what isn't below is never called
	says     *bytes.Reader
	heard    int
}

func (c *script) Read(p []byte) (int, error) { return c.says.Read(p) }

func (c *script) Write(p []byte) (int, error) { c.heard += len(p); return len(p), nil }

func (c *script) Close() error                     { return nil }
func (c *script) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }
func (c *script) SetReadDeadline(time.Time) error  { return nil }
func (c *script) SetWriteDeadline(time.Time) error { return nil }

// chunksOf is what a client's chunk layer makes of messages.
func chunksOf(f *testing.F, ms ...message.Message) []byte {
	w := chunk.NewWriter(nil)
	var all []byte
	for _, m := range ms {
		var err error
		if all, err = w.AppendMessage(all, m.Marshal()); err != nil {
			f.Fatal(err)
		}
	}
	return all
}

// FuzzSession has any bytes follow a handshake: the session ends, without a panic, is
// counted out, keeps to the order that a Sink may expect, and answers with no more than
// what it was sent is worth.
func FuzzSession(f *testing.F) {
	publish := []message.Message{
		message.SetChunkSize{Size: 4096}, connectTo("live"),
		message.Command{Name: "releaseStream", Transaction: 2, Args: []any{nil, "secret"}},
		message.Command{Name: "createStream", Transaction: 4, Args: []any{nil}},
		message.Command{StreamID: 1, Name: "publish", Transaction: 5, Args: []any{nil, "secret", "live"}},
	}
	media := []message.Message{
		message.Data{StreamID: 1, Values: []any{"@setDataFrame", "onMetaData", amf0.ECMAArray{{Key: "framerate", Value: 30.0}}}},
		message.Video{StreamID: 1, Body: avcConfigTag()}, message.Audio{StreamID: 1, Body: aacConfigTag()},
		message.Video{StreamID: 1, Body: pictureTag(true, 0, 30)}, message.Audio{StreamID: 1, Body: soundTag(9)},
		message.Video{StreamID: 1, Timestamp: 33, Body: pictureTag(false, 66, 30)}, goodbye(),
	}
	f.Add(chunksOf(f, publish...))
	f.Add(chunksOf(f, append(publish, media...)...))
	for _, bodies := range enhancedSeeds() {
		all := publish[:len(publish):len(publish)]
		for _, b := range bodies {
			if b[0]>>4 == 9 {
				all = append(all, message.Audio{StreamID: 1, Body: b})
			} else {
				all = append(all, message.Video{StreamID: 1, Body: b})
			}
		}
		f.Add(chunksOf(f, all...))
	}
	f.Add(chunksOf(f, connectTo("live"), message.Command{StreamID: 1, Name: "play", Transaction: 3, Args: []any{nil, "show"}}))
	f.Add(chunksOf(f, connectTo("elsewhere"), message.UserControl{Event: message.EventPingRequest}, message.WindowAckSize{Size: 1}))
	greeting := append([]byte{3}, make([]byte, 2*1536)...)
	f.Fuzz(func(t *testing.T, in []byte) {
		d, log := newDoorman(map[Key]string{"secret": "show"}), newLogBook()
		s := New(Options{Admit: d, Log: log.logger(), Limits: Limits{OwnerWait: time.Nanosecond}})
		c := &script{says: bytes.NewReader(append(greeting[:len(greeting):len(greeting)], in...))}
		ss := newSession(s, c, nil)
		var err error
		if ss.place, err = s.gate.Enter(ss.from, func() {}); err != nil {
			t.Fatal(err)
		}
		d.came = make(chan string, len(in)+1) // one for each publication
		ss.serve(t.Context())
		ss.place.Leave()
		if strings.Contains(log.String(), "panic") {
			t.Fatal(log)
		}
		if !s.gate.Empty() || len(s.owners.of) != 0 {
			t.Fatal("something is left of it")
		}
		if most := 3073 + 2000 + 40*len(in); c.heard > most {
			t.Fatalf("%d bytes in answer to %d", c.heard, len(in))
		}
		for _, r := range d.sinks["show"] {
			if len(r.faults) > 0 || !r.ended && len(r.epochs) > 0 {
				t.Fatal(r.faults, r.ended)
			}
		}
	})
}
