package transcode

// books keep what streams take of the machine, in CPU-seconds a second.
type books struct {
	total float64
	taken map[string]float64 // by stream
}

// free is what a stream may take, and whether others take something.
func (b *books) free(stream string) (cpus float64, shared bool) {
	cpus = b.total
	for other, cost := range b.taken {
		if other != stream && cost > 0 {
			cpus, shared = cpus-cost, true
		}
	}
	return max(cpus, 0), shared
}

// take books what a stream takes, be there as much or not.
func (b *books) take(stream string, cost float64) { b.taken[stream] = cost }

// change books more or less for a stream; it's false where there isn't that much.
func (b *books) change(stream string, cost float64) bool {
	if free, _ := b.free(stream); cost > b.taken[stream] && cost > free {
		return false
	}
	b.taken[stream] = cost
	return true
}

// give gives back all that a stream has taken.
func (b *books) give(stream string) { delete(b.taken, stream) }

func (b *books) sum() float64 {
	var sum float64
	for _, cost := range b.taken {
		sum += cost
	}
	return sum
}
