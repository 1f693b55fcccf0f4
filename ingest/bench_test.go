package ingest

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
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

// The servers and publishers of BenchmarkPacedPublishers are processes of their
// own, which TestMain becomes when this is set: serve,MODE or publish,ADDR,N,DEAF,SPREAD.
const benchRole = "SLUICE_BENCH_ROLE"

const (
	benchPublishers = 33 // for each of three servers
	benchSpan       = 20 * time.Second
	benchSettle     = 4 * time.Second
)

// nowhere is a Sink that keeps nothing.
type nowhere struct{}

func (nowhere) Begin(context.Context, []media.Track) error { return nil }
func (nowhere) WriteSample(context.Context, media.TrackID, media.Sample, time.Time) error {
	return nil
}
func (nowhere) WriteEvent(context.Context, media.Event) error { return nil }
func (nowhere) End(context.Context, error) error              { return nil }

type anyone struct{}

func (anyone) Admit(_ context.Context, p Publish) (Grant, error) {
	return Grant{Stream: string(p.Key), Sink: nowhere{}}, nil
}

// BenchmarkPacedPublishers measures the CPU that a publisher of 4.5 Mb/s costs
// over TLS, for each second: of a loop that reads and throws away, of ingest
// woken by every byte, and of ingest as it is. All three run side by side, so that
// whatever else the machine does weighs on all alike. Messages come whole, as over
// loopback, or spread over some milliseconds, as over a network. Run it with
// -benchtime=1x.
func BenchmarkPacedPublishers(b *testing.B) {
	for _, spread := range []bool{false, true} {
		b.Run(map[bool]string{false: "whole", true: "spread"}[spread], func(b *testing.B) {
			var servers []*benchServer
			for _, mode := range []string{"bare", "bytewise", "ingest"} {
				servers = append(servers, startBenchServer(b, mode, spread))
			}
			time.Sleep(benchSettle)
			for b.Loop() {
				for _, s := range servers {
					s.usage(b)
				}
				time.Sleep(benchSpan)
				var bare float64
				for _, s := range servers {
					cpu := s.usage(b).Seconds() * 1000 / (benchPublishers * benchSpan.Seconds())
					if bare == 0 {
						bare = cpu
					}
					b.ReportMetric(cpu, s.mode+"-cpu-ms/stream-s")
					b.ReportMetric(cpu/bare, s.mode+"/bare")
				}
			}
			for _, s := range servers {
				s.stop()
			}
		})
	}
}

type benchServer struct {
	mode               string
	server, publishers *exec.Cmd
	ask                io.WriteCloser
	answers            *bufio.Reader
	last               time.Duration
}

func startBenchServer(b *testing.B, mode string, spread bool) *benchServer {
	s := &benchServer{mode: mode, server: exec.Command(os.Args[0]), publishers: exec.Command(os.Args[0])}
	s.server.Env = append(os.Environ(), benchRole+"=serve,"+mode)
	s.server.Stderr, s.publishers.Stderr = os.Stderr, os.Stderr
	var err error
	s.ask, err = s.server.StdinPipe()
	require.NoError(b, err)
	out, err := s.server.StdoutPipe()
	require.NoError(b, err)
	s.answers = bufio.NewReader(out)
	require.NoError(b, s.server.Start())
	addr, err := s.answers.ReadString('\n')
	require.NoError(b, err)
	s.publishers.Env = append(os.Environ(), fmt.Sprintf("%s=publish,%s,%d,%v,%v",
		benchRole, strings.TrimSpace(addr), benchPublishers, mode == "bare", spread))
	require.NoError(b, s.publishers.Start())
	return s
}

// usage returns the CPU time that the server has used since the last call.
func (s *benchServer) usage(b *testing.B) time.Duration {
	_, err := io.WriteString(s.ask, "\n")
	require.NoError(b, err)
	line, err := s.answers.ReadString('\n')
	require.NoError(b, err)
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	require.NoError(b, err)
	used := time.Duration(n) - s.last
	s.last = time.Duration(n)
	return used
}

func (s *benchServer) stop() {
	s.publishers.Process.Kill()
	s.publishers.Wait()
	s.ask.Close()
	s.server.Wait()
}

// playRole is what TestMain does in a process of the benchmark.
func playRole(role []string) {
	if role[0] == "publish" {
		n, _ := strconv.Atoi(role[2])
		publishForBench(role[1], n, role[3] == "true", role[4] == "true")
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	config, _ := testTLS(&testing.B{})
	// The collector runs as seldom as beside the windows of real streams.
	windows := make([]byte, 64<<20)
	defer runtime.KeepAlive(windows)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	switch role[1] {
	case "bare":
		wg.Go(func() { serveBare(ctx, l, config) })
	default:
		s := New(Options{Admit: anyone{}})
		if role[1] == "bytewise" {
			s.mostLowWater = 1
		}
		wg.Go(func() { s.ServeTLS(ctx, l, config) })
	}
	fmt.Println(l.Addr())
	in := bufio.NewReader(os.Stdin)
	for {
		if _, err := in.ReadString('\n'); err != nil {
			break
		}
		var r syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &r)
		fmt.Println(r.Utime.Nano() + r.Stime.Nano())
	}
	cancel()
	wg.Wait()
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
func publishForBench(addr string, n int, deaf, spread bool) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * 2 * time.Second / time.Duration(n))
			if err := benchPublisher(addr, strconv.Itoa(i), deaf, spread); err != nil {
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
func benchPublisher(addr, key string, deaf, spread bool) error {
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) // loopback
	if err != nil {
		return err
	}
	defer c.Close()
	w := chunk.NewWriter(io.Discard)
	send := func(ms ...chunk.Message) error {
		var b []byte
		for _, m := range ms {
			b, _ = w.AppendMessage(b, m)
		}
		for len(b) > 0 {
			n := len(b)
			if spread {
				n = min(n, 4096) // 30 Mb/s
				time.Sleep(time.Millisecond)
			}
			if _, err := c.Write(b[:n]); err != nil {
				return err
			}
			b = b[n:]
		}
		return nil
	}
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
	err = send(
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
			err = send(chunk.Message{ChunkStreamID: 4, StreamID: 1, Type: f.typ,
				Timestamp: uint32((loop + f.at) / time.Millisecond), Body: body})
			if err != nil {
				break
			}
		}
	}
	return err
}
