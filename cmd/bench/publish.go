package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync/atomic"
	"time"
)

const chunkSize = 4096 // OBS's

// publisher sends a clip over RTMPS in a loop, each message at its time.
type publisher struct {
	addr string
	app  string
	key  string
	clip *clip
	// deaf: the far end doesn't speak RTMP; send the same bytes and wait for nothing.
	deaf bool
	// sent is told when a frame's last byte has been handed to the kernel.
	sent func(f tag, at time.Duration, when time.Time)
	// bytes counts what was sent, before TLS.
	bytes *atomic.Int64
}

// run publishes until ctx ends.
func (p *publisher) run(ctx context.Context) error {
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // loopback, throw-away certificates
	conn, err := dialer.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	defer stop()
	if err := p.connect(conn); err != nil {
		return fmt.Errorf("publish %s: %w", p.key, err)
	}
	go io.Copy(io.Discard, conn) // acknowledgements; ends with the connection
	err = p.stream(ctx, conn)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// connect goes through handshake and commands in the order in which OBS sends them.
func (p *publisher) connect(conn net.Conn) error {
	c0c1 := make([]byte, 1+1536)
	c0c1[0] = 3
	if _, err := conn.Write(c0c1); err != nil {
		return err
	}
	c2 := make([]byte, 1536)
	if !p.deaf {
		s := make([]byte, 1+2*1536)
		if _, err := io.ReadFull(conn, s); err != nil {
			return fmt.Errorf("handshake: %w", err)
		}
		copy(c2, s[1:])
	}
	b := append([]byte(nil), c2...)
	b = appendMessage(b, 2, 1, 0, 0, binary.BigEndian.AppendUint32(nil, chunkSize))
	b = appendMessage(b, 3, 20, 0, 0, connectCommand(p.app, "rtmps://"+p.addr+"/"+p.app))
	b = appendMessage(b, 3, 20, 0, 0, command("releaseStream", 2, p.key))
	b = appendMessage(b, 3, 20, 0, 0, command("FCPublish", 3, p.key))
	b = appendMessage(b, 3, 20, 0, 0, command("createStream", 4))
	if _, err := conn.Write(b); err != nil {
		return err
	}
	if !p.deaf {
		if err := await(conn, "_result", 2); err != nil {
			return err
		}
	}
	if _, err := conn.Write(appendMessage(nil, 4, 20, 0, 1, command("publish", 5, p.key, "live"))); err != nil {
		return err
	}
	if p.deaf {
		return nil
	}
	return await(conn, "NetStream.Publish.Start", 1)
}

// await reads until the words have come n times. It looks at raw bytes: what a
// server sends before the media is short and its strings are never split.
func await(conn net.Conn, words string, n int) error {
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	defer conn.SetReadDeadline(time.Time{})
	var seen []byte
	buf := make([]byte, 4096)
	for {
		k, err := conn.Read(buf)
		seen = append(seen, buf[:k]...)
		if countOf(seen, words) >= n {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wait for %s: %w", words, err)
		}
		if len(seen) > 1<<16 {
			return errors.New("no " + words + " in 64 KiB")
		}
	}
}

func countOf(b []byte, words string) int {
	n := 0
	for i := 0; i+len(words) <= len(b); i++ {
		if string(b[i:i+len(words)]) == words {
			n++
		}
	}
	return n
}

// stream sends headers, then the frames at their times, for ever.
func (p *publisher) stream(ctx context.Context, conn net.Conn) error {
	var b []byte
	for _, h := range p.clip.headers {
		b = appendMessage(b, 4, h.kind, 0, 1, h.body)
	}
	if _, err := conn.Write(b); err != nil {
		return err
	}
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for loop := time.Duration(0); ; loop += p.clip.length {
		for _, f := range p.clip.frames {
			at := loop + f.at
			if wait := time.Until(start.Add(at)); wait > 0 {
				timer.Reset(wait)
				select {
				case <-timer.C:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			b = appendMessage(b[:0], 4, f.kind, uint32(at/time.Millisecond), 1, f.body)
			if _, err := conn.Write(b); err != nil {
				return err
			}
			p.bytes.Add(int64(len(b)))
			if p.sent != nil {
				p.sent(f, at, time.Now())
			}
		}
	}
}

// appendMessage appends an RTMP message in chunks (RTMP 1.0 §5.3.1): a full
// header, then type 3 headers.
func appendMessage(dst []byte, csid, kind byte, timestamp, streamID uint32, body []byte) []byte {
	dst = append(dst, csid, byte(timestamp>>16), byte(timestamp>>8), byte(timestamp),
		byte(len(body)>>16), byte(len(body)>>8), byte(len(body)), kind)
	dst = binary.LittleEndian.AppendUint32(dst, streamID)
	for len(body) > chunkSize {
		dst = append(dst, body[:chunkSize]...)
		dst = append(dst, 0xc0|csid)
		body = body[chunkSize:]
	}
	return append(dst, body...)
}

func connectCommand(app, url string) []byte {
	b := amfNumber(amfString(nil, "connect"), 1)
	b = append(b, 3)
	for _, kv := range [][2]string{{"app", app}, {"type", "nonprivate"}, {"flashVer", "FMLE/3.0 (compatible; FMSc/1.0)"}, {"swfUrl", url}, {"tcUrl", url}} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(kv[0])))
		b = append(b, kv[0]...)
		b = amfString(b, kv[1])
	}
	return append(b, 0, 0, 9)
}

func command(name string, transaction float64, args ...string) []byte {
	b := append(amfNumber(amfString(nil, name), transaction), 5)
	for _, a := range args {
		b = amfString(b, a)
	}
	return b
}

func amfNumber(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0), math.Float64bits(v))
}
