package mpegts

import "encoding/binary"

// PIDs. Those of the streams are what most multiplexers give.
const (
	pidTables  = 0x0000
	pidProgram = 0x1000
	pidVideo   = 0x0100
	pidSound   = 0x0101
	pidID3     = 0x0102
)

// Bits of a packet's header and of its adaptation field (§2.4.3.2, §2.4.3.4).
const (
	syncByte     = 0x47
	unitStart    = 0x40 // payload_unit_start_indicator, in the second byte
	hasField     = 0x20 // adaptation_field_control
	hasPayload   = 0x10
	randomAccess = 0x40
	pcrFlag      = 0x10
)

// writer appends packets.
type writer struct {
	dst      []byte
	counters [5]byte // payloads so far, by lane, modulo 256
	unit     *unit   // that is being written
	packet   int     // how many of its packets have begun
	left     int     // its bytes that are in no packet yet
	room     int     // bytes of them that the open packet takes
}

// lane is a PID's place in what is kept for each.
type lane uint8

const (
	laneVideo lane = iota
	laneSound
	laneID3
	laneTables
	laneProgram
)

var pids = [...]uint16{pidVideo, pidSound, pidID3, pidTables, pidProgram}

// header appends a packet's first four bytes. The counter counts payloads; a packet
// without one has that of the packet before (§2.4.3.3).
func (w *writer) header(l lane, flags uint16, control byte) {
	if control&hasPayload != 0 {
		w.counters[l]++
	}
	w.dst = append(w.dst, syncByte)
	w.dst = binary.BigEndian.AppendUint16(w.dst, flags<<8|pids[l])
	w.dst = append(w.dst, control|(w.counters[l]-1)%cycle)
}

// pcr appends a packet that has nothing but a PCR.
func (w *writer) pcr(l lane, at int64) {
	w.header(l, 0, hasField)
	w.field(payloadSize, 0, true, at)
}

// field appends an adaptation field of size bytes, more than none.
func (w *writer) field(size int, flags byte, clocked bool, at int64) {
	w.dst = append(w.dst, byte(size-1))
	if size == 1 {
		return
	}
	if clocked {
		w.dst = append(w.dst, flags|pcrFlag)
		w.dst = appendPCR(w.dst, at)
		size -= pcrField
	} else {
		w.dst = append(w.dst, flags)
		size -= 2
	}
	w.stuff(size)
}

// stuffing is more than a packet takes.
var stuffing = func() (b [packetSize]byte) {
	for i := range b {
		b[i] = 0xFF
	}
	return b
}()

func (w *writer) stuff(n int) { w.dst = append(w.dst, stuffing[:n]...) }

// appendPCR appends a program clock reference: 33 bits of 90 kHz, and none of the nine
// that refine them (§2.4.3.5).
func appendPCR(dst []byte, at int64) []byte {
	base := uint64(at-pcrLead) & (1<<33 - 1)
	dst = binary.BigEndian.AppendUint32(dst, uint32(base>>1))
	return append(dst, byte(base&1)<<7|0x7E, 0)
}

// begin opens a unit, of which size bytes will be put.
func (w *writer) begin(u *unit) {
	w.unit, w.packet, w.left, w.room = u, 0, u.size, 0
}

// put appends bytes of the unit.
func (w *writer) put(b []byte) {
	for len(b) > 0 {
		if w.room == 0 {
			w.next()
		}
		n := min(w.room, len(b))
		w.dst = append(w.dst, b[:n]...)
		w.room -= n
		b = b[n:]
	}
}

// next opens the unit's next packet, which takes as much as it can, but leaves a byte
// for each that is still to come.
func (w *writer) next() {
	u := w.unit
	at, clocked := u.clock(w.packet)
	capacity := payloadSize
	if clocked {
		capacity -= pcrField
	}
	take := min(capacity, w.left-(u.packets-w.packet-1))
	var flags uint16
	var random byte
	if w.packet == 0 {
		flags = unitStart
		if u.sync {
			random = randomAccess
		}
	}
	control := byte(hasPayload)
	if take < payloadSize {
		control |= hasField
	}
	w.header(u.lane, flags, control)
	if take < payloadSize {
		w.field(payloadSize-take, random, clocked, at)
	}
	w.packet++
	w.left -= take
	w.room = take
}
