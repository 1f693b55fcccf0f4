// Package dash renders a stream's timeline as a DASH manifest: pure functions
// of an immutable timeline, safe to call from any number of goroutines.
//
// What it follows: ISO/IEC 23009-1, the isoff-live profile (§8.4) with
// SegmentTemplate and SegmentTimeline (§5.3.9), low latency by chunked segments
// (§5.3.9.5, availabilityTimeComplete), and DASH-IF IOP where that says more.
// What goes in is a *timeline.Timeline; what comes out is the MPD at
// /live/{stream}/manifest.mpd, whose URLs are all relative to it.
//
// # Time
//
// availabilityStartTime is the Unix epoch, in every MPD of every stream, so
// that a Period@start is the server's clock and needs no memory of what has
// left the window: it is the wall time at which the epoch's media clock stood
// at timeline.Origin, and presentationTimeOffset is that origin. Both are
// constant for as long as the Period is listed, on every node. An encoder whose
// clock runs faster or slower than the server's would carry its media away from
// the wall clock that players hold themselves to: timeline.Anchor begins a new
// Period of the same epoch before that can be felt.
//
// A ProducerReferenceTime in each AdaptationSet says the same to those who look for it
// there; see appendReference for why it has a prefix, and fragments have no prft.
//
// # The live edge
//
// The open segment is listed with what has been published of it so far, and
// the MPD is fetched by long poll: Location carries ?after=N, where N is the
// newest segment that every track has begun; Ready says when there is a newer.
// Of an epoch that has just begun nothing is listed until every track of it
// has media: players do not look for an AdaptationSet that joins a Period late.
//
// # Patches
//
// With Options.Patches an MPD says where the patch is that leads from it to the newest one
// (PatchLocation, §5.15): manifest.mpp with its publishTime, held by ?after=N as the MPD
// itself. AppendPatch makes it of the two MPDs' texts. What a patch doesn't say (a Period
// that is new or ends, a bit rate, an event, a gap, the end) takes the whole MPD, to which
// AppendNoPatch sends players.
//
// # Content steering
//
// Options.Steering names a steering manifest (ETSI TS 103 998). The MPD's folder is the service
// location ".", of which that makes clones for other hosts.
//
// # Beginning earlier
//
// Options.Start has players begin before the live edge, and stay that far from it: it's
// suggestedPresentationDelay, which Location keeps, so that it is the same in each MPD.
//
// # Ladders
//
// The Representations of a kind and codec stand in one AdaptationSet. Which ones
// a Period has is fixed when it is listed first (timeline.Anchor.Fixed), with their
// frame rates, and one that is behind then isn't among them; where a
// rung joins or leaves, the epoch is anchored anew, and the next Period has it
// or hasn't. In its last Period a rung that left just ends earlier: dash.js and
// Shaka then play the next Period with another, without a stall. Whoever comes
// after the end isn't told of such a rung.
//
// A rung is behind by Targets.Lag, which players are told to hold back in
// addition. One that is later than that and a part is not waited for: ?after= is
// answered without its newest segment, and Location keeps the number that it
// has, so that whoever asks again is told at once. That number never falls: a rung
// that is back counts from the next segment on.
//
// # Events and captions
//
// Every AdaptationSet of the leading kind declares ID3 in emsg boxes (InbandEventStream,
// §5.10.3.3), be there any or not: dash.js reads events of declared schemes only, and a
// Period doesn't change. Closed captions are Accessibility descriptors of the sets of
// video, those that the anchor knows; where more are found, it's another Period.
//
// # Gaps
//
// dash.js 5 and Shaka 5 number segments by counting S elements from
// @startNumber; neither reads S@n, and a hole in the times would not move the
// count. A segment of which a rendition got nothing therefore keeps its S
// element, so that the numbers after it stay right, and FailoverContent with
// valid="false" says that it holds no media (§5.3.9.7). Its URL must answer 200
// with EmptySegment: both players then step over the hole, whereas a 404 stops
// them. Where a rendition got the beginning only, FailoverContent names the rest.
//
// A Period that is over may not get more (§5.4.1). What a rung still gets of it is
// listed ahead, as the leading rendition has it; what then doesn't come is said in
// FailoverContent.
//
// # Splices
//
// Splices (timeline.Splice) are Events of their Period's EventStream, binary as SCTE
// 214-1 §6.7 has them (urn:scte:scte35:2014:xml+bin); the end of a break is another one. A
// break that goes on over a Period's end is told in the next one too, from its start on.
// Long polls aren't answered for them: what is announced ahead comes with the next segment.
//
// # The end
//
// An ended stream has a static MPD, in one of two forms. Who comes to it now
// gets a presentation of its own: the first Period at 0, the Periods back to
// back, media from the window's start. Who followed it (asks with ?after=) has a
// player that stands in the dynamic presentation, so every Period keeps the start
// and the presentationTimeOffset that it had: dash.js takes both as they are
// listed, and goes astray where they change; Shaka, which expects a first Period
// at 0 here, still ends where the media ends. Options.Following asks for that form.
package dash
