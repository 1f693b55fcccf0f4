package scte35

// cuei is the identifier of SCTE's own descriptors, "CUEI".
const cuei = 0x4355_4549

const tagSegmentation = 0x02

// Descriptor is a splice_descriptor (§10.2): a *Segmentation, or a *Foreign for any other.
type Descriptor interface{ write(*out) }

// Foreign is a descriptor of which only its frame is known.
type Foreign struct {
	Tag        uint8
	Identifier uint32
	Data       []byte
}

// Segmentation is a segmentation_descriptor (§10.3.3).
type Segmentation struct {
	EventID   uint32
	Cancel    bool // nothing below is there
	NotUnique bool // the inverse of segmentation_event_id_compliance_indicator
	// Restrictions are those of delivery; nil: none.
	Restrictions *Restrictions
	Components   []Offset // of components; none: the whole programme
	Duration     *uint64  // 40 bits, in ticks of ClockRate
	UPIDType     uint8
	UPID         []byte
	TypeID       uint8 // segmentation_type_id
	Num          uint8
	Expected     uint8
	Sub          *SubSegment
}

// Restrictions are those of delivery.
type Restrictions struct {
	WebAllowed, NoBlackout, ArchiveAllowed bool
	Devices                                uint8 // 2 bits
}

// Offset is a component's pts_offset, 33 bits.
type Offset struct {
	Tag uint8
	PTS uint64
}

// SubSegment is sub_segment_num and sub_segments_expected.
type SubSegment struct{ Num, Expected uint8 }

func readDescriptors(b *bits) []Descriptor {
	loop := b.sub(int(b.read(16)))
	var all []Descriptor
	for loop.err == nil && loop.left() > 0 && len(all) < maxDescriptors {
		tag := uint8(loop.read(8))
		d := loop.sub(int(loop.read(8)))
		identifier := uint32(d.read(32))
		if tag == tagSegmentation && identifier == cuei {
			all = append(all, readSegmentation(&d))
		} else {
			all = append(all, &Foreign{Tag: tag, Identifier: identifier, Data: d.bytes(d.left())})
		}
		if d.err != nil {
			loop.fail()
		}
	}
	if loop.err != nil || loop.left() > 0 {
		b.fail()
	}
	return all
}

func readSegmentation(b *bits) *Segmentation {
	d := &Segmentation{EventID: uint32(b.read(32)), Cancel: b.flag(), NotUnique: !b.flag()}
	b.read(6)
	if d.Cancel {
		return d
	}
	program, hasDuration, unrestricted := b.flag(), b.flag(), b.flag()
	r := Restrictions{WebAllowed: b.flag(), NoBlackout: b.flag(), ArchiveAllowed: b.flag(), Devices: uint8(b.read(2))}
	if !unrestricted {
		d.Restrictions = &r
	}
	if !program {
		for range b.read(8) {
			k := Offset{Tag: uint8(b.read(8))}
			b.read(7)
			k.PTS = b.read(33)
			if b.err != nil {
				return d
			}
			d.Components = append(d.Components, k)
		}
		if len(d.Components) == 0 {
			b.fail()
		}
	}
	if hasDuration {
		v := b.read(40)
		d.Duration = &v
	}
	d.UPIDType = uint8(b.read(8))
	d.UPID = b.bytes(int(b.read(8)))
	d.TypeID, d.Num, d.Expected = uint8(b.read(8)), uint8(b.read(8)), uint8(b.read(8))
	// Only some types have it, and of those old encoders leave it out: what is there counts.
	if b.err == nil && b.left() >= 2 {
		d.Sub = &SubSegment{Num: uint8(b.read(8)), Expected: uint8(b.read(8))}
	}
	return d
}

// frame writes a descriptor's head and its body, whose length fits a byte.
func frame(o *out, tag uint8, identifier uint32, body []byte) {
	const most = 255 - 4
	body = body[:min(len(body), most)]
	o.put(uint64(tag), 8)
	o.put(uint64(4+len(body)), 8)
	o.put(uint64(identifier), 32)
	o.bytes(body)
}

func (d *Foreign) write(o *out) { frame(o, d.Tag, d.Identifier, d.Data) }

func (d *Segmentation) write(to *out) {
	var o out
	o.put(uint64(d.EventID), 32)
	o.flag(d.Cancel)
	o.flag(!d.NotUnique)
	o.reserved(6)
	if !d.Cancel {
		d.writeBody(&o)
	}
	frame(to, tagSegmentation, cuei, o.dst)
}

func (d *Segmentation) writeBody(o *out) {
	components := d.Components[:min(len(d.Components), maxComponents)]
	o.flag(len(components) == 0)
	o.flag(d.Duration != nil)
	o.flag(d.Restrictions == nil)
	if r := d.Restrictions; r != nil {
		o.flag(r.WebAllowed)
		o.flag(r.NoBlackout)
		o.flag(r.ArchiveAllowed)
		o.put(uint64(r.Devices), 2)
	} else {
		o.reserved(5)
	}
	if len(components) > 0 {
		o.put(uint64(len(components)), 8)
		for _, k := range components {
			o.put(uint64(k.Tag), 8)
			o.reserved(7)
			o.put(k.PTS, 33)
		}
	}
	if d.Duration != nil {
		o.put(*d.Duration, 40)
	}
	upid := d.UPID[:min(len(d.UPID), 255)]
	o.put(uint64(d.UPIDType), 8)
	o.put(uint64(len(upid)), 8)
	o.bytes(upid)
	o.put(uint64(d.TypeID), 8)
	o.put(uint64(d.Num), 8)
	o.put(uint64(d.Expected), 8)
	if d.Sub != nil {
		o.put(uint64(d.Sub.Num), 8)
		o.put(uint64(d.Sub.Expected), 8)
	}
}
