package handshake

import (
	"crypto/rand"
	"fmt"
	"io"
)

// serverVersion is what S1 says when it is signed; ffmpeg takes a first byte
// below 3 for an unsigned one. An unsigned S1 has zeros here.
var serverVersion = [4]byte{4, 5, 0, 1}

// Server does the server's side of the handshake and returns the form that the
// client chose. ErrTLS, ErrHTTP, ErrEncrypted and *VersionError tell what a peer
// speaks that is no RTMP client; any other error is the connection's.
func Server(rw io.ReadWriter) (Form, error) {
	// C0, C1. The first byte is judged before the others are waited for.
	var in [1 + packetSize]byte
	n, err := io.ReadAtLeast(rw, in[:], 1)
	if err != nil {
		return 0, fmt.Errorf("read C0: %w", err)
	}
	if err := checkVersion(in[0]); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(rw, in[n:]); err != nil {
		return 0, fmt.Errorf("read C1: %w", unexpected(err))
	}
	c1 := (*packet)(in[1:])
	form, digest := findDigest(c1, clientKey)

	// S0, S1, S2 in one write.
	var out [1 + 2*packetSize]byte
	out[0] = version
	s1, s2 := (*packet)(out[1:]), (*packet)(out[1+packetSize:])
	rand.Read(s1[8:])
	if form == FormSimple {
		*s2 = *c1 // to the byte: librtmp compares all of it
	} else {
		copy(s1[4:], serverVersion[:])
		putDigest(s1, form, serverKey)
		rand.Read(s2[:])
		putSignature(s2, digest, serverFullKey)
	}
	if _, err := rw.Write(out[:]); err != nil {
		return 0, fmt.Errorf("write S0, S1, S2: %w", err)
	}

	// C2. What it says is not looked at: Streamlabs and others send no echo of S1.
	if _, err := io.ReadFull(rw, in[1:]); err != nil {
		return 0, fmt.Errorf("read C2: %w", unexpected(err))
	}
	return form, nil
}

// unexpected makes of an end between packets what it is: a cut.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
