// Package handshake exchanges the bytes that open an RTMP connection: C0, C1,
// C2 from the client and S0, S1, S2 from the server.
//
// It implements "Adobe's Real Time Messaging Protocol" 1.0, section 5.2, and the
// digest form that is not in that document but that Flash Player and what
// descends from it (ffmpeg among others) use: 32 bytes of C1 hold an HMAC-SHA256
// over the rest, and S2 is signed instead of being an echo. RTMPE, the encrypted
// form, is recognised and refused by Server, and served by ServerEncrypted.
//
// Server, ServerEncrypted and Client read and write a connection, exactly as many bytes as the
// handshake has: whatever comes next is left unread. They set no deadline; the
// caller does, and ends the wait by closing the connection. They may be called
// at once for different connections.
//
// A peer that speaks another protocol (TLS, HTTP) is found out by its first byte,
// without waiting for the 1537 bytes that it may never send; see ErrTLS and
// ErrHTTP. Nothing is allocated but three packets of 1536 bytes.
package handshake
