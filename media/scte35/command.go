package scte35

// Command is one of Null, Insert, TimeSignal, BandwidthReservation and Other.
type Command interface {
	// Type is splice_command_type (§9.6.1, table 7).
	Type() uint8
	write(*out)
}

// The types of commands.
const (
	typeNull                 = 0x00
	typeInsert               = 0x05
	typeTimeSignal           = 0x06
	typeBandwidthReservation = 0x07
)

// Time is splice_time (§9.8.1): a PTS, 33 bits; nil where none is given.
type Time = *uint64

// Null is splice_null: nothing happens, the line is alive.
type Null struct{}

// BandwidthReservation says nothing either.
type BandwidthReservation struct{}

// Insert is splice_insert (§9.7.3).
//
//	+-------------------+-+-------+-+-+-+-+-+---+
//	| splice_event_id   |c| res.  |o|p|d|i|x|res|  splice_time, components,
//	+-------------------+-+-------+-+-+-+-+-+---+  break_duration
//	| unique_program_id | avail_num  | avails_expected |
type Insert struct {
	EventID uint32
	Cancel  bool // nothing below is there
	Out     bool // out_of_network_indicator: away from the programme, or back
	// Immediate says that there is no time: it is as soon as possible.
	Immediate bool
	// NotUnique is the inverse of event_id_compliance_flag, which is 1 in all old sections.
	NotUnique       bool
	Time            Time        // of the whole programme
	Components      []Component // instead, where there are any
	Break           *Break
	UniqueProgramID uint16
	AvailNum        uint8
	AvailsExpected  uint8
}

// Component is one elementary stream's time.
type Component struct {
	Tag  uint8
	Time Time // nil where the splice is immediate
}

// Break is break_duration (§9.8.2), in ticks of ClockRate.
type Break struct {
	AutoReturn bool // the end needs no command
	Duration   uint64
}

// TimeSignal is time_signal (§9.7.4): what the descriptors say happens then.
type TimeSignal struct{ Time Time }

// Other is any other command: its bytes.
type Other struct {
	Code uint8
	Data []byte
}

// Type implements Command.
func (Null) Type() uint8 { return typeNull }

// Type implements Command.
func (BandwidthReservation) Type() uint8 { return typeBandwidthReservation }

// Type implements Command.
func (*Insert) Type() uint8 { return typeInsert }

// Type implements Command.
func (*TimeSignal) Type() uint8 { return typeTimeSignal }

// Type implements Command.
func (c *Other) Type() uint8 { return c.Code }

// readCommand reads a command's type and what follows; a length of 0xFFF is an
// older encoder's, which left it open.
func readCommand(b *bits, length int) Command {
	const open = 0xFFF
	code := uint8(b.read(8))
	body := b
	if length != open {
		part := b.sub(length)
		body = &part
	}
	var c Command
	switch code {
	case typeNull:
		c = Null{}
	case typeBandwidthReservation:
		c = BandwidthReservation{}
	case typeInsert:
		c = readInsert(body)
	case typeTimeSignal:
		c = &TimeSignal{Time: readTime(body)}
	default:
		if length == open {
			b.fail()
		}
		c = &Other{Code: code, Data: body.bytes(body.left())}
	}
	if body.err != nil {
		b.fail()
	}
	return c
}

func readTime(b *bits) Time {
	if !b.flag() {
		b.read(7)
		return nil
	}
	b.read(6)
	t := b.read(33)
	return &t
}

func writeTime(o *out, t Time) {
	o.flag(t != nil)
	if t == nil {
		o.reserved(7)
		return
	}
	o.reserved(6)
	o.put(*t, 33)
}

func readInsert(b *bits) *Insert {
	c := &Insert{EventID: uint32(b.read(32)), Cancel: b.flag()}
	b.read(7)
	if c.Cancel {
		return c
	}
	c.Out = b.flag()
	program, hasBreak := b.flag(), b.flag()
	c.Immediate = b.flag()
	c.NotUnique = !b.flag()
	b.read(3)
	if program && !c.Immediate {
		c.Time = readTime(b)
	}
	if !program {
		for range b.read(8) {
			k := Component{Tag: uint8(b.read(8))}
			if !c.Immediate {
				k.Time = readTime(b)
			}
			if b.err != nil {
				return c
			}
			c.Components = append(c.Components, k)
		}
		if len(c.Components) == 0 {
			b.fail() // a splice of nothing
		}
	}
	if hasBreak {
		c.Break = &Break{AutoReturn: b.flag()}
		b.read(6)
		c.Break.Duration = b.read(33)
	}
	c.UniqueProgramID = uint16(b.read(16))
	c.AvailNum, c.AvailsExpected = uint8(b.read(8)), uint8(b.read(8))
	return c
}

func (Null) write(*out)                 {}
func (BandwidthReservation) write(*out) {}
func (c *TimeSignal) write(o *out)      { writeTime(o, c.Time) }
func (c *Other) write(o *out)           { o.bytes(c.Data) }

func (c *Insert) write(o *out) {
	o.put(uint64(c.EventID), 32)
	o.flag(c.Cancel)
	o.reserved(7)
	if c.Cancel {
		return
	}
	components := c.Components[:min(len(c.Components), maxComponents)]
	o.flag(c.Out)
	o.flag(len(components) == 0)
	o.flag(c.Break != nil)
	o.flag(c.Immediate)
	o.flag(!c.NotUnique)
	o.reserved(3)
	if len(components) == 0 && !c.Immediate {
		writeTime(o, c.Time)
	}
	if len(components) > 0 {
		o.put(uint64(len(components)), 8)
		for _, k := range components {
			o.put(uint64(k.Tag), 8)
			if !c.Immediate {
				writeTime(o, k.Time)
			}
		}
	}
	if c.Break != nil {
		o.flag(c.Break.AutoReturn)
		o.reserved(6)
		o.put(c.Break.Duration, 33)
	}
	o.put(uint64(c.UniqueProgramID), 16)
	o.put(uint64(c.AvailNum), 8)
	o.put(uint64(c.AvailsExpected), 8)
}
