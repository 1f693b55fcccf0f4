package hlscheck

import "time"

// Segments in MPEG-TS; sections are those of ISO/IEC 13818-1 where nothing else is said.
var (
	tsPackets = rule("ts.packets", "ISO/IEC 13818-1 §2.4.3.2", Must, "a segment is whole packets, each of which begins with its sync byte")
	tsTables  = rule("ts.tables", "RFC 8216bis §3.1.1", Must, "a segment begins with a PAT and a PMT, of one program")
	tsCounter = rule("ts.counter", "ISO/IEC 13818-1 §2.4.3.3", Must, "continuity counters go on by one with each payload")
	tsCycle   = rule("ts.cycle", "project", Must, "counters begin with 0, and each PID has a multiple of 16 payloads")
	tsClock   = rule("ts.clock", "ISO/IEC 13818-1 §2.7.2, ETSI TR 101 290 2.3", Must, "PCRs rise, by less than 40 ms")
	tsTimes   = rule("ts.times", "ISO/IEC 13818-1 §2.4.3.7", Must, "decode times rise, and none is after its picture's presentation, or before its arrival")
	tsStart   = rule("ts.start", "Apple 9.11, RFC 8216bis §3", Should, "a segment begins with a random access point")
)

// Layout of packets (ISO/IEC 13818-1 §2.4.3) and of section headers (§2.4.4).
const (
	tsSize       = 188
	tsHeader     = 4
	tsClockRate  = 90_000
	tsDay        = 1 << 33
	tsCycleSize  = 16
	tsClockSpan  = 40 * tsClockRate / 1000
	pesHeader    = 9
	pesStampSize = 5
)

// Transport checks a segment in MPEG-TS, and takes its size and start into what is
// known of it; url is absolute.
func (o *Observer) Transport(url string, body []byte, at time.Time) {
	f := &findings{url: url, at: at}
	r := transportReader{f: f, counters: map[uint16]*transportCount{}, decoded: map[uint16]int64{}}
	r.read(body)
	o.Media(url, len(body))
	if r.hasStart {
		o.Start(url, time.Duration(r.start)*time.Second/tsClockRate)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keep(f)
}

// transportReader goes through the packets of a segment.
type transportReader struct {
	f        *findings
	counters map[uint16]*transportCount
	decoded  map[uint16]int64 // the newest decode time, by PID
	pmt, pcr uint16           // PIDs
	metadata uint16           // 0 for none
	clock    int64            // the newest PCR
	hasClock bool
	start    int64 // the first presentation time of the PID that has the PCRs
	hasStart bool
}

type transportCount struct{ first, last, payloads byte }

func (r *transportReader) read(body []byte) {
	if len(body) == 0 || len(body)%tsSize != 0 {
		r.f.add(tsPackets, 0, "%d bytes", len(body))
		return
	}
	for n := 0; n*tsSize < len(body); n++ {
		p := body[n*tsSize : (n+1)*tsSize]
		if p[0] != 0x47 {
			r.f.add(tsPackets, 0, "packet %d begins with %#x", n, p[0])
			return
		}
		pid := uint16(p[1]&0x1F)<<8 | uint16(p[2])
		switch {
		case n == 0 && !r.readPAT(p, pid), n == 1 && !r.readPMT(p, pid):
			r.f.add(tsTables, 0, "packet %d is of PID %#x", n, pid)
			return
		}
		r.packet(n, pid, p)
	}
	for pid, c := range r.counters {
		if c.first != 0 || c.payloads%tsCycleSize != 0 {
			r.f.add(tsCycle, 0, "PID %#x: from %d on, %d payloads modulo 256", pid, c.first, c.payloads)
		}
	}
	if !r.hasClock {
		r.f.add(tsClock, 0, "there is none")
	}
}

// readPAT finds the program's map; there must be one program.
func (r *transportReader) readPAT(p []byte, pid uint16) bool {
	const length, program, crc = 3 + 5, 4, 4
	at := tsHeader + 1 // pointer_field
	if pid != 0 || p[3]&0x20 != 0 || p[4] != 0 || p[at] != 0 {
		return false
	}
	if int(p[at+2]) != length-3+program+crc {
		return false
	}
	r.pmt = uint16(p[at+length+2]&0x1F)<<8 | uint16(p[at+length+3])
	return true
}

// readPMT finds the PIDs of the PCRs and of metadata.
func (r *transportReader) readPMT(p []byte, pid uint16) bool {
	const metadata, crc = 0x15, 4
	at := tsHeader + 1
	if pid != r.pmt || p[3]&0x20 != 0 || p[4] != 0 || p[at] != 2 {
		return false
	}
	r.pcr = uint16(p[at+8]&0x1F)<<8 | uint16(p[at+9])
	end := at + 3 + int(p[at+1]&0xF)<<8 + int(p[at+2]) - crc
	for at += 12 + int(p[at+11]); end <= tsSize && at+5 <= end; at += 5 + int(p[at+4]) {
		if p[at] == metadata {
			r.metadata = uint16(p[at+1]&0x1F)<<8 | uint16(p[at+2])
		}
	}
	return end <= tsSize
}

func (r *transportReader) packet(n int, pid uint16, p []byte) {
	payload, random := p[tsHeader:], false
	if p[3]&0x20 != 0 {
		field := int(p[4])
		if field > len(payload)-1 {
			r.f.add(tsPackets, 0, "packet %d: an adaptation field of %d bytes", n, field)
			return
		}
		if field > 0 {
			random = p[5]&0x40 != 0
		}
		if field >= 7 && p[5]&0x10 != 0 {
			r.readClock(n, int64(p[6])<<25|int64(p[7])<<17|int64(p[8])<<9|int64(p[9])<<1|int64(p[10])>>7)
		}
		payload = payload[1+field:]
	}
	counter := p[3] & 0xF
	c := r.counters[pid]
	switch has := p[3]&0x10 != 0; {
	case c == nil && has:
		r.counters[pid] = &transportCount{first: counter, last: counter, payloads: 1}
	case c == nil:
	case has && counter != (c.last+1)%tsCycleSize, !has && counter != c.last:
		r.f.add(tsCounter, 0, "packet %d of PID %#x: %d after %d", n, pid, counter, c.last)
		c.last = counter
	case has:
		c.last, c.payloads = counter, c.payloads+1
	}
	if p[1]&0x40 != 0 && pid != 0 && pid != r.pmt {
		r.unit(n, pid, payload, random)
	}
}

func (r *transportReader) readClock(n int, at int64) {
	if d := after33(at, r.clock); r.hasClock && (d <= 0 || d >= tsClockSpan) {
		r.f.add(tsClock, 0, "packet %d: %d ticks after the one before", n, d)
	}
	r.clock, r.hasClock = at, true
}

// unit looks at the header of a PES packet.
func (r *transportReader) unit(n int, pid uint16, b []byte, random bool) {
	if len(b) < pesHeader+pesStampSize && pid == r.metadata {
		return // a small tag may be in pieces
	}
	if len(b) < pesHeader+pesStampSize || b[0] != 0 || b[1] != 0 || b[2] != 1 || b[7]&0x80 == 0 {
		r.f.add(tsTimes, 0, "packet %d of PID %#x: no PES header with a time", n, pid)
		return
	}
	shown := stamp33(b[pesHeader:])
	decoded := shown
	if b[7]&0x40 != 0 && len(b) >= pesHeader+2*pesStampSize {
		decoded = stamp33(b[pesHeader+pesStampSize:])
	}
	if pid == r.pcr && !r.hasStart {
		r.start, r.hasStart = shown, true
		if !random {
			r.f.add(tsStart, 0, "the first unit of PID %#x is none", pid)
		}
	}
	if pid == r.metadata {
		return // an event may be late
	}
	before, again := r.decoded[pid]
	if after33(shown, decoded) < 0 || r.hasClock && after33(decoded, r.clock) < 0 || again && after33(decoded, before) <= 0 {
		r.f.add(tsTimes, 0, "packet %d of PID %#x: decoded at %d, shown at %d, clock %d", n, pid, decoded, shown, r.clock)
	}
	r.decoded[pid] = decoded
}

func stamp33(b []byte) int64 {
	return int64(b[0]&0x0E)<<29 | int64(b[1])<<22 | int64(b[2]&0xFE)<<14 | int64(b[3])<<7 | int64(b[4])>>1
}

// after33 is how long a is after b, both of 33 bits.
func after33(a, b int64) int64 {
	d := (a - b) & (tsDay - 1)
	if d >= tsDay/2 {
		d -= tsDay
	}
	return d
}
