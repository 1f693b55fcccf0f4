package tunnel

import (
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Tunnel is a net.Listener whose connections come by HTTP.
type Tunnel struct {
	addr    net.Addr
	waiting chan *conn
	done    chan struct{}

	mu       sync.Mutex
	closed   bool
	sessions map[string]*session
}

var _ net.Listener = (*Tunnel)(nil)

// New returns a Tunnel; addr is what it says that it listens on.
func New(addr net.Addr) *Tunnel {
	return &Tunnel{addr: addr, waiting: make(chan *conn, maxWaiting), done: make(chan struct{}), sessions: map[string]*session{}}
}

// Accept implements net.Listener.
func (t *Tunnel) Accept() (net.Conn, error) {
	select {
	case <-t.done:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-t.waiting:
		return c, nil
	case <-t.done:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (t *Tunnel) Addr() net.Addr { return t.addr }

// Close implements net.Listener: no session is opened any more, and those that
// nobody has accepted end. The others are their reader's.
func (t *Tunnel) Close() error {
	t.mu.Lock()
	first := !t.closed
	t.closed = true
	t.mu.Unlock()
	if !first {
		return nil
	}
	close(t.done)
	for {
		select {
		case c := <-t.waiting:
			c.Close()
		default:
			return nil
		}
	}
}

// Handler answers the tunnel's requests, and passes all others on.
func (t *Tunnel) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		command, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch command {
		case "open":
			t.open(w, r)
		case "send", "idle", "close":
			t.serve(w, r, command, rest)
		case "fcs":
			http.NotFound(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// open begins a session.
func (t *Tunnel) open(w http.ResponseWriter, r *http.Request) {
	var secret [16]byte
	rand.Read(secret[:])
	id := hex.EncodeToString(secret[:])
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		local = t.addr
	}
	c := newConn(local, remoteOf(r), r.TLS)
	c.ended = func() { t.forget(id) }
	if !t.keep(id, c) {
		http.Error(w, "too many sessions", http.StatusServiceUnavailable)
		return
	}
	answer(w, []byte(id+"\n"))
}

// keep takes a session in, and offers its connection to Accept.
func (t *Tunnel) keep(id string, c *conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.sessions) >= maxSessions {
		return false
	}
	select {
	case t.waiting <- c:
		t.sessions[id] = newSession(c)
		return true
	default:
		return false
	}
}

func (t *Tunnel) forget(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.sessions, id)
}

// serve answers a request of a session.
func (t *Tunnel) serve(w http.ResponseWriter, r *http.Request, command, rest string) {
	id, n, ok := parsePath(rest)
	if !ok {
		http.Error(w, "want /"+command+"/SESSION/NUMBER", http.StatusBadRequest)
		return
	}
	t.mu.Lock()
	s := t.sessions[id]
	t.mu.Unlock()
	if s == nil {
		http.NotFound(w, r)
		return
	}
	limits := http.NewResponseController(w)
	limits.SetReadDeadline(time.Now().Add(bodyTime))
	limits.SetWriteDeadline(time.Now().Add(bodyTime + earlyTime))
	body := http.MaxBytesReader(w, r.Body, maxBody)
	said, err := s.exchange(r.Context(), command, n, body)
	if err != nil {
		// Bytes are lost, so the stream of bytes is over.
		s.conn.hangUp()
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer(w, said)
}

// parsePath takes SESSION/NUMBER apart.
func parsePath(rest string) (id string, n uint64, ok bool) {
	id, number, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	if id == "" || number == "" || len(number) > 19 {
		return "", 0, false
	}
	for _, c := range []byte(number) {
		if c < '0' || c > '9' {
			return "", 0, false
		}
		n = 10*n + uint64(c-'0')
	}
	return id, n, true
}

// answer writes a whole answer: librtmp knows no chunks.
func answer(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/x-fcs")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// remoteOf is the client's address.
func remoteOf(r *http.Request) net.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return &net.TCPAddr{}
	}
	return net.TCPAddrFromAddrPort(a)
}
