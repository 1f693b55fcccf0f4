package rung

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sluice/media"
)

// usualRate is taken for an unknown frame rate where work is priced.
const usualRate = 30

// draft is a plan being made.
type draft struct {
	Plan
	spec    Spec
	shape   Shape
	picture picture
	offer   Offer
}

// hide decides whether the source is shown.
func (d *draft) hide() {
	var why []string
	if !d.spec.Auto && d.spec.Source == nil {
		why = append(why, "the ladder re-encodes everything")
	}
	if c := d.shape.Chroma; c != "" && c != media.Chroma420 {
		why = append(why, fmt.Sprintf("not every player shows %s", c))
	}
	if b := d.shape.BitDepth; b > 8 {
		why = append(why, fmt.Sprintf("not every player shows %d bits", b))
	}
	if d.shape.LongGOP {
		why = append(why, "keyframes are too far apart")
	}
	if top := d.top(); top != 0 && d.picture.above(top) {
		why = append(why, fmt.Sprintf("the ladder's top is %dp", top))
	}
	d.Why, d.Hidden = strings.Join(why, ", "), len(why) > 0
	if d.Hidden && len(d.offer.Codecs) == 0 {
		d.Why, d.Hidden = d.Why+"; but nothing can be encoded", false
	}
}

// top is the height above which the source isn't shown; 0 where there is none.
func (d *draft) top() int {
	if d.spec.Source == nil {
		return 0
	}
	return d.spec.Source.Height
}

// rungs are those asked for.
func (d *draft) rungs() []Rung {
	if !d.spec.Auto {
		return d.spec.Rungs
	}
	var rungs []Rung
	for _, h := range []int{720, 480, 360, 240} {
		r := Rung{Height: h, Codec: H264}
		r.Name = DefaultName(r)
		rungs = append(rungs, r)
	}
	return rungs
}

// build makes an output of each rung that suits the source, the highest first.
func (d *draft) build() {
	own, replaced := d.Hidden && (d.spec.Auto || d.spec.Source != nil), false
	for _, r := range d.rungs() {
		switch why := d.unsuitable(r, own); {
		case !slices.Contains(d.offer.Codecs, r.Codec):
			d.drop(r.Name, fmt.Sprintf("nothing here encodes %s", r.Codec))
		case why != "":
			d.drop(r.Name, why)
			replaced = d.Hidden
		default:
			d.add(d.output(r))
		}
	}
	full := func(o Output) bool { return min(o.Width, o.Height) >= d.picture.short() }
	if own || d.Hidden && (len(d.Outputs) == 0 || replaced && !slices.ContainsFunc(d.Outputs, full)) {
		d.add(d.own())
	}
	slices.SortStableFunc(d.Outputs, func(a, b Output) int {
		return cmp.Or(cmp.Compare(b.Width*b.Height, a.Width*a.Height), cmp.Compare(b.Bitrate, a.Bitrate))
	})
}

// unsuitable returns why a rung isn't made of this source; empty where it is.
// own says that the hidden source gets a rung of its own anyhow.
func (d *draft) unsuitable(r Rung, own bool) string {
	switch top := d.ownHeight(); {
	case !d.Hidden && !d.picture.above(r.Height):
		return "not below the source's size"
	case own && r.Height >= top:
		return "not below the size of rung " + SourceName
	case r.Height > top:
		return "above the source's size"
	}
	return ""
}

// ownHeight is that of the hidden source's own rung.
func (d *draft) ownHeight() int {
	if top := d.top(); top != 0 && d.picture.above(top) {
		return top
	}
	return d.picture.short()
}

func (d *draft) output(r Rung) Output {
	o := Output{
		Name: r.Name, Every: r.step(d.shape.FrameRate), Bitrate: r.Bitrate, CBR: d.spec.CBR,
		Codec: r.Codec, Profile: r.Profile, Preset: r.Preset,
	}
	o.Width, o.Height = d.picture.scaled(r.Height)
	if r.Height == d.picture.short() {
		o.Width, o.Height = d.picture.full()
	}
	return d.capped(o)
}

// own is the rung that the hidden source is re-encoded to.
func (d *draft) own() Output {
	o := Output{Name: SourceName, Every: 1, CBR: d.spec.CBR, Codec: H264}
	if !slices.Contains(d.offer.Codecs, H264) {
		o.Codec = d.offer.Codecs[0]
	}
	if h := d.ownHeight(); h == d.picture.short() {
		o.Width, o.Height = d.picture.full()
	} else {
		o.Width, o.Height = d.picture.scaled(h)
	}
	return d.capped(o)
}

func (d *draft) capped(o Output) Output {
	if o.Bitrate == 0 {
		o.Bitrate = defaultBitrate(o.Width, o.Height, o.Rate(d.shape.FrameRate))
	}
	return o
}

// add takes an output unless it's one that is there under another name: 720p60
// and 720p30 of a source of 30 frames a second are the same.
func (d *draft) add(o Output) {
	for _, other := range d.Outputs {
		name := other.Name
		if other.Name = o.Name; other == o {
			d.drop(o.Name, "the same as "+name+" for this source")
			return
		}
	}
	d.Outputs = append(d.Outputs, o)
}

func (d *draft) drop(name, why string) { d.Dropped = append(d.Dropped, Dropped{name, why}) }

// cut takes away what the machine can't carry; see Plan.
func (d *draft) cut() {
	if d.offer.Costs == nil {
		return
	}
	least := 0
	if d.Hidden {
		least = 1
	}
	for d.Cost = d.cost(); len(d.Outputs) > least; d.Cost = d.cost() {
		why := d.excess()
		if why == "" {
			return
		}
		i := d.costliest()
		d.drop(d.Outputs[i].Name, why)
		d.Outputs = slices.Delete(d.Outputs, i, i+1)
	}
}

// excess returns what the outputs take too much of; empty where all is well.
func (d *draft) excess() string {
	const rounding = 1e-6
	switch o := d.offer; {
	case (d.spec.Auto || o.Shared) && d.Cost > o.Free+rounding:
		return fmt.Sprintf("the ladder would take %.2f CPU-seconds a second of the %.2f that are free", d.Cost, max(0, o.Free))
	case d.spec.Auto && o.Process > 0 && d.Cost-o.Overhead > o.Process+rounding:
		return fmt.Sprintf("the ladder would take %.2f CPU-seconds a second of the %.2f that one process can use", d.Cost-o.Overhead, o.Process)
	}
	return ""
}

// cost is what the outputs cost together, with what comes before and after them.
func (d *draft) cost() float64 {
	if len(d.Outputs) == 0 {
		return 0
	}
	sum := d.offer.Overhead + d.offer.Costs.Decode(d.shape.Width, d.shape.Height, d.rate())
	for _, o := range d.Outputs {
		sum += d.price(o)
	}
	return sum
}

func (d *draft) price(o Output) float64 { return d.offer.Costs.Encode(o, o.Rate(d.rate())) }

func (d *draft) rate() float64 { return d.shape.PricedRate() }

// costliest returns the place of the first of the costliest outputs.
func (d *draft) costliest() int {
	most := 0
	for i, o := range d.Outputs {
		if d.price(o) > d.price(d.Outputs[most]) {
			most = i
		}
	}
	return most
}
