package ingest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/message"
)

func TestAllowance(t *testing.T) {
	now := time.Unix(1000, 0)
	send := func(a *allowance, bitrate int, d time.Duration) error {
		const step = 10 * time.Millisecond
		for range d / step {
			now = now.Add(step)
			if err := a.spend(bitrate/8/int(time.Second/step), now); err != nil {
				return err
			}
		}
		return nil
	}
	a := newAllowance(1_000_000, now)
	require.NoError(t, send(&a, 999_000, time.Hour))
	require.NoError(t, a.spend(1_000_000/8*9, now), "what was held back")
	require.NoError(t, send(&a, 900_000, time.Minute))
	start := now
	require.ErrorIs(t, send(&a, 10_000_000, time.Minute), ErrBitrate)
	require.Less(t, now.Sub(start), 2*time.Second)
	a = newAllowance(0, now)
	require.NoError(t, send(&a, 1_000_000_000, time.Minute), "no limit")
}

// TestBitrateLimit lets a publisher send ten times what it may, whatever it sends: it
// is told, and another one beside it notices nothing.
func TestBitrateLimit(t *testing.T) {
	const size = 10_000_000 / 8 / 100
	text := strings.Repeat("x", size)
	for name, flood := range map[string]func(at uint32) message.Message{
		"pictures": func(at uint32) message.Message {
			return message.Video{StreamID: 1, Timestamp: at, Body: pictureTag(at == 0, 0, size)}
		},
		"script data": func(at uint32) message.Message {
			return message.Data{StreamID: 1, Timestamp: at, Values: []any{"onTextData", text}}
		},
		"metadata": func(at uint32) message.Message {
			return message.Data{StreamID: 1, Timestamp: at, Values: []any{"onMetaData", amf0.Object{{Key: "encoder", Value: text}}}}
		},
		"commands": func(uint32) message.Message {
			return message.Command{StreamID: 1, Name: "unheard", Args: []any{nil, text}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			floods(t, func(c *client, at uint32) error { return c.trySend(flood(at)) })
		})
	}
	t.Run("messages that are left", func(t *testing.T) { floods(t, leave) })
}

// leave begins a message of 100 chunks of which the last is never sent, and then sends
// one that is whole.
func leave(c *client, _ uint32) error {
	const chunks, size, stream = 100, 128, 7
	raw := []byte{stream, 0, 0, 0, 0, chunks * size >> 8, chunks * size & 0xff, 9, 1, 0, 0, 0} // type 0, a picture
	for n := range chunks - 1 {
		if n > 0 {
			raw = append(raw, 0xc0|stream)
		}
		raw = append(raw, make([]byte, size)...)
	}
	raw = append(raw, 2, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, stream) // Abort Message, section 5.4.2
	raw = append(raw, 2, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 0, 1)      // Acknowledgement, section 5.4.3
	_, err := c.conn.Write(raw)
	return err
}

// floods lets a publisher send too much each 10 ms.
func floods(t *testing.T, flood func(c *client, at uint32) error) {
	synctest.Test(t, func(t *testing.T) {
		d, p, log := newDoorman(map[Key]string{"secret": "show", "other": "second"}), newPipes(), newLogBook()
		s := New(Options{Admit: d, Log: log.logger(), Limits: Limits{Bitrate: 1_000_000}})
		served := make(chan error)
		ctx := t.Context()
		go func() { served <- s.Serve(ctx, p) }()
		defer func() {
			s.Shutdown(ctx)
			require.NoError(t, <-served)
		}()
		good, greedy := greet(t, p.dial()), greet(t, p.dial())
		code, _ := good.publish("live", "other")
		require.Equal(t, "NetStream.Publish.Start", code)
		greedy.mustPublish()
		told := make(chan string, 1)
		go func() {
			code, description := greedy.status()
			told <- code + " " + description
			greedy.ended()
		}()
		const step = 10 * time.Millisecond
		good.videoConfig()
		greedy.videoConfig()
		for n := range 200 {
			time.Sleep(step)
			at := uint32(n) * uint32(step.Milliseconds())
			good.picture(at, n == 0)
			if err := flood(greedy, at); err != nil {
				break
			}
		}
		require.Contains(t, <-told, "above this server's limit")
		require.ErrorIs(t, d.sink(t, "show", 0).waitEnd(t), ErrBitrate)
		require.NoError(t, good.trySend(message.Video{StreamID: 1, Timestamp: 5000, Body: pictureTag(true, 0, 100)}))
		good.conn.Close()
	})
}
