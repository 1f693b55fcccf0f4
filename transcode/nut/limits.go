package nut

// What a stream may ask for. The format has few bounds of its own, and what is
// on the other end of the pipe may be broken.
const (
	// maxFrame is the size of a frame: an IDR picture of 4K at the highest
	// quality is some 5 MB.
	maxFrame = 16 << 20
	// maxHeader is the size of a header that is kept: those that ffmpeg writes
	// are below 300 bytes and the extradata, which is below 4 KB.
	maxHeader = 64 << 10
	// maxPassedOver is the size of what is only checked: an index has some
	// ten bytes for each syncpoint, and there is one for every 32 KB or less.
	maxPassedOver = 64 << 20
	// maxTimeBases is one for the stream, and one for chapters that have their own.
	maxTimeBases = 16
	// maxSideData is the number of entries with one frame, and with its metadata.
	maxSideData = 64
	// maxTime keeps sums of times within 64 bits: a million years at 48 kHz.
	maxTime = 1 << 61
	// maxFrameHeader is the size of a frame's header: its code, seven values of at
	// most maxValue bytes, and as many reserved ones as there may be.
	maxFrameHeader = 1 + (7+maxReserved)*maxValue
)

// The format's own bounds.
const (
	// maxValue is the size of a variable-length value of 64 bits where eight
	// bytes of stuffing are allowed.
	maxValue = 8 + 10
	// maxDistanceLimit is what a greater max_distance counts as.
	maxDistanceLimit = 65536
	// maxSize bounds data_size_mul and data_size_lsb, exclusively.
	maxSize = 16384
	// maxDelta bounds pts_delta. The format says 16384; ffmpeg has 16 bits for it
	// and fills them at frame rates below 6.
	maxDelta = 32768
	// maxReserved bounds the number of reserved values, exclusively.
	maxReserved = 256
	// maxElided bounds elision headers: the number, one's size, and their sum.
	maxElided, maxElidedSize, maxElidedSum = 128, 256, 1024
	// elidedFrame is the size of the largest frame that an elision header is for.
	elidedFrame = 4096
	// maxShift bounds msb_pts_shift, exclusively.
	maxShift = 16
	// maxBase bounds both parts of a time base, exclusively.
	maxBase = 1 << 31
	// guarded is the size of the largest packet whose own header has no checksum.
	guarded = 4096
)
