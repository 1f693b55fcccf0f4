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
	form, _, err := server(rw, false)
	return form, err
}

// ServerEncrypted does the same, and lets RTMPE's clients in too (ErrEncrypted is then
// for its forms 8 and 9). For those it returns the ciphers that the connection goes
// on under, else nil.
func ServerEncrypted(rw io.ReadWriter) (Form, *Ciphers, error) { return server(rw, true) }

func server(rw io.ReadWriter, encrypted bool) (Form, *Ciphers, error) {
	// C0, C1. The first byte is judged before the others are waited for.
	var in [1 + packetSize]byte
	n, err := io.ReadAtLeast(rw, in[:], 1)
	if err != nil {
		return 0, nil, fmt.Errorf("read C0: %w", err)
	}
	encrypted = encrypted && in[0] == versionEncrypted
	if err := checkVersion(in[0]); err != nil && !encrypted {
		return 0, nil, err
	}
	if _, err := io.ReadFull(rw, in[n:]); err != nil {
		return 0, nil, fmt.Errorf("read C1: %w", unexpected(err))
	}
	c1 := (*packet)(in[1:])
	form, digest := findDigest(c1, clientKey)

	// S0, S1, S2 in one write.
	var out [1 + 2*packetSize]byte
	out[0] = in[0]
	s1, s2 := (*packet)(out[1:]), (*packet)(out[1+packetSize:])
	rand.Read(s1[8:])
	var ciphers *Ciphers
	if encrypted {
		if ciphers, err = agree(c1, s1, form); err != nil {
			return 0, nil, err
		}
	}
	if form == FormSimple {
		*s2 = *c1 // to the byte: librtmp compares all of it
	} else {
		copy(s1[4:], serverVersion[:])
		putDigest(s1, form, serverKey)
		rand.Read(s2[:])
		putSignature(s2, digest, serverFullKey)
	}
	if _, err := rw.Write(out[:]); err != nil {
		return 0, nil, fmt.Errorf("write S0, S1, S2: %w", err)
	}

	// C2. What it says is not looked at: Streamlabs and others send no echo of S1.
	if _, err := io.ReadFull(rw, in[1:]); err != nil {
		return 0, nil, fmt.Errorf("read C2: %w", unexpected(err))
	}
	return form, ciphers, nil
}

// agree takes the client's key out of C1 and puts ours into S1, before its digest.
func agree(c1, s1 *packet, form Form) (*Ciphers, error) {
	if form == FormSimple {
		return nil, ErrKey
	}
	key := newDHKey()
	at := dhPlace(c1, form)
	theirs := c1[at : at+dhSize]
	secret, err := key.shared(theirs)
	if err != nil {
		return nil, err
	}
	copy(s1[dhPlace(s1, form):], key.public[:])
	return newCiphers(secret, key.public[:], theirs)
}

// unexpected makes of an end between packets what it is: a cut.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
