// Package archive keeps the windows of streams that are longer than what is kept in
// memory: it follows the journal, puts whole segments into an objects.Store, tells the
// journal so, and deletes what has left the windows. Restore brings a window back.
//
// Objects of a stream, of which all numbers are decimal:
//
//	dvr/STREAM/seg/MSN÷1024/RENDITION/MSN   the parts of a segment, one behind the other
//	dvr/STREAM/index/MSN÷32                 a page: what is known of 32 segments of each
//	                                        rendition, and the timeline beside its segments
//
//	aside/STREAM-UNIXTIME/…                 what could not be restored, as it lay in dvr/STREAM
//
// A page is JSON (page, in index.go) and replaced as a whole. Media is put before the page
// that tells of it, older pages before newer ones, and the newest page holds where the
// stream stands: that is the commit. So a crash loses what wasn't whole, and what became
// whole while its object was being written.
//
// What is kept of a stream that is removed while Serve runs goes at once; of one that isn't
// there any more when it begins, so long after its last object was put as its window was.
//
// Serve runs; all other functions may be called at once. Nothing here makes a publisher
// wait: a Store that is slow makes bytes stay in memory, up to Options.Pending for each
// stream, after which the oldest are lost and told as gaps.
package archive
