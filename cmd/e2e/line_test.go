package e2e

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// line is a connection to the gateway of a given rate, shared by everything that
// is fetched through it: TCP in, TCP out, and a token bucket between. It also
// notes which rendition's media is asked for.
type line struct {
	to       string
	listener net.Listener
	spent    sync.WaitGroup

	mu     sync.Mutex // guards what follows
	rate   float64    // bits a second towards the viewer
	free   time.Time  // when the line has sent what it was given
	asked  map[string]int
	newest string   // the rendition of video that was asked for last
	said   []string // the newest requests and answers
	conns  map[net.Conn]bool
}

// piece is what is sent at once: two packets, as they come on a real line.
const piece = 2 * 1448

// catchUp bounds what a line makes up for: a token bucket's depth, as a time.
const catchUp = 50 * time.Millisecond

// throttle opens a line to the gateway.
func (g *gateway) throttle(rate float64) *line {
	g.t.Helper()
	l := &line{to: g.http, rate: rate, asked: map[string]int{}, conns: map[net.Conn]bool{}}
	var err error
	l.listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(g.t, err)
	l.spent.Add(1)
	go l.serve()
	g.t.Cleanup(func() {
		l.close()
		if g.t.Failed() {
			g.t.Logf("the line's newest requests and answers:\n%s", strings.Join(l.said, "\n"))
		}
	})
	return l
}

func (l *line) url(path string) string { return "http://" + l.listener.Addr().String() + path }

// set changes the line's rate.
func (l *line) set(rate float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate = rate
}

// requests counts what was asked for of a rendition's media.
func (l *line) requests(rendition string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[rendition]
}

// loading is the rendition of video whose media was asked for last.
func (l *line) loading() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest
}

func (l *line) close() {
	l.listener.Close()
	l.mu.Lock()
	for c := range l.conns {
		c.Close()
	}
	l.mu.Unlock()
	l.spent.Wait()
}

func (l *line) serve() {
	defer l.spent.Done()
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.to)
		if err != nil {
			near.Close()
			continue
		}
		l.mu.Lock()
		l.conns[near], l.conns[far] = true, true
		l.mu.Unlock()
		l.spent.Add(2)
		go l.up(near, far)
		go l.down(near, far)
	}
}

// hangUp closes both ends.
func (l *line) hangUp(near, far net.Conn) {
	near.Close()
	far.Close()
	l.mu.Lock()
	delete(l.conns, near)
	delete(l.conns, far)
	l.mu.Unlock()
	l.spent.Done()
}

// mediaRequest is one for a part or a segment.
var mediaRequest = regexp.MustCompile(`GET /live/[^/ ]+/([^/ ]+)/\d+/\d+(?:\.\d+)?\.m4s`)

// up passes requests on, at once.
func (l *line) up(near, far net.Conn) {
	defer l.hangUp(near, far)
	b := make([]byte, 16<<10)
	for {
		n, err := near.Read(b)
		for _, m := range mediaRequest.FindAllSubmatch(b[:n], -1) {
			l.note(string(m[1]))
		}
		l.overhear(near, b[:n])
		if n > 0 {
			if _, err := far.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *line) note(rendition string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[rendition]++
	if rendition != "audio" {
		l.newest = rendition
	}
}

// firstLine is that of a request or an answer.
var firstLine = regexp.MustCompile(`(?m)^(GET |HTTP/1\.1 )[^\r\n]*`)

// remembered bounds what is kept of them.
const remembered = 30

// overhear keeps first lines, for whoever looks for what went wrong.
func (l *line) overhear(viewer net.Conn, b []byte) {
	for _, m := range firstLine.FindAll(b, -1) {
		l.mu.Lock()
		l.said = append(l.said[max(0, len(l.said)+1-remembered):],
			fmt.Sprintf("%s %s %s", time.Now().Format("15:04:05.000"), viewer.RemoteAddr(), m))
		l.mu.Unlock()
	}
}

// down passes answers on, at the line's rate.
func (l *line) down(near, far net.Conn) {
	defer l.hangUp(near, far)
	b := make([]byte, piece)
	for {
		n, err := far.Read(b)
		if n > 0 {
			l.overhear(near, b[:n])
			pause(l.take(n))
			if _, err := near.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// take reserves the line for n bytes and returns how long it takes until they
// have gone through.
func (l *line) take(n int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	// What it didn't send while this process slept too long it sends now.
	if least := now.Add(-catchUp); l.free.Before(least) {
		l.free = least
	}
	l.free = l.free.Add(time.Duration(float64(8*n) / l.rate * float64(time.Second)))
	return l.free.Sub(now)
}

// TestLine sends bytes through a line: they arrive as they were, and no sooner
// than the rate allows.
func TestLine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	sent := make([]byte, 100_000)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = c.Write(sent)
		c.Close()
	}()
	slow := (&gateway{t: t, http: l.Addr().String()}).throttle(1e6) // 0.8 s for all of it
	c, err := net.Dial("tcp", slow.listener.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET /live/live/480p/3/17.2.m4s HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	start := time.Now()
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Len(t, got, len(sent))
	require.GreaterOrEqual(t, time.Since(start), 790*time.Millisecond-catchUp)
	require.Equal(t, 1, slow.requests("480p"))
	require.Equal(t, "480p", slow.loading())
}
