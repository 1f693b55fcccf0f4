package objects

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Errors that a caller may branch on; what a Store returns wraps them. Any other
// is of the store itself, and a later attempt may succeed.
var (
	// ErrNotFound: no object has that key.
	ErrNotFound = errors.New("no such object")
	// ErrKey: the key is none; see Key.
	ErrKey = errors.New("not a key")
	// ErrRange: the range begins before the object, or after its end.
	ErrRange = errors.New("range outside the object")
	// ErrFull: there is no room, be it by a bound or on the device. Deleting makes some.
	ErrFull = errors.New("storage is full")
)

// Store keeps objects. No method is retried by it, and each ends soon after its
// context does, with an error.
type Store interface {
	// Put stores data under the key, in place of what was there. When it returns nil
	// the object is durable: it is there, as a whole, after a crash of the process and
	// of the machine. When it returns an error, and where it never returns since the
	// process was killed, the key has what it had before or all of data; never a part
	// of it, and nobody sees a part meanwhile. It doesn't keep data.
	Put(ctx context.Context, key Key, data []byte) error
	// Open reads n bytes of the object from off on: fewer where it ends before, and
	// all that follow where n is negative. At its very end there are none. Info is of
	// the whole object. What is opened stays one object's bytes: where the key is put
	// or deleted meanwhile, reading goes on with the old ones or fails. The error is
	// ErrNotFound, ErrRange, ErrKey, or the store's.
	Open(ctx context.Context, key Key, off, n int64) (io.ReadCloser, Info, error)
	// Delete removes the object; one that isn't there is removed already. It needn't
	// be durable: after a crash of the machine the object may be back.
	Delete(ctx context.Context, key Key) error
	// List yields the objects whose keys lie below prefix, a Key without its last
	// elements, or all where it is empty; in no order. Those that are put or deleted
	// meanwhile may be among them or not, all others are, once. An error ends it.
	List(ctx context.Context, prefix Key) iter.Seq2[Info, error]
}

// Mover is a Store that can give many objects other keys at little cost.
type Mover interface {
	// Move gives what lies below from the same keys below to, where nothing may lie yet. What
	// has no objects is moved already. Nothing may be put below either meanwhile. After an
	// error, and after a crash, all lie where they lay, or all where they were to.
	Move(ctx context.Context, from, to Key) error
}

// Info is what is known of an object beside its bytes.
type Info struct {
	Key      Key
	Size     int64
	Modified time.Time // when it was put, by the store's clock, to the second or better
}

// ReadAll returns the whole object, of which at most limit bytes are expected: a
// larger one is an error.
func ReadAll(ctx context.Context, s Store, key Key, limit int64) ([]byte, error) {
	r, info, err := s.Open(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if info.Size > limit {
		return nil, &SizeError{Key: key, Size: info.Size, Limit: limit}
	}
	data := make([]byte, info.Size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, &ReadError{Key: key, Err: err}
	}
	return data, nil
}
