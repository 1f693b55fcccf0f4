// Package hls renders a timeline as HLS playlists, low latency included.
//
// Rendering is pure: the same timeline gives the same bytes, on every node, for
// every viewer. What goes in is an immutable timeline.Timeline; what comes out
// is appended to a slice that the caller owns. Nothing here reads a clock,
// takes a lock or keeps a state, so any number of goroutines may call at once.
//
// The sections below are those of RFC 8216bis (draft 22), "Apple" stands for
// the HLS authoring specification for Apple devices:
//
//   - AppendMultivariant: §4.4.6, §6.2.4; Apple 9
//   - AppendMedia: §4.4.3 to §4.4.5, §6.2.1, §6.2.2, §6.2.6, B.1; Apple 8, 14
//   - AppendMediaDelta: §4.4.5.2, §6.2.5.1
//   - splices, in both: §4.4.5.1, §4.4.5.1.1
//   - AppendIFrames: §4.4.3.6, §4.4.6.3; Apple 6
//   - Blocks: §6.2.5.2
//   - AppendTransportMultivariant, AppendTransportMedia: the same of MPEG-TS, for
//     players that know version 3; Transport says what a segment is made of
//
// # URLs
//
// All URIs are relative, so that a path with a token in front and a proxy that
// moves the whole tree keep working. A media playlist lies in the folder of its
// rendition:
//
//	index.m3u8
//	{rendition}/index.m3u8
//	{rendition}/iframes.m3u8
//	{rendition}/{epoch}/init.mp4
//	{rendition}/{epoch}/{n}.m4s
//	{rendition}/{epoch}/{n}.{part}.m4s
//
// and beside them, with the same numbers:
//
//	ts.m3u8
//	{rendition}/ts.m3u8
//	{rendition}/{epoch}/{n}.ts
//
// # Numbers
//
// {n} is the media sequence number. The discontinuity sequence number of a
// segment is the number of its epoch, in every rendition; where an epoch number
// was left out, the EXT-X-DISCONTINUITY tag is repeated, so that the count
// stays right. EXTINF and DURATION are differences of edges that were rounded
// to 10 µs, not rounded differences: however long the window, they add up to
// the media's own clock, and the parts of a segment add up to the segment.
//
// # Choices
//
// EXT-X-VERSION is 9 in every media playlist, because each can be asked for as
// a delta update, and a playlist's version may not change between reloads
// (§6.2.1). EXT-X-INDEPENDENT-SEGMENTS stands in the multivariant playlist only
// (§4.4.2.1).
//
// While a publisher is away there is no EXT-X-PRELOAD-HINT: nobody knows yet
// under which epoch its media goes on, and a URL that was hinted once must never
// come to mean something else. The same holds between the start of an epoch
// and its first part. A rung that trails behind in an epoch that has ended hints at
// its next part, as long as the leading rendition has more of that epoch to show:
// a publisher may break off between pictures that are decoded in another order.
//
// No EXT-X-GAP segments are made up for the time before a broadcast began, as
// some servers do for LL-HLS on iOS: RFC 8216bis asks for nothing of the kind,
// they would claim wall-clock time at which there was no stream, and ExoPlayer
// stalls on them for good (androidx/media#3105).
//
// # Ladders
//
// A rendition that follows another (timeline.Rendition.Follows) has its MSNs and
// start times, and is behind it: its playlist tells of its own parts only, and
// rendition reports of each one's. The first multivariant playlist of a
// broadcast waits for those that are expected (timeline.Timeline.Expecting); one
// that comes later is named from its first whole segment on, and its playlist
// begins where it joined. One that has left, or is too far behind, is ErrGone:
// answered with 410, at once and to held requests too, at which hls.js goes on
// with another variant without a pause. Where a rendition has nothing of a
// segment, that is EXT-X-GAP; where it has the beginning only, parts with
// GAP=YES stand for the rest.
//
// The first variant is the best that a line of startRate carries: the players of
// Apple start with the first, hls.js with one near it. The last is the sound
// alone, where there is a choice; hls.js leaves that one out. Chromium's own
// player starts with the smallest and changes at once; as at any start of its,
// it gives up where the playlist lists nothing that it hasn't fetched yet.
//
// SCORE ranks the pictures by their size and then their rate, where there is a choice: bit
// rates don't, where codecs differ. STABLE-VARIANT-ID and STABLE-RENDITION-ID are the
// renditions' names. EXT-X-DEFINE isn't used: URIs are relative, tokens lie in the path,
// and nothing is left for a variable to say.
//
// # Content steering
//
// Options.Steering names a steering manifest (§7.2) in the multivariant playlist; variants are of
// the default pathway, and the steering manifest makes clones of it for other hosts.
//
// # I-frames
//
// A playlist of I-frames has one for each whole segment, the picture that it begins with, and
// so the numbers of the other playlists; keyframes inside a segment aren't listed. It is
// the first bytes of the segment, whose mdat is cut off behind that picture: whoever
// asks for I-frames knows that (hls.js, Apple's players). A segment of which it isn't known is
// EXT-X-GAP. There is nothing of low latency in it, and no date range.
//
// # Beginning earlier
//
// Options.Start has players begin before the live edge: EXT-X-START, counted from the end
// since that is what all viewers have in common, in a multivariant playlist of its own URL.
// Media playlists, and with them all that is fetched often, are the same for everybody.
//
// # MPEG-TS
//
// A segment has the picture and the sound of its number, of those that the epoch began
// with, and the events of what leads. It is listed when all of that is whole: its
// bytes don't depend on when it is asked for. Where one rendition has nothing, the rest
// goes without; a rendition without anything is EXT-X-GAP. What no player expects in
// MPEG-TS is ErrNoTransport.
//
// # Captions
//
// EXT-X-MEDIA names the channels and services of CEA-608 and CEA-708 that the broadcast's
// pictures have had (timeline.Timeline.Captions), and CC1 where there has been room for
// captions only. CLOSED-CAPTIONS=NONE stands in every variant as long as there has been
// neither, and nothing at all where nobody looks into the codec. Timed metadata needs no
// tag: players look for it in fragments.
//
// # Limits
//
// A playlist is as long as the timeline's window. Rendering is one pass over
// the segments that it lists; a delta update touches only the last few, however
// long the window.
package hls
