package mpegts_test

import (
	"testing"
	"time"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/mpegts"
)

// heavy is two seconds of about 4.5 Mb/s in parts of 200 ms.
func heavy() mpegts.Segment {
	video, sound := run(media.Video, nil, nil), run(media.Audio, nil, nil)
	video.Fragments, sound.Fragments = nil, nil
	for part := range 10 {
		f := cmaf.Fragment{Sequence: 1, TrackID: 1}
		for i := range 6 {
			n := 17_000
			if part == 0 && i == 0 {
				n = 100_000
			}
			data := make([]byte, n)
			data[2], data[3], data[4] = byte((n-4)>>8), byte(n-4), 0x65
			data[1] = byte((n - 4) >> 16)
			f.Samples = append(f.Samples, media.Sample{DTS: media.Ticks(900_000 + 3000*(6*part+i)), Duration: 3000, Sync: part+i == 0, Data: data})
		}
		video.Fragments = append(video.Fragments, f.AppendTo(nil))
		f.Samples = nil
		for i := range 8 {
			f.Samples = append(f.Samples, media.Sample{DTS: media.Ticks(900_000 + 2160*(8*part+i)), Duration: 2160, Sync: true, Data: make([]byte, 384)})
		}
		sound.Fragments = append(sound.Fragments, f.AppendTo(nil))
	}
	return mpegts.Segment{Epoch: 1, Delay: 66 * time.Millisecond, Video: video, Sound: sound, Events: video.Fragments}
}

func BenchmarkSegment(b *testing.B) {
	s := heavy()
	whole, err := s.AppendTo(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(whole)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.AppendTo(nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCopy copies as much as a segment has, into memory of its own too.
func BenchmarkCopy(b *testing.B) {
	s := heavy()
	whole, err := s.AppendTo(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(whole)))
	b.ReportAllocs()
	for b.Loop() {
		sink = append([]byte(nil), whole...)
	}
}

var sink []byte
