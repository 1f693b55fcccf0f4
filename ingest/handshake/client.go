package handshake

import (
	"crypto/hmac"
	"crypto/rand"
	"fmt"
	"io"
)

// clientVersion is what a signed C1 says: a Flash Player that signs.
var clientVersion = [4]byte{10, 0, 45, 2}

// Client does the client's side of the handshake in the given form. It returns
// the form that the server answered in: FormSimple from a server that knows no
// other. A server that signs S1 must sign S2, else the error is ErrSignature.
func Client(rw io.ReadWriter, form Form) (Form, error) {
	// C0, C1.
	var out [1 + packetSize]byte
	out[0] = version
	c1 := (*packet)(out[1:])
	rand.Read(c1[8:])
	var digest []byte
	if form != FormSimple {
		copy(c1[4:], clientVersion[:])
		digest = putDigest(c1, form, clientKey)
	}
	if _, err := rw.Write(out[:]); err != nil {
		return 0, fmt.Errorf("write C0, C1: %w", err)
	}

	// S0, S1, S2.
	var in [1 + 2*packetSize]byte
	n, err := io.ReadAtLeast(rw, in[:], 1)
	if err != nil {
		return 0, fmt.Errorf("read S0: %w", err)
	}
	if err := checkVersion(in[0]); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(rw, in[n:]); err != nil {
		return 0, fmt.Errorf("read S1, S2: %w", unexpected(err))
	}
	s1, s2 := (*packet)(in[1:]), (*packet)(in[1+packetSize:])
	answered := FormSimple
	var serverDigest []byte
	if form != FormSimple {
		answered, serverDigest = findDigest(s1, serverKey)
	}
	if answered != FormSimple &&
		!hmac.Equal(s2[packetSize-digestSize:], signatureOf(s2, digest, serverFullKey)) {
		return 0, ErrSignature
	}
	// A simple S2 is not compared with C1: servers are known that do not echo.

	// C2.
	c2 := *s1
	if answered != FormSimple {
		rand.Read(c2[:])
		putSignature(&c2, serverDigest, clientFullKey)
	}
	if _, err := rw.Write(c2[:]); err != nil {
		return 0, fmt.Errorf("write C2: %w", err)
	}
	return answered, nil
}
