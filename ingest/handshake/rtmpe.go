package handshake

import (
	"crypto/rand"
	"crypto/rc4"
	"errors"
	"math/big"
	"net"
)

// RTMPE, as Flash Media Server 3 brought it: C0 and S0 are 6, and the block of C1 and
// S1 that hasn't the digest has a Diffie-Hellman public key of 128 bytes. The block
// ends with four bytes whose sum, modulo 632, is the key's place from its start:
//
//	FormDigestFirst:   | ... | block from 772: random | key 128 | random | pointer 4 at 1532 |
//	FormDigestSecond:  | block from 8: random | key 128 | random | pointer 4 at 768 | ... |
//
// The group is RFC 2409 §6.2's of 1024 bits, the generator 2. Each direction is RC4
// under the first 16 bytes of HMAC-SHA256(shared secret, public key of who reads). C2
// and S2 go in clear, but the keystreams start 1536 bytes in. The forms 8 and 9, which
// disguise the signatures besides, are not served.
//
// Nobody is authenticated by that, and RC4 is broken: it is for encoders that can't
// do without, and protects nothing.

const (
	versionEncrypted = 6
	dhSize           = 128
	dhSpan           = 632 // places that the key can have in its block
	exponentSize     = 32  // bytes of our private key
)

// ErrKey says that a peer's Diffie-Hellman key is none, or isn't there.
var ErrKey = errors.New("peer's RTMPE handshake has no usable key")

var (
	dhGenerator = big.NewInt(2)
	dhPrime     = func() *big.Int {
		p, ok := new(big.Int).SetString(
			"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"+
				"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"+
				"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"+
				"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF", 16)
		if !ok {
			panic("the prime above is none")
		}
		return p
	}()
)

// dhKey is a pair of Diffie-Hellman keys.
type dhKey struct {
	private *big.Int
	public  [dhSize]byte
}

func newDHKey() *dhKey {
	var secret [exponentSize]byte
	rand.Read(secret[:])
	secret[0] |= 0x80 // never small
	k := &dhKey{private: new(big.Int).SetBytes(secret[:])}
	new(big.Int).Exp(dhGenerator, k.private, dhPrime).FillBytes(k.public[:])
	return k
}

// shared returns the secret that the two keys come to. Keys that would give it away
// (0, 1, p-1, and what isn't below p) are refused.
func (k *dhKey) shared(peer []byte) ([]byte, error) {
	y := new(big.Int).SetBytes(peer)
	if y.Cmp(big.NewInt(2)) < 0 || y.Cmp(new(big.Int).Sub(dhPrime, big.NewInt(2))) > 0 {
		return nil, ErrKey
	}
	return new(big.Int).Exp(y, k.private, dhPrime).FillBytes(make([]byte, dhSize)), nil
}

// dhPlace returns where the key starts in a C1 or S1 of form f.
func dhPlace(p *packet, f Form) int {
	block, pointer := 772, 1532
	if f == FormDigestSecond {
		block, pointer = 8, 768
	}
	sum := int(p[pointer]) + int(p[pointer+1]) + int(p[pointer+2]) + int(p[pointer+3])
	return block + sum%dhSpan
}

// Ciphers are the two directions of an RTMPE connection after its handshake.
type Ciphers struct{ in, out *rc4.Cipher }

// newCiphers makes them of the secret, our public key and the peer's.
func newCiphers(secret, ours, theirs []byte) (*Ciphers, error) {
	in, err := rc4.NewCipher(mac(secret, ours)[:16])
	if err != nil {
		return nil, err
	}
	out, err := rc4.NewCipher(mac(secret, theirs)[:16])
	if err != nil {
		return nil, err
	}
	var skipped packet
	in.XORKeyStream(skipped[:], skipped[:])
	out.XORKeyStream(skipped[:], skipped[:])
	return &Ciphers{in, out}, nil
}

// Over returns the connection in clear. One goroutine may read it, and one write.
func (c *Ciphers) Over(conn net.Conn) net.Conn { return &encrypted{Conn: conn, ciphers: c} }

type encrypted struct {
	net.Conn
	ciphers *Ciphers
	buf     []byte // the writer's own
}

// Read implements net.Conn.
func (e *encrypted) Read(p []byte) (int, error) {
	n, err := e.Conn.Read(p)
	e.ciphers.in.XORKeyStream(p[:n], p[:n])
	return n, err
}

// Write implements net.Conn.
func (e *encrypted) Write(p []byte) (int, error) {
	e.buf = append(e.buf[:0], p...)
	e.ciphers.out.XORKeyStream(e.buf, e.buf)
	return e.Conn.Write(e.buf)
}
