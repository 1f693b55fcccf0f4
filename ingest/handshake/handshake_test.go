package handshake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	gohandshake "github.com/bluenviron/gortmplib/pkg/handshake"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a peer whose bytes are known beforehand.
type script struct {
	io.Reader
	written bytes.Buffer
}

func (s *script) Write(p []byte) (int, error) { return s.written.Write(p) }

func newScript(b []byte) *script { return &script{Reader: bytes.NewReader(b)} }

// pair runs both sides over an in-memory connection.
func pair(t *testing.T, client, server func(io.ReadWriter) error) (clientErr, serverErr error) {
	t.Helper()
	a, b := net.Pipe()
	done := make(chan error, 1)
	go func() {
		err := server(b)
		b.Close()
		done <- err
	}()
	clientErr = client(a)
	a.Close()
	return clientErr, <-done
}

func TestEveryFormBothWays(t *testing.T) {
	for _, form := range []Form{FormSimple, FormDigestFirst, FormDigestSecond} {
		t.Run(form.String(), func(t *testing.T) {
			// Digests stand at random places: some rounds find the odd ones.
			for range 50 {
				var c, s Form
				ce, se := pair(t,
					func(rw io.ReadWriter) (err error) { c, err = Client(rw, form); return },
					func(rw io.ReadWriter) (err error) { s, err = Server(rw); return })
				require.NoError(t, ce)
				require.NoError(t, se)
				require.Equal(t, form, c)
				require.Equal(t, form, s)
			}
		})
	}
}

// A second opinion: gortmplib compares every echo when told to be strict.
func TestSecondOpinion(t *testing.T) {
	ce, se := pair(t,
		func(rw io.ReadWriter) error { _, _, err := gohandshake.DoClient(rw, false, true); return err },
		func(rw io.ReadWriter) error { _, err := Server(rw); return err })
	require.NoError(t, ce)
	require.NoError(t, se)

	ce, se = pair(t,
		func(rw io.ReadWriter) error { _, err := Client(rw, FormSimple); return err },
		func(rw io.ReadWriter) error { _, _, err := gohandshake.DoServer(rw, true); return err })
	require.NoError(t, ce)
	require.NoError(t, se)

	// A server that never signs answers a signed C1.
	var form Form
	ce, se = pair(t,
		func(rw io.ReadWriter) (err error) { form, err = Client(rw, FormDigestFirst); return },
		func(rw io.ReadWriter) error { _, _, err := gohandshake.DoServer(rw, true); return err })
	require.NoError(t, ce)
	require.NoError(t, se)
	require.Equal(t, FormSimple, form)
}

func TestSimpleServerEchoesAllOfC1(t *testing.T) {
	in := bytes.Repeat([]byte{7}, 1+2*packetSize)
	in[0] = version
	s := newScript(in)
	form, err := Server(s)
	require.NoError(t, err)
	require.Equal(t, FormSimple, form)
	out := s.written.Bytes()
	require.Len(t, out, 1+2*packetSize)
	require.Equal(t, byte(version), out[0])
	require.Equal(t, make([]byte, 8), out[1:9], "time and version of an unsigned S1")
	require.Equal(t, in[1:1+packetSize], out[1+packetSize:])
}

func TestServerLeavesTheRestUnread(t *testing.T) {
	in := append(make([]byte, 1+2*packetSize), "connect"...)
	in[0] = version
	s := newScript(in)
	_, err := Server(s)
	require.NoError(t, err)
	rest, err := io.ReadAll(s)
	require.NoError(t, err)
	require.Equal(t, "connect", string(rest))
}

func TestOtherProtocolsAreFoundOutByTheFirstByte(t *testing.T) {
	for _, tc := range []struct {
		first string
		want  error
	}{
		{"\x16\x03\x01\x02\x00", ErrTLS},
		{"GET / HTTP/1.1\r\n\r\n", ErrHTTP},
		{"POST /fcs/ident2 HTTP/1.1\r\n\r\n", ErrHTTP},
		{"\x06", ErrEncrypted},
		{"\x08", ErrEncrypted},
	} {
		t.Run(fmt.Sprintf("%.4q", tc.first), func(t *testing.T) {
			// The connection stays open behind these bytes: an answer must not wait for more.
			r, w := io.Pipe()
			go w.Write([]byte(tc.first))
			_, err := Server(struct {
				io.Reader
				io.Writer
			}{r, io.Discard})
			require.ErrorIs(t, err, tc.want)
			r.Close()
		})
	}

	_, err := Server(newScript([]byte("SSH-2.0")))
	var ve *VersionError
	require.ErrorAs(t, err, &ve)
	require.Equal(t, byte('S'), ve.Version)
	require.EqualError(t, err, "RTMP version 83 (0x53), want 3")
}

func TestClientChecksSignatures(t *testing.T) {
	var reply [1 + 2*packetSize]byte
	reply[0] = version
	putDigest((*packet)(reply[1:]), FormDigestSecond, serverKey) // S2 is not signed
	_, err := Client(newScript(reply[:]), FormDigestFirst)
	require.ErrorIs(t, err, ErrSignature)
}

func TestCutAtEveryByte(t *testing.T) {
	whole := make([]byte, 1+2*packetSize)
	whole[0] = version
	for n := range whole {
		_, err := Server(newScript(whole[:n]))
		if n == 0 {
			require.ErrorIs(t, err, io.EOF)
		} else {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut at %d", n)
		}
		_, err = Client(newScript(whole[:n]), FormSimple)
		require.Error(t, err, "cut at %d", n)
	}
}

type brokenWriter struct{ io.Reader }

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteErrors(t *testing.T) {
	whole := make([]byte, 1+2*packetSize)
	whole[0] = version
	_, err := Server(brokenWriter{bytes.NewReader(whole)})
	require.ErrorIs(t, err, errBroken)
	_, err = Client(brokenWriter{bytes.NewReader(whole)}, FormSimple)
	require.ErrorIs(t, err, errBroken)
}

// FuzzServer: any C1 gets an answer of the form that it has, and a digest that
// the server found is one that the client's own rule makes again.
func FuzzServer(f *testing.F) {
	for _, form := range []Form{FormSimple, FormDigestFirst, FormDigestSecond} {
		var c1 packet
		if form != FormSimple {
			putDigest(&c1, form, clientKey)
		}
		f.Add(append([]byte{version}, c1[:]...))
	}
	f.Add([]byte("\x16\x03\x01"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := newScript(append(bytes.Clone(in), make([]byte, packetSize)...))
		form, err := Server(s)
		if err != nil {
			return
		}
		out := s.written.Bytes()
		if len(out) != 1+2*packetSize || out[0] != version {
			t.Fatalf("answer of %d bytes", len(out))
		}
		if form == FormSimple {
			return
		}
		c1, s2 := (*packet)(in[1:]), (*packet)(out[1+packetSize:])
		at := digestPlace(c1, form)
		if got, _ := findDigest((*packet)(out[1:]), serverKey); got != form {
			t.Fatalf("S1 is %v, C1 %v", got, form)
		}
		if !bytes.Equal(s2[packetSize-digestSize:], signatureOf(s2, c1[at:at+digestSize], serverFullKey)) {
			t.Fatal("S2 does not answer C1")
		}
	})
}
