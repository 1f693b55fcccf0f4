package cmaf

import "sluice/media"

// Fragment is one run of samples of one track: a part.
type Fragment struct {
	Sequence uint32 // of mfhd; rises along the track
	TrackID  media.TrackID
	// Samples are in decode order; the first one's DTS is the fragment's
	// tfdt. Durations are used as they stand, and should add up to the
	// differences of the decode times.
	Samples []media.Sample
}

// Sample flags (ISO/IEC 14496-12 §8.8.3.1): sample_depends_on in bits 24 and
// 25, sample_is_non_sync_sample in bit 16.
const (
	flagsSync    = 0x02000000 // depends on no other
	flagsNonSync = 0x01010000 // depends on others
)

// tfhd and trun flags (ISO/IEC 14496-12 §8.8.7, §8.8.8).
const (
	tfhdDefaultDuration   = 0x000008
	tfhdDefaultFlags      = 0x000020
	tfhdDefaultBaseIsMoof = 0x020000

	trunDataOffset       = 0x000001
	trunFirstSampleFlags = 0x000004
	trunDuration         = 0x000100
	trunSize             = 0x000200
	trunFlags            = 0x000400
	trunCTSOffset        = 0x000800
)

// Sizes of the boxes that are the same in every fragment.
const (
	mfhdSize = fullHeader + 4
	tfdtSize = fullHeader + 8 // version 1
)

// layout is what a fragment's boxes say once and what for every sample.
type layout struct {
	tfhd, trun   uint32 // flags
	defaultFlags uint32
	perSample    int // bytes of trun for each sample
	payload      int // bytes of mdat
}

func (f *Fragment) layout() layout {
	l := layout{
		tfhd: tfhdDefaultBaseIsMoof | tfhdDefaultDuration | tfhdDefaultFlags,
		trun: trunDataOffset | trunSize,
	}
	first, second := &f.Samples[0], &f.Samples[min(1, len(f.Samples)-1)]
	l.defaultFlags = flagsOf(second)
	if first.Sync != second.Sync {
		l.trun |= trunFirstSampleFlags
	}
	for i := range f.Samples {
		s := &f.Samples[i]
		l.payload += len(s.Data)
		if s.Duration != first.Duration {
			l.tfhd &^= tfhdDefaultDuration
			l.trun |= trunDuration
		}
		if s.CTSOffset != 0 {
			l.trun |= trunCTSOffset
		}
		if i > 0 && s.Sync != second.Sync {
			l.tfhd &^= tfhdDefaultFlags
			l.trun = l.trun&^trunFirstSampleFlags | trunFlags
		}
	}
	for _, field := range [...]uint32{trunDuration, trunSize, trunFlags, trunCTSOffset} {
		if l.trun&field != 0 {
			l.perSample += 4
		}
	}
	return l
}

func flagsOf(s *media.Sample) uint32 {
	if s.Sync {
		return flagsSync
	}
	return flagsNonSync
}

func (l *layout) tfhdSize() int {
	size := fullHeader + 4
	if l.tfhd&tfhdDefaultDuration != 0 {
		size += 4
	}
	if l.tfhd&tfhdDefaultFlags != 0 {
		size += 4
	}
	return size
}

func (l *layout) trunSize(samples int) int {
	size := fullHeader + 8 + samples*l.perSample
	if l.trun&trunFirstSampleFlags != 0 {
		size += 4
	}
	return size
}

func (l *layout) trafSize(samples int) int {
	return boxHeader + l.tfhdSize() + tfdtSize + l.trunSize(samples)
}

func (l *layout) moofSize(samples int) int {
	return boxHeader + mfhdSize + l.trafSize(samples)
}

// Duration is the sum of the samples' durations.
func (f *Fragment) Duration() media.Ticks {
	var d media.Ticks
	for i := range f.Samples {
		d += f.Samples[i].Duration
	}
	return d
}

// Size is the number of bytes that AppendTo appends. A fragment without
// samples has none.
func (f *Fragment) Size() int {
	if len(f.Samples) == 0 {
		return 0
	}
	l := f.layout()
	return l.moofSize(len(f.Samples)) + boxHeader + l.payload
}

// SizeToFirst is the number of those bytes up to the end of the first sample: what has to
// be read to decode that one alone.
func (f *Fragment) SizeToFirst() int {
	if len(f.Samples) == 0 {
		return 0
	}
	l := f.layout()
	return l.moofSize(len(f.Samples)) + boxHeader + len(f.Samples[0].Data)
}

// AppendTo appends the fragment, moof and mdat, to dst. With room for Size
// bytes in dst it allocates nothing.
func (f *Fragment) AppendTo(dst []byte) []byte {
	n := len(f.Samples)
	if n == 0 {
		return dst
	}
	l := f.layout()
	moof := l.moofSize(n)
	dst = header(dst, moof, "moof")
	dst = fullBox(dst, mfhdSize, "mfhd", 0, 0)
	dst = u32(dst, f.Sequence)
	dst = header(dst, l.trafSize(n), "traf")
	dst = fullBox(dst, l.tfhdSize(), "tfhd", 0, l.tfhd)
	dst = u32(dst, uint32(f.TrackID))
	if l.tfhd&tfhdDefaultDuration != 0 {
		dst = u32(dst, uint32(f.Samples[0].Duration))
	}
	if l.tfhd&tfhdDefaultFlags != 0 {
		dst = u32(dst, l.defaultFlags)
	}
	dst = fullBox(dst, tfdtSize, "tfdt", 1, 0)
	dst = u64(dst, uint64(f.Samples[0].DTS))
	dst = f.appendRun(dst, &l, moof+boxHeader)
	dst = header(dst, boxHeader+l.payload, "mdat")
	for i := range f.Samples {
		dst = append(dst, f.Samples[i].Data...)
	}
	return dst
}

func (f *Fragment) appendRun(dst []byte, l *layout, dataOffset int) []byte {
	dst = fullBox(dst, l.trunSize(len(f.Samples)), "trun", 1, l.trun)
	dst = u32(dst, uint32(len(f.Samples)))
	dst = u32(dst, uint32(dataOffset))
	if l.trun&trunFirstSampleFlags != 0 {
		dst = u32(dst, flagsOf(&f.Samples[0]))
	}
	for i := range f.Samples {
		s := &f.Samples[i]
		if l.trun&trunDuration != 0 {
			dst = u32(dst, uint32(s.Duration))
		}
		dst = u32(dst, uint32(len(s.Data)))
		if l.trun&trunFlags != 0 {
			dst = u32(dst, flagsOf(s))
		}
		if l.trun&trunCTSOffset != 0 {
			dst = u32(dst, uint32(int32(s.CTSOffset)))
		}
	}
	return dst
}
