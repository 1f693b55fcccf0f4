package ingest

// A TLS record (RFC 8446 §5.1 and §5.2; RFC 5246 §6.2.1):
//
//	| type 1 | version 2 | length 2 | length bytes |
//
// of which at least recordOverhead are no plaintext: the authentication tag. The
// least is what counts here: a lower bound of bytes to come must never be too high.
const (
	recordHeader   = 5
	recordOverhead = 16
	recordPlain    = 1 << 14 // the most that a record carries
	recordMax      = recordPlain + 2048
)

// records follows the boundaries of TLS records in a stream of ciphertext.
type records struct {
	header [recordHeader]byte
	have   int  // bytes of the header seen
	length int  // of the present record, once its header is whole
	rest   int  // of those, still to come
	lost   bool // this is no TLS: nothing is known
}

// feed takes note of bytes that were read.
func (r *records) feed(b []byte) {
	for len(b) > 0 && !r.lost {
		if r.have < recordHeader {
			n := copy(r.header[r.have:], b)
			r.have += n
			b = b[n:]
			if r.have < recordHeader {
				return
			}
			r.length = int(r.header[3])<<8 | int(r.header[4])
			r.rest = r.length
			r.lost = r.header[0] < 20 || r.header[0] > 23 || r.header[1] != 3 || r.length > recordMax
		}
		n := min(r.rest, len(b))
		r.rest -= n
		b = b[n:]
		if r.rest == 0 {
			r.have = 0
		}
	}
}

// least returns a lower bound of the ciphertext still to come, given one of the
// plaintext that is missing, counted from the start of the present record.
func (r *records) least(plain int) int {
	switch {
	case r.lost:
		return 1
	case r.have < recordHeader:
		return max(1, sealed(plain)-r.have)
	default:
		// A record is of no use before it is whole.
		return r.rest + sealed(plain-max(0, r.length-recordOverhead))
	}
}

// sealed returns the least ciphertext that carries so much plaintext.
func sealed(plain int) int {
	if plain <= 0 {
		return 0
	}
	n := (plain + recordPlain - 1) / recordPlain
	return plain + n*(recordHeader+recordOverhead)
}
