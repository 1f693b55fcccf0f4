package timeline

import (
	"iter"
	"sort"
)

// fanOut bounds what an append or a drop copies: one leaf, one branch, and a
// pointer for each fanOut² segments, which is 43 for a day of two seconds each.
const fanOut = 32

// Segments is a persistent sequence of segments with rising MSNs. Adding to one
// or dropping from it makes a new one that shares almost all of the old; the
// old stays as it was. The zero value is empty.
type Segments struct {
	branches []branch
	n        int
}

type (
	branch []leaf
	leaf   []*Segment
)

// Len returns the number of segments.
func (s Segments) Len() int { return s.n }

// First returns the oldest segment, or nil.
func (s Segments) First() *Segment {
	if s.n == 0 {
		return nil
	}
	return s.branches[0][0][0]
}

// Last returns the newest segment, or nil.
func (s Segments) Last() *Segment {
	if s.n == 0 {
		return nil
	}
	return s.branches[len(s.branches)-1].last().last()
}

func (b branch) last() leaf   { return b[len(b)-1] }
func (l leaf) last() *Segment { return l[len(l)-1] }

// ByMSN returns the segment of that MSN, or nil.
func (s Segments) ByMSN(msn uint64) *Segment {
	for g := range s.From(msn) {
		if g.MSN == msn {
			return g
		}
		break
	}
	return nil
}

// All yields the segments, oldest first.
func (s Segments) All() iter.Seq[*Segment] { return s.From(0) }

// From yields the segments whose MSN is at least msn, oldest first. Finding
// the first costs a binary search.
func (s Segments) From(msn uint64) iter.Seq[*Segment] {
	return func(yield func(*Segment) bool) {
		i := sort.Search(len(s.branches), func(i int) bool { return s.branches[i].last().last().MSN >= msn })
		for ; i < len(s.branches); i++ {
			b := s.branches[i]
			j := sort.Search(len(b), func(j int) bool { return b[j].last().MSN >= msn })
			for ; j < len(b); j++ {
				l := b[j]
				k := sort.Search(len(l), func(k int) bool { return l[k].MSN >= msn })
				for ; k < len(l); k++ {
					if !yield(l[k]) {
						return
					}
				}
			}
		}
	}
}

// append returns the sequence with g at its end.
func (s Segments) append(g *Segment) Segments {
	next := Segments{branches: clone(s.branches, 1), n: s.n + 1}
	last := len(next.branches) - 1
	switch {
	case last < 0 || len(next.branches[last]) == fanOut && len(next.branches[last].last()) == fanOut:
		next.branches = append(next.branches, branch{leaf{g}})
	case len(next.branches[last].last()) == fanOut:
		next.branches[last] = append(clone(next.branches[last], 1), leaf{g})
	default:
		b := clone(next.branches[last], 0)
		b[len(b)-1] = append(clone(b.last(), 1), g)
		next.branches[last] = b
	}
	return next
}

// replace returns the sequence with g in place of the segment of its MSN, which is there.
func (s Segments) replace(g *Segment) Segments {
	i := sort.Search(len(s.branches), func(i int) bool { return s.branches[i].last().last().MSN >= g.MSN })
	b := clone(s.branches[i], 0)
	j := sort.Search(len(b), func(j int) bool { return b[j].last().MSN >= g.MSN })
	l := clone(b[j], 0)
	l[sort.Search(len(l), func(k int) bool { return l[k].MSN >= g.MSN })] = g
	b[j] = l
	next := Segments{branches: clone(s.branches, 0), n: s.n}
	next.branches[i] = b
	return next
}

// drop returns the sequence without its oldest segment, and lets go of it.
func (s Segments) drop() Segments {
	next := Segments{branches: clone(s.branches, 0), n: s.n - 1}
	first := next.branches[0]
	switch {
	case len(first[0]) > 1:
		b := clone(first, 0)
		b[0] = clone(b[0][1:], 0)
		next.branches[0] = b
	case len(first) > 1:
		next.branches[0] = clone(first[1:], 0)
	default:
		next.branches = next.branches[1:]
	}
	return next
}

// clone copies s with room for more.
func clone[S ~[]T, T any](s S, more int) S {
	return append(make(S, 0, len(s)+more), s...)
}
