package catalog

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
)

// overlay holds fixed streams in memory over a Store. It never changes, so it
// needs no lock.
type overlay struct {
	base  Store
	names map[string]Stream
	keys  map[KeyHash]string
}

// Overlay returns base with the fixed streams over it. A fixed stream hides the
// one of the same name in base, keys included: with --stream live=NEW the old
// key no longer publishes.
func Overlay(base Store, fixed []Stream) (Store, error) {
	o := &overlay{base: base, names: map[string]Stream{}, keys: map[KeyHash]string{}}
	for _, s := range fixed {
		if err := s.Validate(); err != nil {
			return nil, err
		}
		if _, twice := o.names[s.Name]; twice {
			return nil, fmt.Errorf("stream %s is given twice", s.Name)
		}
		o.names[s.Name] = s.Clone()
		for _, k := range s.Keys {
			if other, taken := o.keys[k.Hash]; taken {
				return nil, fmt.Errorf("stream %s: %w: %s", s.Name, ErrKeyTaken, other)
			}
			o.keys[k.Hash] = s.Name
		}
	}
	return o, nil
}

func (o *overlay) Streams(ctx context.Context) ([]Stream, error) {
	streams, err := o.base.Streams(ctx)
	if err != nil {
		return nil, err
	}
	streams = slices.DeleteFunc(streams, func(s Stream) bool { return o.fixed(s.Name) })
	for _, s := range o.names {
		streams = append(streams, s.Clone())
	}
	slices.SortFunc(streams, func(a, b Stream) int { return cmp.Compare(a.Name, b.Name) })
	return streams, nil
}

func (o *overlay) Stream(ctx context.Context, name string) (Stream, error) {
	if s, ok := o.names[name]; ok {
		return s.Clone(), ctx.Err()
	}
	return o.base.Stream(ctx, name)
}

func (o *overlay) Put(ctx context.Context, s Stream) (uint64, error) {
	if o.fixed(s.Name) {
		return 0, fmt.Errorf("put stream %s: %w", s.Name, ErrFixed)
	}
	for _, k := range s.Keys {
		if other, taken := o.keys[k.Hash]; taken {
			return 0, fmt.Errorf("put stream %s: %w: %s", s.Name, ErrKeyTaken, other)
		}
	}
	return o.base.Put(ctx, s)
}

func (o *overlay) Remove(ctx context.Context, name string) error {
	if o.fixed(name) {
		return fmt.Errorf("remove stream %s: %w", name, ErrFixed)
	}
	return o.base.Remove(ctx, name)
}

func (o *overlay) ByKey(ctx context.Context, k KeyHash) (Stream, error) {
	if name, ok := o.keys[k]; ok {
		return o.names[name].Clone(), ctx.Err()
	}
	s, err := o.base.ByKey(ctx, k)
	if err == nil && o.fixed(s.Name) {
		return Stream{}, fmt.Errorf("key: %w", ErrNotFound)
	}
	return s, err
}

// NoteUses keeps nothing of the configuration's keys.
func (o *overlay) NoteUses(ctx context.Context, at map[KeyHash]time.Time) error {
	at = maps.Clone(at)
	maps.DeleteFunc(at, func(k KeyHash, _ time.Time) bool { _, fixed := o.keys[k]; return fixed })
	if len(at) == 0 {
		return ctx.Err()
	}
	return o.base.NoteUses(ctx, at)
}

func (o *overlay) Changes(ctx context.Context) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for c, err := range o.base.Changes(ctx) {
			if err == nil && o.fixed(c.Name) {
				continue
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

func (o *overlay) fixed(name string) bool {
	_, ok := o.names[name]
	return ok
}
