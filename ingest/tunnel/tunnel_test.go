package tunnel

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// post sends a request through the handler.
func post(h http.Handler, path, body string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// opened is a Tunnel with one session.
func opened(t *testing.T) (tn *Tunnel, h http.Handler, id string, c net.Conn) {
	t.Helper()
	tn = New(&net.TCPAddr{Port: 80})
	t.Cleanup(func() { tn.Close() })
	h = tn.Handler(http.NotFoundHandler())
	status, body := post(h, "/open/1", "\x00")
	require.Equal(t, 200, status)
	id, ok := strings.CutSuffix(body, "\n")
	require.True(t, ok)
	require.Len(t, id, 32)
	c, err := tn.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return tn, h, id, c
}

// shout answers everything with its upper-case form, until the connection ends.
func shout(c net.Conn) error {
	buf := make([]byte, 4)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return err
		}
		if _, err := c.Write(bytes.ToUpper(buf[:n])); err != nil {
			return err
		}
	}
}

// What a client says is answered in the same exchange.
func TestConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, h, id, c := opened(t)
		require.Equal(t, "192.0.2.1:1234", c.RemoteAddr().String())
		require.Equal(t, "rtmpt", c.(interface{ Protocol() string }).Protocol())
		ended := make(chan error, 1)
		go func() { ended <- shout(c) }()
		say := func(path, body string) string {
			status, answer := post(h, path, body)
			require.Equal(t, 200, status, path)
			return answer
		}
		require.Equal(t, "\x01HELLO, WORLD", say("/send/"+id+"/0", "hello, world"))
		require.Equal(t, "\x01AGAIN", say("/send/"+id+"/1", "again"))
		require.Equal(t, "\x01AGAIN", say("/send/"+id+"/1", "again"), "it came twice, and was heard once")
		for i, interval := range []byte{3, 5, 9, 0x11, 0x21, 0x21} {
			require.Equal(t, string(interval), say(fmt.Sprintf("/idle/%s/%d", id, i+2), "\x00"))
		}
		_, err := c.Write([]byte("news"))
		require.NoError(t, err)
		require.Equal(t, "\x01news", say("/idle/"+id+"/8", "\x00"))
		require.Equal(t, "\x00", say("/close/"+id+"/9", "\x00"))
		require.ErrorIs(t, <-ended, io.EOF)
		c.Close()
		status, _ := post(h, "/idle/"+id+"/10", "\x00")
		require.Equal(t, 404, status)
	})
}

// The connection knows whether HTTP was encrypted.
func TestTLSOfTheTunnel(t *testing.T) {
	tn := New(&net.TCPAddr{Port: 443})
	defer tn.Close()
	h := tn.Handler(http.NotFoundHandler())
	for url, protocol := range map[string]string{"http://gateway/open/1": "rtmpt", "https://gateway/open/1": "rtmpts"} {
		r := httptest.NewRequest(http.MethodPost, url, strings.NewReader("\x00"))
		h.ServeHTTP(httptest.NewRecorder(), r)
		c, err := tn.Accept()
		require.NoError(t, err)
		require.Equal(t, protocol, c.(*conn).Protocol())
		require.Same(t, r.TLS, c.(*conn).TLS())
		require.NoError(t, c.Close())
	}
}

// Requests of several connections arrive in any order; the bytes don't.
func TestRequestsAreTakenInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, h, id, c := opened(t)
		heard := make(chan string, 1)
		go func() {
			all, _ := io.ReadAll(c)
			heard <- string(all)
		}()
		post(h, "/send/"+id+"/1", "a")
		var wg sync.WaitGroup
		for _, n := range []int{4, 3, 5, 2} {
			wg.Go(func() {
				status, _ := post(h, fmt.Sprintf("/send/%s/%d", id, n), string(rune('a'+n-1)))
				require.Equal(t, 200, status)
			})
			synctest.Wait()
		}
		wg.Wait()
		post(h, "/close/"+id+"/6", "\x00")
		require.Equal(t, "abcde", <-heard)
	})
}

// Where a request is missing the bytes are lost, and with them the session.
func TestGapEndsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, h, id, c := opened(t)
		ended := make(chan error, 1)
		go func() { ended <- shout(c) }()
		post(h, "/send/"+id+"/1", "a")
		before := time.Now()
		status, _ := post(h, "/send/"+id+"/3", "c")
		require.Equal(t, 400, status)
		require.Equal(t, earlyTime, time.Since(before))
		require.ErrorIs(t, <-ended, io.EOF)
	})
}

func TestRequestsThatMakeNoSense(t *testing.T) {
	tn, h, id, _ := opened(t)
	for path, want := range map[string]int{
		"/send/" + id:         400,
		"/send/" + id + "/x":  400,
		"/send/" + id + "/-1": 400,
		"/send/":              400,
		"/send/" + id + "/" + strings.Repeat("9", 30): 400,
		"/send/0000/1":          404,
		"/fcs/ident2":           404,
		"/live/show/index.m3u8": 404, // somebody else's
		"/opening":              404,
	} {
		status, _ := post(h, path, "x")
		require.Equal(t, want, status, path)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/open/1", nil))
	require.Equal(t, 404, w.Code, "browsers open nothing")

	require.NoError(t, tn.Close())
	require.NoError(t, tn.Close())
	status, _ := post(h, "/open/1", "")
	require.Equal(t, 503, status)
	_, err := tn.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

// Whoever opens sessions and leaves them alone can't have many.
func TestSessionsAreBounded(t *testing.T) {
	tn := New(&net.TCPAddr{})
	h := tn.Handler(http.NotFoundHandler())
	for range maxWaiting {
		status, _ := post(h, "/open/1", "")
		require.Equal(t, 200, status)
	}
	status, _ := post(h, "/open/1", "")
	require.Equal(t, 503, status)
	require.Len(t, tn.sessions, maxWaiting)
	c, err := tn.Accept()
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.Len(t, tn.sessions, maxWaiting-1, "its reader gave it up")
	tn.Close()
	require.Empty(t, tn.sessions)
}

// A client that never fetches what it is to hear keeps no more than maxOut here, and
// whoever writes to it no longer than the deadline.
func TestWritesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, h, id, c := opened(t)
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Second)))
		n, err := c.Write(make([]byte, maxOut+1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, maxOut, n)
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)

		require.NoError(t, c.SetWriteDeadline(time.Time{}))
		wrote := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, 10))
			wrote <- err
		}()
		synctest.Wait()
		_, answer := post(h, "/idle/"+id+"/0", "")
		require.Len(t, answer, 1+maxAnswer)
		require.NoError(t, <-wrote)

		go func() {
			_, err := c.Write(make([]byte, maxOut))
			wrote <- err
		}()
		synctest.Wait()
		require.NoError(t, c.Close())
		require.ErrorIs(t, <-wrote, net.ErrClosed)
	})
}

// A body that nobody takes, or that is too long, ends.
func TestBodiesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, h, id, _ := opened(t)
		before := time.Now()
		status, _ := post(h, "/send/"+id+"/0", "nobody reads this")
		require.Equal(t, 400, status)
		require.Equal(t, bodyTime, time.Since(before))
	})
	_, h, id, c := opened(t)
	taken := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(io.Discard, c)
		taken <- n
	}()
	status, _ := post(h, "/send/"+id+"/0", string(make([]byte, maxBody+1)))
	require.Equal(t, 400, status)
	require.LessOrEqual(t, <-taken, int64(maxBody))
}

// A client that hangs up while it waits for its turn.
func TestAbandonedRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, h, id, c := opened(t)
		go shout(c)
		post(h, "/send/"+id+"/1", "a")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/send/"+id+"/9", strings.NewReader("x"))
			h.ServeHTTP(httptest.NewRecorder(), r)
		}()
		synctest.Wait()
		cancel()
		<-done
	})
}

// Whatever requests come in whatever order: no panic, no deadlock, and what the
// reader hears is what the requests said, in their order.
func FuzzRequests(f *testing.F) {
	f.Add([]byte{0, 1, 'a', 0, 2, 'b', 1, 3, 0, 2, 4, 0})
	f.Add([]byte{0, 1, 'a', 0, 1, 'a', 0, 9, 'z'})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 60 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			tn := New(&net.TCPAddr{})
			h := tn.Handler(http.NotFoundHandler())
			_, body := post(h, "/open/1", "")
			id := strings.TrimSpace(body)
			c, err := tn.Accept()
			if err != nil {
				t.Fatal(err)
			}
			heard := make(chan []byte, 1)
			go func() {
				all, _ := io.ReadAll(c)
				c.Close()
				heard <- all
			}()
			var said []byte
			next := -1
			for ; len(script) >= 3; script = script[3:] {
				command := [...]string{"send", "idle", "close"}[script[0]%3]
				n := int(script[1])
				status, _ := post(h, fmt.Sprintf("/%s/%s/%d", command, id, n), string(script[2:3]))
				if next < 0 {
					next = n
				}
				if n != next {
					if status == 200 && n != next-1 {
						t.Fatalf("request %d was served before %d", n, next)
					}
					if n != next-1 {
						break // the session has ended
					}
					continue
				}
				if status != 200 {
					break
				}
				next++
				if command == "send" {
					said = append(said, script[2])
				}
				if command == "close" {
					break
				}
			}
			c.(*conn).hangUp()
			if got := <-heard; !bytes.Equal(got, said) {
				t.Fatalf("heard %q, said %q", got, said)
			}
			tn.Close()
		})
	})
}
