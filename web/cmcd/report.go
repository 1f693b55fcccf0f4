package cmcd

import (
	"errors"
	"strings"
	"time"
)

// Argument is the query argument that holds a report.
const Argument = "CMCD"

// headers are those that hold one together, as net/http writes them. Which key is in
// which of them depends on how often it changes; they are read all the same.
var headers = [...]string{"Cmcd-Request", "Cmcd-Object", "Cmcd-Status", "Cmcd-Session"}

// ErrRefused is wrapped by the errors of Read.
var ErrRefused = errors.New("cmcd: refused")

var (
	errTooLong error = refusal("too long")
	errTooMany error = refusal("too many keys")
	errEscape  error = refusal("bad percent-encoding")
	errKey     error = refusal("bad key")
	errValue   error = refusal("bad value")
	errComma   error = refusal("no comma between two keys, or none behind it")
)

// refusal is an error that wraps ErrRefused.
type refusal string

func (r refusal) Error() string { return ErrRefused.Error() + ": " + string(r) }

// Unwrap returns ErrRefused.
func (refusal) Unwrap() error { return ErrRefused }

// Keys is a set of a report's keys.
type Keys uint16

// The keys that a Report knows.
const (
	Buffer     Keys = 1 << iota // bl
	Deadline                    // dl
	Bitrate                     // br
	Throughput                  // mtp
	Format                      // sf
	Session                     // sid
)

// A Report is what a player said with one request.
type Report struct {
	Has Keys // those of the values below that were said

	Buffer   time.Duration // bl: of media that is loaded ahead of the playhead, when it asked
	Deadline time.Duration // dl: until it runs dry, from when it asked
	// Bitrate is br: what the object it asks for is encoded with. Bits a second.
	Bitrate uint64
	// Throughput is mtp: what it measures its line to carry. Bits a second.
	Throughput uint64
	// Starved is bs: it stood still since its request before.
	Starved bool
	// Startup is su: it needs this object to start, or to go on.
	Startup bool
	Format  byte // sf: 'd' for DASH, 'h' for HLS, 's' for Smooth Streaming, 'o' for others

	session [maxSession]byte
	length  int
}

// Session is sid: the playback's id, of at most 64 bytes; empty where it wasn't said. It
// is valid as long as the report.
func (r *Report) Session() []byte { return r.session[:r.length] }

// Read fills r with a request's report: that of the query's first argument CMCD, else that
// of the headers, whose names are as net/http writes them. It returns whether there is one, and an error where it is refused, which
// wraps ErrRefused; r is empty then. It takes the query as it stands in the URL.
func Read(query string, h map[string][]string, r *Report) (bool, error) {
	*r = Report{}
	if text, ok := argument(query); ok {
		return true, finish(r, r.read(text, true))
	}
	found, length := false, 0
	for _, name := range headers {
		for _, text := range h[name] {
			found = true
			if length += len(text); length > MaxLength {
				return true, finish(r, errTooLong)
			}
			if err := r.read(text, false); err != nil {
				return true, finish(r, err)
			}
		}
	}
	return found, nil
}

// finish empties r where it is refused.
func finish(r *Report, err error) error {
	if err != nil {
		*r = Report{}
	}
	return err
}

// argument finds the report in a query.
func argument(query string) (string, bool) {
	const prefix = Argument + "="
	for {
		at := strings.Index(query, prefix)
		if at < 0 {
			return "", false
		}
		first := at == 0 || query[at-1] == '&'
		query = query[at+len(prefix):]
		if first {
			text, _, _ := strings.Cut(query, "&")
			return text, true
		}
	}
}

// read takes what a text says.
func (r *Report) read(text string, escaped bool) error {
	if len(text) > MaxLength {
		return errTooLong
	}
	c := cursor{text: text, escaped: escaped}
	c.step()
	return c.members(r)
}

// take notes a member, if its key is known and its value makes sense.
func (r *Report) take(key []byte, v *value) {
	switch string(key) {
	case "bl":
		r.time(&r.Buffer, Buffer, v)
	case "dl":
		r.time(&r.Deadline, Deadline, v)
	case "br":
		r.rate(&r.Bitrate, Bitrate, v)
	case "mtp":
		r.rate(&r.Throughput, Throughput, v)
	case "bs":
		r.Starved = v.kind == boolean && v.yes
	case "su":
		r.Startup = v.kind == boolean && v.yes
	case "sf":
		if v.kind == token && v.length == 1 && strings.IndexByte("dhso", v.text[0]) >= 0 {
			r.Format = v.text[0]
			r.Has |= Format
		}
	case "sid":
		if v.kind == quoted && v.length > 0 && v.length <= maxSession {
			r.session = [maxSession]byte{}
			r.length = copy(r.session[:], v.text[:v.length])
			r.Has |= Session
		}
	}
}

// time takes whole milliseconds.
func (r *Report) time(to *time.Duration, key Keys, v *value) {
	if v.kind == number && v.n <= uint64(maxTime/time.Millisecond) {
		*to = time.Duration(v.n) * time.Millisecond
		r.Has |= key
	}
}

// rate takes kilobits a second.
func (r *Report) rate(to *uint64, key Keys, v *value) {
	if v.kind == number && v.n <= maxRate/1000 {
		*to = v.n * 1000
		r.Has |= key
	}
}
