package ingest

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/chunk"
	"sluice/ingest/flv"
	"sluice/ingest/handshake"
	"sluice/ingest/message"
	"sluice/media"
)

// The publishers of BenchmarkPacedPublishers are a process of their own, which
// TestMain becomes when this is set: addr,count,deaf.
const benchPublish = "SLUICE_BENCH_PUBLISH"

const (
	benchPublishers = 100
	benchSpan       = 8 * time.Second
	benchSettle     = 4 * time.Second
)

// nowhere is a Sink that keeps nothing.
type nowhere struct{}

func (nowhere) Begin(context.Context, []media.Track) error { return nil }
func (nowhere) WriteSample(context.Context, media.TrackID, media.Sample, time.Time) error {
	return nil
}
func (nowhere) End(context.Context, error) error { return nil }

type anyone struct{}

func (anyone) Admit(_ context.Context, p Publish) (Grant, error) {
	return Grant{Stream: string(p.Key), Sink: nowhere{}}, nil
}

// BenchmarkPacedPublishers measures the CPU that 100 publishers of 4.5 Mb/s cost
// over TLS, for each of them and second: of a loop that reads and throws away, of
// ingest woken by every byte, and of ingest as it is. Run it with -benchtime=1x.
func BenchmarkPacedPublishers(b *testing.B) {
	config, _ := testTLS(b)
	for _, c := range []struct {
		name string
		most int
	}{{"bare", 0}, {"woken by each byte", 1}, {"woken for what is missing", maxLowWater}} {
		b.Run(c.name, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(b, err)
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			if c.most == 0 {
				wg.Go(func() { serveBare(ctx, l, config) })
			} else {
				s := New(Options{Admit: anyone{}})
				s.mostLowWater = c.most
				wg.Go(func() { s.ServeTLS(ctx, l, config) })
			}
			publishers := exec.Command(os.Args[0])
			publishers.Env = append(os.Environ(), fmt.Sprintf("%s=%s,%d,%v", benchPublish, l.Addr(), benchPublishers, c.most == 0))
			publishers.Stderr = os.Stderr
			require.NoError(b, publishers.Start())
			time.Sleep(benchSettle)
			for b.Loop() {
				before, switches := usage()
				time.Sleep(benchSpan)
				after, switched := usage()
				seconds := benchPublishers * benchSpan.Seconds()
				b.ReportMetric((after-before).Seconds()*1000/seconds, "cpu-ms/stream-s")
				b.ReportMetric(float64(switched-switches)/seconds, "switches/stream-s")
			}
			publishers.Process.Kill()
			publishers.Wait()
			cancel()
			wg.Wait()
		})
	}
}

func usage() (time.Duration, int64) {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), r.Nvcsw + r.Nivcsw
}

func serveBare(ctx context.Context, l net.Listener, config *tls.Config) {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		wg.Go(func() {
			defer c.Close()
			stop := context.AfterFunc(ctx, func() { c.Close() })
			defer stop()
			io.Copy(io.Discard, struct{ io.Reader }{tls.Server(c, config)})
		})
	}
}

// publishForBench is the publishers' process.
func publishForBench(addr string, n int, deaf bool) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * 2 * time.Second / time.Duration(n))
			if err := benchPublisher(addr, strconv.Itoa(i), deaf); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		})
	}
	wg.Wait()
}

type benchFrame struct {
	at    time.Duration
	typ   uint8
	bytes int
}

// benchPublisher publishes two seconds of film again and again: a key frame of
// 120 KB, 59 others of 16.5 KB, 94 AAC frames of 340 bytes.
func benchPublisher(addr, key string, deaf bool) error {
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) // loopback
	if err != nil {
		return err
	}
	defer c.Close()
	w := chunk.NewWriter(c)
	if deaf {
		c.Write(make([]byte, 1+2*1536))
	} else {
		if _, err := handshake.Client(c, handshake.FormSimple); err != nil {
			return err
		}
		go io.Copy(io.Discard, c)
	}
	frames := []benchFrame{}
	for i := range 60 {
		size := 16_500
		if i == 0 {
			size = 120_000
		}
		frames = append(frames, benchFrame{time.Duration(i) * time.Second / 30, message.TypeVideo, size})
	}
	for i := range 94 {
		frames = append(frames, benchFrame{time.Duration(i) * 1024 * time.Second / 48000, message.TypeAudio, 340})
	}
	for i := range frames { // by time
		for j := i; j > 0 && frames[j].at < frames[j-1].at; j-- {
			frames[j], frames[j-1] = frames[j-1], frames[j]
		}
	}
	err = w.WriteMessage(
		message.SetChunkSize{Size: 4096}.Marshal(),
		connectTo("live").Marshal(),
		message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}}.Marshal(),
		message.Command{StreamID: 1, Name: "publish", Transaction: 3, Args: []any{nil, key, "live"}}.Marshal(),
		message.Video{StreamID: 1, Body: avcConfigTag()}.Marshal(),
		message.Audio{StreamID: 1, Body: aacConfigTag()}.Marshal(),
	)
	start := time.Now()
	for loop := time.Duration(0); err == nil; loop += 2 * time.Second {
		for _, f := range frames {
			time.Sleep(time.Until(start.Add(loop + f.at)))
			body := make([]byte, f.bytes)
			if f.typ == message.TypeVideo {
				t := flv.VideoTag{Frame: flv.FrameInter, Codec: flv.VideoAVC, Packet: flv.PacketFrames}
				copy(body, t.AppendTo(nil))
				binary.BigEndian.PutUint32(body[5:], uint32(f.bytes-9))
				body[9] = 1
				if f.at == 0 {
					body[0], body[9] = 0x17, 5
				}
			} else {
				copy(body, flv.AudioTag{Codec: flv.AudioAAC, Flags: 15, Packet: flv.PacketFrames}.AppendTo(nil))
			}
			err = w.WriteMessage(chunk.Message{ChunkStreamID: 4, StreamID: 1, Type: f.typ,
				Timestamp: uint32((loop + f.at) / time.Millisecond), Body: body})
			if err != nil {
				break
			}
		}
	}
	return err
}
