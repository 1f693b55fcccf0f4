package mpegts

// Sizes of ISO/IEC 13818-1 §2.4.3.
const (
	packetSize  = 188
	headerSize  = 4
	payloadSize = packetSize - headerSize
	pcrField    = 8 // an adaptation field that has a PCR and nothing else
)

// cycle is after how many packets a PID's continuity counter is where it began. Each
// PID has a multiple of that in a segment, so that segments can be made one by one, and
// yet the counters go on from each to the next.
const cycle = 16

// Times, in ticks of 90 kHz.
const (
	// pcrInterval is what PCRs are apart at most: under 40 ms (ETSI TR 101 290 §5.2.2, 2.3).
	pcrInterval = 40*90 - 1
	// pcrLead is how long before its decoding an access unit has arrived.
	pcrLead = 200 * 90
	// tableInterval is what program tables are apart at most (ETSI TR 101 290 §5.2.1, 1.3 and 1.5).
	tableInterval = 500 * 90
	// maxTime bounds the times that are taken, so that no sum overflows.
	maxTime = 1 << 50
)

// Limits of what goes into one PES packet.
const (
	// soundBytes is what 16 transport packets carry behind a PES header. Buffers of
	// decoders are little larger (ISO/IEC 13818-1 §2.4.2.3: 3584 bytes for AAC in stereo).
	soundBytes = cycle*payloadSize - ptsHeader
	// soundSpan is how long its frames last together; pcrLead covers it.
	soundSpan = pcrLead
	// maxLength is of PES_packet_length, without the rest of the header.
	maxLength = 0xFFFF - (ptsHeader - pesPrefix)
)

// Bounds of what a segment is filled up with, whatever its times say: tables for half an
// hour, and PCRs alone for a minute.
const (
	maxTables = 3600 / cycle * cycle
	maxFills  = 1700
)
