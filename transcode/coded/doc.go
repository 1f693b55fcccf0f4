// Package coded makes of the packets that encoders write what samples hold, and
// the codecs of tracks: the same for each codec that a rung can be in.
//
// In goes a packet as NUT carries it: an access unit of H.264 or H.265 with start
// codes, or a temporal unit of AV1 in the low-overhead format. Out come data
// that refer to nothing of the packet. All functions are pure and may be called
// at once. Time and memory are bounded by the size of the packet.
package coded
