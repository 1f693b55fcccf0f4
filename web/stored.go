package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"sluice/packager/timeline"
	"sluice/storage/objects"
)

// storedPiece is how much is read from storage at once, in bytes.
const storedPiece = 64 << 10

// Opener opens bytes of a whole segment whose media is in storage: n of them from off on,
// all that follow where n is negative. Its error wraps objects.ErrNotFound where there are none.
type Opener func(ctx context.Context, stream string, id timeline.RenditionID, msn uint64, off, n int64) (io.ReadCloser, error)

// blob is a run of a stored segment's bytes, read as http.ServeContent wants it: from where
// it is asked for, and opened no sooner.
type blob struct {
	ctx    context.Context // of the request, whose io.ReadSeeker it is
	open   Opener
	stream string
	id     timeline.RenditionID
	msn    uint64
	off, n int64 // in the segment

	at int64
	r  io.ReadCloser
}

// Seek implements io.Seeker.
func (b *blob) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += b.n
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	if offset != b.at {
		b.Close()
	}
	b.at = offset
	return offset, nil
}

// begin opens what is at the present place.
func (b *blob) begin() (err error) {
	if b.r == nil {
		b.r, err = b.open(b.ctx, b.stream, b.id, b.msn, b.off+b.at, b.n-b.at)
	}
	return err
}

// Read implements io.Reader.
func (b *blob) Read(p []byte) (int, error) {
	if b.at >= b.n {
		return 0, io.EOF
	}
	if err := b.begin(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	b.at += int64(n)
	if err == io.EOF && b.at < b.n {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close gives back what was opened.
func (b *blob) Close() {
	if b.r != nil {
		b.r.Close()
		b.r = nil
	}
}

// stored answers with a segment whose bytes are in storage, or with a part of it.
func (s *Server) stored(x *exchange, p place, g *timeline.Segment, tag string) error {
	if s.open == nil {
		return errGone
	}
	b := s.blob(x, p, g)
	if p.part >= 0 {
		b.off, b.n = g.PartRange(p.part)
	}
	defer b.Close()
	if done, err := x.settled(tag); done {
		return err
	}
	if err := b.begin(); err != nil { // before anything is said
		return storageError(err)
	}
	if x.ranges() {
		http.ServeContent(x, x.r, "", time.Time{}, b)
		return nil
	}
	h := x.w.Header()
	h["Accept-Ranges"] = bytesUnit
	h["Content-Length"] = []string{strconv.FormatInt(b.n, 10)}
	x.begin(http.StatusOK)
	if x.r.Method == http.MethodHead {
		return nil
	}
	return x.writeBlob(b)
}

// blob is all of a stored segment.
func (s *Server) blob(x *exchange, p place, g *timeline.Segment) *blob {
	return &blob{ctx: x.r.Context(), open: s.open, stream: x.r.PathValue("stream"), id: p.rendition, msn: g.MSN, n: int64(g.Size)}
}

// remains sends what follows the first bytes of a segment that has gone into storage while
// those were sent.
func (s *Server) remains(x *exchange, p place, g *timeline.Segment, sent int) error {
	if s.open == nil {
		return errGone
	}
	b := s.blob(x, p, g)
	b.off, b.n = int64(sent), b.n-int64(sent)
	defer b.Close()
	return x.writeBlob(b)
}

// writeBlob sends b.
func (x *exchange) writeBlob(b *blob) error {
	piece := make([]byte, min(b.n, storedPiece))
	for b.at < b.n {
		n, err := io.ReadFull(b, piece)
		if n > 0 {
			if err := x.write(piece[:n]); err != nil {
				return err
			}
		}
		if err != nil && b.at < b.n {
			return fmt.Errorf("read segment %d: %w", b.msn, err)
		}
	}
	return nil
}

// storageError is what is said of bytes that can't be had.
func storageError(err error) error {
	if errors.Is(err, objects.ErrNotFound) {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return fmt.Errorf("read from storage: %w", err)
}

// load returns a timeline that has all that goes into a segment of MPEG-TS in memory: t,
// where nothing of it is in storage.
func (s *Server) load(ctx context.Context, stream string, t *timeline.Timeline, p place) (*timeline.Timeline, error) {
	ids := []timeline.RenditionID{p.rendition}
	if e := t.Epoch(p.epoch); e != nil {
		for _, rt := range e.Tracks[:e.Led] {
			if rt.Rendition != p.rendition {
				ids = append(ids, rt.Rendition)
			}
		}
	}
	for _, id := range ids {
		r := t.Rendition(id)
		if r == nil {
			continue
		}
		g := r.Segments.ByMSN(p.msn)
		if g == nil || g.Stored == nil {
			continue
		}
		data, err := s.read(ctx, stream, id, g)
		if err != nil {
			return nil, err
		}
		if t, err = t.WithMedia(id, g.MSN, data); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// read returns a stored segment's bytes.
func (s *Server) read(ctx context.Context, stream string, id timeline.RenditionID, g *timeline.Segment) ([]byte, error) {
	return s.readRange(ctx, stream, id, g, 0, int64(g.Size))
}

// firstPart returns the bytes of a segment's first part, be they here or in storage.
func (s *Server) firstPart(ctx context.Context, stream string, id timeline.RenditionID, g *timeline.Segment) ([]byte, error) {
	if g.Stored == nil {
		return g.Parts[0].Data, nil
	}
	off, n := g.PartRange(0)
	return s.readRange(ctx, stream, id, g, off, n)
}

func (s *Server) readRange(ctx context.Context, stream string, id timeline.RenditionID, g *timeline.Segment, off, n int64) ([]byte, error) {
	if s.open == nil {
		return nil, errGone
	}
	r, err := s.open(ctx, stream, id, g.MSN, off, n)
	if err != nil {
		return nil, storageError(err)
	}
	defer r.Close()
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("read segment %d from storage: %w", g.MSN, err)
	}
	return data, nil
}
