package transcode

import (
	"context"
	"fmt"
	"math"
	"math/bits"

	"sluice/media"
	"sluice/transcode/coded"
	"sluice/transcode/nut"
	"sluice/transcode/rung"
)

// outlet is one rung of an engine, over all the processes that it needs.
type outlet struct {
	rung.Output
	price float64 // CPU-seconds a second
	leads bool    // the source is hidden, and this takes its place
	// regular is how long a picture lasts where they come at the plan's rate; 0: unknown.
	regular media.Ticks

	// Guarded by the engine's mutex.
	done    media.Ticks // the newest frame that has come out, on the feed's clock
	outside bool        // it isn't made at present: dropped for overload, or there was no room

	// Of the goroutine that reads it, and between processes of the supervisor.
	codec  media.Codec // nil before the first parameter sets
	rung   media.Rung  // nil before the first frame, and where it leads
	joined bool        // manifests may name it
	epoch  uint64      // of the newest sample
	counts outletMetrics
}

// access is a coded picture as it came out of a process.
type access struct {
	at   media.Ticks // on the feed's clock
	sync bool
	data []byte // as samples hold it
}

// unpack makes of a packet what a sample needs, and takes note of its
// parameter sets.
func (o *outlet) unpack(p nut.Packet, base nut.TimeBase) (access, error) {
	a := access{sync: p.Key}
	var ok bool
	if a.at, ok = onVideoClock(p.PTS, base); !ok {
		return a, fmt.Errorf("packet at %d in ticks of %d/%d s", p.PTS, base.Num, base.Den)
	}
	data, codec, err := coded.Unpack(o.Codec, p.Data, o.codec)
	if err != nil {
		return a, err
	}
	if codec != o.codec {
		o.codec, o.rung = codec, nil
	}
	a.data = data
	return a, nil
}

// onVideoClock converts a time, if that's possible to the tick.
func onVideoClock(pts int64, base nut.TimeBase) (media.Ticks, bool) {
	if pts < 0 || base.Num <= 0 || base.Den <= 0 {
		return 0, false
	}
	hi, lo := bits.Mul64(uint64(pts), uint64(base.Num)*uint64(media.VideoClock))
	if hi >= uint64(base.Den) {
		return 0, false
	}
	q, rest := bits.Div64(hi, lo, uint64(base.Den))
	return media.Ticks(q), rest == 0 && q <= math.MaxInt64
}

// track is what the rung's frames are, as of the newest parameter sets.
func (o *outlet) track() media.Track {
	return media.Track{ID: feedTrack, Kind: media.Video, Timescale: media.VideoClock, Codec: o.codec, Name: o.Name}
}

// sample returns the picture as a sample of its frame's time, moved by shift.
func (o *outlet) sample(a access, f *frame, shift media.Ticks) media.Sample {
	return media.Sample{DTS: f.pts + shift, Duration: o.lasting(f.duration), Sync: a.sync, Data: a.data}
}

// lasting is how long a rung's picture lasts where the source's lasts that long: so
// many of them, without the rounding of each where frames come at their rate.
func (o *outlet) lasting(frame media.Ticks) media.Ticks {
	every := media.Ticks(max(o.Every, 1))
	all := frame * every
	if off := all - o.regular; o.regular == 0 || off > every || off < -every {
		return all
	}
	return o.regular
}

// write hands a frame on to the packager as one of a rung that follows.
func (o *outlet) write(ctx context.Context, base media.Base, a access, f *frame, place media.Place) error {
	if o.rung == nil {
		o.rung = base.Open(o.track())
	}
	if err := o.rung.WriteSample(ctx, place.Epoch, o.sample(a, f, place.Shift), f.arrived); err != nil {
		return err
	}
	o.joined, o.epoch = true, place.Epoch
	return nil
}

// leave takes the rung out of the manifests until its next frame.
func (o *outlet) leave(ctx context.Context) error {
	if o.rung == nil || !o.joined {
		return nil
	}
	o.joined = false
	return o.rung.Leave(ctx)
}

// end says that there are no more frames.
func (o *outlet) end(ctx context.Context) error {
	if o.rung == nil || !o.joined {
		return nil
	}
	return o.rung.End(ctx, o.epoch)
}
