package handshake

import (
	"crypto/rand"
	"io"
	"math/big"
	"net"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/require"
)

// clientEncrypted is RTMPE's client: what librtmp does.
func clientEncrypted(rw io.ReadWriter, form Form) (*Ciphers, error) {
	var out [1 + packetSize]byte
	out[0] = versionEncrypted
	c1 := (*packet)(out[1:])
	rand.Read(c1[8:])
	copy(c1[4:], []byte{128, 0, 3, 2})
	key := newDHKey()
	copy(c1[dhPlace(c1, form):], key.public[:])
	putDigest(c1, form, clientKey)
	if _, err := rw.Write(out[:]); err != nil {
		return nil, err
	}
	var in [1 + 2*packetSize]byte
	if _, err := io.ReadFull(rw, in[:]); err != nil {
		return nil, err
	}
	s1 := (*packet)(in[1:])
	answered, digest := findDigest(s1, serverKey)
	if in[0] != versionEncrypted || answered != form {
		return nil, ErrSignature
	}
	at := dhPlace(s1, form)
	theirs := s1[at : at+dhSize]
	secret, err := key.shared(theirs)
	if err != nil {
		return nil, err
	}
	var c2 packet
	putSignature(&c2, digest, clientFullKey)
	if _, err := rw.Write(c2[:]); err != nil {
		return nil, err
	}
	return newCiphers(secret, key.public[:], theirs)
}

func TestEncryptedBothWays(t *testing.T) {
	for _, form := range []Form{FormDigestFirst, FormDigestSecond} {
		t.Run(form.String(), func(t *testing.T) {
			for range 20 { // places differ
				a, b := net.Pipe()
				echoed := make(chan error, 1)
				go func() {
					_, ciphers, err := ServerEncrypted(b)
					if err == nil {
						c := ciphers.Over(b)
						_, err = io.Copy(c, io.LimitReader(c, 10))
					}
					echoed <- err
				}()
				ciphers, err := clientEncrypted(a, form)
				require.NoError(t, err)
				c := ciphers.Over(a)
				said := []byte("hello")
				for range 2 {
					_, err = c.Write(said)
					require.NoError(t, err)
					require.Equal(t, "hello", string(said), "what is written isn't changed")
					heard := make([]byte, 5)
					_, err = io.ReadFull(c, heard)
					require.NoError(t, err)
					require.Equal(t, "hello", string(heard))
				}
				require.NoError(t, <-echoed)
				a.Close()
			}
		})
	}
}

// A plain client is served as ever, and gets no ciphers.
func TestEncryptedServerOfAPlainClient(t *testing.T) {
	for _, form := range []Form{FormSimple, FormDigestFirst} {
		var ciphers *Ciphers
		ce, se := pair(t,
			func(rw io.ReadWriter) error { _, err := Client(rw, form); return err },
			func(rw io.ReadWriter) (err error) { _, ciphers, err = ServerEncrypted(rw); return })
		require.NoError(t, ce)
		require.NoError(t, se)
		require.Nil(t, ciphers)
	}
}

func TestEncryptedClientsThatCannotBeServed(t *testing.T) {
	c1 := func(version byte, key []byte) []byte {
		var p packet
		rand.Read(p[8:])
		copy(p[dhPlace(&p, FormDigestFirst):], key)
		putDigest(&p, FormDigestFirst, clientKey)
		return append([]byte{version}, p[:]...)
	}
	good := newDHKey()
	for name, tc := range map[string]struct {
		bytes []byte
		is    error
	}{
		"form 8":    {c1(8, good.public[:]), ErrEncrypted},
		"form 9":    {c1(9, good.public[:]), ErrEncrypted},
		"key 0":     {c1(6, make([]byte, dhSize)), ErrKey},
		"key 1":     {c1(6, big.NewInt(1).FillBytes(make([]byte, dhSize))), ErrKey},
		"key p-1":   {c1(6, new(big.Int).Sub(dhPrime, big.NewInt(1)).Bytes()), ErrKey},
		"key p":     {c1(6, dhPrime.Bytes()), ErrKey},
		"no digest": {append([]byte{6}, make([]byte, packetSize)...), ErrKey},
		"cut":       {c1(6, good.public[:])[:1000], io.ErrUnexpectedEOF},
		"no C2":     {c1(6, good.public[:]), io.ErrUnexpectedEOF},
	} {
		_, ciphers, err := ServerEncrypted(newScript(tc.bytes))
		require.ErrorIs(t, err, tc.is, name)
		require.Nil(t, ciphers, name)
	}
	_, err := Server(newScript(c1(6, good.public[:])))
	require.ErrorIs(t, err, ErrEncrypted, "it's off")
}

// The prime is RFC 2409's: a safe one of 1024 bits.
func TestPrime(t *testing.T) {
	require.Equal(t, 1024, dhPrime.BitLen())
	require.True(t, dhPrime.ProbablyPrime(20))
	require.True(t, new(big.Int).Rsh(dhPrime, 1).ProbablyPrime(20))
}

// Whatever first byte and key a client sends, and wherever it stops: RTMPE it is with
// 6, a whole handshake, and a key of the group. The packets around them are always the
// same: that much randomness keeps the fuzzer busy with nothing.
func FuzzServerEncrypted(f *testing.F) {
	f.Add(byte(6), []byte{5}, 2*packetSize)
	f.Add(byte(6), dhPrime.Bytes(), 2*packetSize)
	f.Add(byte(6), newDHKey().public[:], packetSize)
	f.Add(byte(8), newDHKey().public[:], 0)
	f.Fuzz(func(t *testing.T, first byte, key []byte, length int) {
		cryptotest.SetGlobalRandom(t, 1)
		var c1 packet
		key = key[:min(len(key), dhSize)]
		y := new(big.Int).SetBytes(key)
		y.FillBytes(c1[dhPlace(&c1, FormDigestSecond):][:dhSize])
		putDigest(&c1, FormDigestSecond, clientKey)
		in := append(append([]byte{first}, c1[:]...), make([]byte, packetSize)...)
		in = in[:1+max(0, min(length, 2*packetSize))]
		_, ciphers, err := ServerEncrypted(newScript(in))
		whole := first == versionEncrypted && len(in) == 1+2*packetSize
		usable := y.Cmp(big.NewInt(1)) > 0 && y.Cmp(new(big.Int).Sub(dhPrime, big.NewInt(1))) < 0
		if (ciphers != nil) != (whole && usable) {
			t.Fatalf("first byte %d, %d bytes, key %x: ciphers %v, %v", first, len(in), key, ciphers != nil, err)
		}
		if ciphers != nil && err != nil {
			t.Fatal(err)
		}
	})
}
