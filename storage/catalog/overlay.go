package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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
			if other, taken := o.keys[k]; taken {
				return nil, fmt.Errorf("stream %s: %w: %s", s.Name, ErrKeyTaken, other)
			}
			o.keys[k] = s.Name
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

func (o *overlay) Put(ctx context.Context, s Stream) error {
	if o.fixed(s.Name) {
		return fmt.Errorf("put stream %s: %w", s.Name, ErrFixed)
	}
	for _, k := range s.Keys {
		if other, taken := o.keys[k]; taken {
			return fmt.Errorf("put stream %s: %w: %s", s.Name, ErrKeyTaken, other)
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
		return o.names[name].Clone(), nil
	}
	s, err := o.base.ByKey(ctx, k)
	if err == nil && o.fixed(s.Name) {
		return Stream{}, fmt.Errorf("key: %w", ErrNotFound)
	}
	return s, err
}

func (o *overlay) fixed(name string) bool {
	_, ok := o.names[name]
	return ok
}
