package slate

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sluice/storage/durable"
)

// A file of the cache, numbers in big endian:
//
//	| magic "slate" 0 | version 2 | SHA-256 of what follows 32 |
//	| size 4 | the form, as JSON |
//	| number of parameter sets 1 | for each: size 4, bytes |
//	| number of frames 4 | for each: flags 1, size 4, bytes |
//
// The lowest flag says that decoding may start there; the others are zero.
const (
	magic = "slate\x00"
	// fileVersion changes with the format, with the built-in picture, and with how things
	// are encoded.
	fileVersion = 1
	headSize    = len(magic) + 2 + sha256.Size
	syncFlag    = 1
	maxForm     = 4 << 10
	maxSets     = 3
	maxSet      = 4 << 10
	extension   = ".slate"
)

var errDamaged = errors.New("damaged")

// nameOf is the name of a form's file.
func nameOf(f form) string {
	text, _ := json.Marshal(f) // numbers and texts
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", fileVersion, text))
	return hex.EncodeToString(sum[:16]) + extension
}

// appendTo appends the reel's file.
func (r *reel) appendTo(b []byte) []byte {
	start := len(b)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint16(b, fileVersion)
	b = append(b, make([]byte, sha256.Size)...)
	text, _ := json.Marshal(r.form)
	b = appendSized(b, text)
	sets := setsOf(r.codec)
	b = append(b, byte(len(sets)))
	for _, s := range sets {
		b = appendSized(b, s)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.frames)))
	for i := range r.frames {
		flags := byte(0)
		if r.frames[i].sync {
			flags = syncFlag
		}
		b = appendSized(append(b, flags), r.frames[i].data)
	}
	sum := sha256.Sum256(b[start+headSize:])
	copy(b[start+headSize-len(sum):], sum[:])
	return b
}

func appendSized(b, what []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(what))), what...)
}

// parseReel reads a file. The reel refers to b. Its error wraps errDamaged where the bytes aren't
// a reel of ours.
func parseReel(b []byte) (*reel, error) {
	if len(b) < headSize || string(b[:len(magic)]) != magic || binary.BigEndian.Uint16(b[len(magic):]) != fileVersion {
		return nil, fmt.Errorf("%d bytes with another beginning: %w", len(b), errDamaged)
	}
	if sum := sha256.Sum256(b[headSize:]); !bytes.Equal(sum[:], b[headSize-len(sum):headSize]) {
		return nil, fmt.Errorf("checksum of %d bytes: %w", len(b), errDamaged)
	}
	r, err := parseBody(b[headSize:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return r, nil
}

// parseBody reads what follows the checksum.
func parseBody(b []byte) (*reel, error) {
	c := cursor{b: b}
	text := c.sized(maxForm)
	sets := make([][]byte, 0, maxSets)
	for range c.number(1, maxSets) {
		sets = append(sets, c.sized(maxSet))
	}
	var frames []frame
	for range c.number(4, maxFrames) {
		flags := c.number(1, syncFlag)
		frames = append(frames, frame{flags == syncFlag, c.sized(maxReel)})
		if c.bad {
			break // what follows would be empty
		}
	}
	if c.bad || len(c.b) > 0 {
		return nil, fmt.Errorf("%d bytes that don't fit", len(c.b))
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var f form
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("form: %w", err)
	}
	if err := f.validate(); err != nil {
		return nil, err
	}
	return newReel(f, sets, frames)
}

// cursor reads fields. After one that isn't there, or is too large, all are empty.
type cursor struct {
	b   []byte
	bad bool
}

// number reads one of so many bytes.
func (c *cursor) number(size, most int) int {
	n := 0
	for _, b := range c.take(size) {
		n = n<<8 | int(b)
	}
	if n > most {
		c.b, c.bad = nil, true
		return 0
	}
	return n
}

func (c *cursor) sized(most int) []byte { return c.take(c.number(4, most)) }

func (c *cursor) take(n int) []byte {
	if c.bad || n > len(c.b) {
		c.b, c.bad = nil, true
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

// cache keeps reels as files in a folder, which several caches may share: files come and go as a
// whole.
type cache struct {
	folder string // empty: nothing is kept
	files  int
	bytes  int64
}

func newCache(data string) cache {
	if data == "" {
		return cache{}
	}
	return cache{filepath.Join(data, "slate"), maxCached, maxCachedBytes}
}

// load returns a form's reel; fs.ErrNotExist where there's none, and errDamaged where the file
// isn't what was written. That file is gone then.
func (c cache) load(f form) (*reel, error) {
	if c.folder == "" {
		return nil, fs.ErrNotExist
	}
	path := filepath.Join(c.folder, nameOf(f))
	b, err := readAll(path)
	if err != nil {
		return nil, err
	}
	r, err := parseReel(b)
	if err == nil && r.form != f {
		err = fmt.Errorf("it's of another form: %w", errDamaged)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), os.Remove(path))
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // it's used: others go first
	return r, nil
}

func readAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxReel+maxReel/8+1<<20))
}

// save keeps a reel, and removes the files that were used longest ago if there are too many.
func (c cache) save(r *reel) error {
	if c.folder == "" {
		return nil
	}
	if err := os.MkdirAll(c.folder, 0o755); err != nil {
		return fmt.Errorf("keep a slate: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(c.folder, nameOf(r.form)), r.appendTo(nil), 0o644); err != nil {
		return fmt.Errorf("keep a slate: %w", err)
	}
	return c.prune(time.Now())
}

// prune removes what is too much, and what a crash has left.
func (c cache) prune(now time.Time) error {
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return fmt.Errorf("look through slates: %w", err)
	}
	var kept []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		switch {
		case err != nil || !info.Mode().IsRegular() || !strings.Contains(e.Name(), extension): // not ours
		case strings.HasSuffix(e.Name(), extension) && !strings.HasPrefix(e.Name(), "."):
			kept = append(kept, info)
		case now.Sub(info.ModTime()) > leftOver:
			err = os.Remove(filepath.Join(c.folder, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("look through slates: %w", err)
		}
	}
	slices.SortFunc(kept, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), strings.Compare(a.Name(), b.Name()))
	})
	sum := int64(0)
	for i, info := range kept {
		if sum += info.Size(); i < c.files && sum <= c.bytes {
			continue
		}
		if err := os.Remove(filepath.Join(c.folder, info.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an old slate: %w", err)
		}
	}
	return nil
}
