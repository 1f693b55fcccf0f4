package handshake

import (
	"errors"
	"fmt"
)

// What a peer turned out to speak instead of plain RTMP. All are found out from
// the first byte.
var (
	// ErrTLS says that the peer began a TLS handshake: it dialled the plain port
	// with an rtmps URL.
	ErrTLS = errors.New("peer speaks TLS, not plain RTMP")

	// ErrHTTP says that the peer began an HTTP request: a browser, or RTMPT.
	ErrHTTP = errors.New("peer speaks HTTP, not RTMP")

	// ErrEncrypted says that the peer asked for RTMPE.
	ErrEncrypted = errors.New("peer asks for RTMPE, which is not served")
)

// ErrSignature says that a server's signed S1 or S2 is not what its protocol
// makes of our C1.
var ErrSignature = errors.New("server's handshake is not signed as it should be")

// VersionError is a first byte that is neither RTMP's version nor the sign of a
// protocol known by name.
type VersionError struct {
	Version byte
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("RTMP version %d (0x%02x), want %d", e.Version, e.Version, version)
}

// checkVersion judges the first byte of a connection.
func checkVersion(b byte) error {
	switch b {
	case version:
		return nil
	case 6, 8, 9: // RTMPE; its XTEA and Blowfish forms
		return ErrEncrypted
	case 0x16: // ContentType handshake of a TLS record
		return ErrTLS
	case 'G', 'P', 'H', 'O', 'D', 'C': // GET, POST, PUT, PATCH, HEAD, OPTIONS, DELETE, CONNECT
		return ErrHTTP
	default:
		return &VersionError{Version: b}
	}
}
