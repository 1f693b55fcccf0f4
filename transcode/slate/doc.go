// Package slate makes and plays what viewers see while a stream has no publisher: a picture or
// clip of the operator's, or a built-in picture, in the stream's own parameters.
//
// In go a stream's tracks; out comes a Clip, whose Play writes samples to a media.Sink in real time,
// over and over, until it's told to end. Each track becomes a loop ("reel") that is encoded once by
// ffmpeg for each set of parameters ("form"): codec, size, shape of pixels, frame rate, profile and
// colours of a picture; codec, sample rate and channels of sound. Parameters are those that the codec's
// parameter sets declare, but for the frame rate, which is as it was measured; where it neither was nor
// is declared it's usualRate, and several sizes get rates of
// which the first's is a multiple. Encoded are H.264 (not
// above the source's profile, always 4:2:0 and 8 bits; high dynamic range becomes BT.709), H.265, AV1, VP9; AAC-LC, and HE-AAC in up to 7.1
// channels (replication.go; where they're arranged otherwise, the core's rate and the output's channels), Opus, MP3, AC-3, E-AC-3, FLAC.
//
// # Loops
//
// A loop of pictures is a whole number of GOPs, each at least a segment long, with a keyframe at the
// same times in every size. It goes on from its last picture to its first keyframe like from
// any GOP to the next. A clip that ends within a GOP stands still until the GOP's end. Silence is the
// frame that an encoder makes of it when it has made many, with a loop of its own: it has no seam.
// A clip's sound begins anew at the frame nearest to where the picture does, so that they never part
// by more than half a frame of sound; it's silent there, so the seam can't be heard. Times are made
// from the number of frames since the start, in integers.
//
// # Making
//
// Prepare and Clip may be called by any number of goroutines at once, and never wait. Serve makes
// reels in processes that run as the ladder's do (package ffmpeg), with a limit of time for
// all and for what comes out. Makers share Slots, in which a reel that takes long doesn't hold
// up others. Made reels are kept in memory and, if there's a folder, in files
// (cache.go has the format); both are bounded, and what was used longest ago goes first. A file
// that is damaged is made again. The operator's file is looked at every lookEvery; until there's
// something of a new one the one before is played. Where it can't be read, or nothing can be made of
// it, the built-in picture is. Limits are in limits.go. No constructor starts a goroutine.
package slate
