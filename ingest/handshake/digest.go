package handshake

import (
	"crypto/hmac"
	"crypto/sha256"
)

// The digest form, as Flash Player 9 brought it:
//
//	C1, S1:  | time 4 | version 4 | block A 764 | block B 764 |
//
// One block holds a Diffie-Hellman key (for RTMPE; random otherwise), the other
// the digest, and FormDigestFirst and FormDigestSecond say which. The digest's
// block starts with four bytes whose sum, modulo 728, is the digest's place after
// them:
//
//	| pointer 4 | random | digest 32 | random |
//
// The digest is the HMAC-SHA256 of the other 1504 bytes. C2 and S2 are 1504
// random bytes and their HMAC, keyed with the HMAC of the digest that they answer.

// Form is the shape of a handshake.
type Form uint8

const (
	// FormSimple echoes the peer's random bytes, as RTMP 1.0 and OBS do.
	FormSimple Form = iota
	// FormDigestFirst has the digest in the first block, from byte 8.
	FormDigestFirst
	// FormDigestSecond has the digest in the second block, from byte 772.
	FormDigestSecond
)

func (f Form) String() string {
	switch f {
	case FormDigestFirst:
		return "digest first"
	case FormDigestSecond:
		return "digest second"
	default:
		return "simple"
	}
}

const (
	version    = 3
	packetSize = 1536 // of C1, C2, S1, S2
	digestSize = sha256.Size
	digestSpan = 728 // places that a digest can have in its block
)

// keyTail completes both well-known keys for C2 and S2; for C1 and S1 the name
// alone is the key.
const keyTail = "\xf0\xee\xc2\x4a\x80\x68\xbe\xe8\x2e\x00\xd0\xd1\x02\x9e\x7e\x57" +
	"\x6e\xec\x5d\x2d\x29\x80\x6f\xab\x93\xb8\xe6\x36\xcf\xeb\x31\xae"

const (
	clientKey     = "Genuine Adobe Flash Player 001"
	serverKey     = "Genuine Adobe Flash Media Server 001"
	clientFullKey = clientKey + keyTail
	serverFullKey = serverKey + keyTail
)

type packet = [packetSize]byte

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// digestPlace returns where form f's digest starts in p.
func digestPlace(p *packet, f Form) int {
	block := 8
	if f == FormDigestSecond {
		block = 772
	}
	sum := int(p[block]) + int(p[block+1]) + int(p[block+2]) + int(p[block+3])
	return block + 4 + sum%digestSpan
}

// digestOf computes the digest that belongs at byte at of p.
func digestOf(p *packet, at int, key string) []byte {
	return mac([]byte(key), p[:at], p[at+digestSize:])
}

// findDigest returns the form of a C1 or S1 and its digest (nil for the simple form).
func findDigest(p *packet, key string) (Form, []byte) {
	for _, f := range [...]Form{FormDigestFirst, FormDigestSecond} {
		at := digestPlace(p, f)
		if d := p[at : at+digestSize]; hmac.Equal(d, digestOf(p, at, key)) {
			return f, d
		}
	}
	return FormSimple, nil
}

// putDigest writes the digest of a C1 or S1 into it and returns it.
func putDigest(p *packet, f Form, key string) []byte {
	at := digestPlace(p, f)
	return append(p[at:at:at+digestSize], digestOf(p, at, key)...)
}

// putSignature ends a C2 or S2 that answers the given digest.
func putSignature(p *packet, digest []byte, key string) {
	copy(p[packetSize-digestSize:], signatureOf(p, digest, key))
}

func signatureOf(p *packet, digest []byte, key string) []byte {
	return mac(mac([]byte(key), digest), p[:packetSize-digestSize])
}
