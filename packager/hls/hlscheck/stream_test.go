package hlscheck

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/media/scte35"
)

const origin = "https://example.org/live/one/"

// start is when segment 1 began; seam is the first segment of epoch 2, which
// began a second late.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const seam = 8

func begins(msn int) time.Time {
	t := start.Add(time.Duration(msn-1) * 2 * time.Second)
	if msn >= seam {
		t = t.Add(time.Second)
	}
	return t
}

// page is a media playlist without a fault: segments of ten parts, 2 s each.
type page struct {
	rendition   string
	first, last int // whole segments that it is of
	open        int // parts of the one after them
	skip        int
	ended       bool
}

func (p page) sibling() string {
	return map[string]string{"source": "audio", "audio": "source"}[p.rendition]
}

func (p page) at() time.Time {
	return begins(p.last + 1).Add(time.Duration(p.open) * 200 * time.Millisecond)
}

func (p page) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n"+
		"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0,HOLD-BACK=6.0,PART-HOLD-BACK=0.6\n"+
		"#EXT-X-PART-INF:PART-TARGET=0.2\n#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-DISCONTINUITY-SEQUENCE:%d\n",
		p.first, epoch(p.first))
	b.WriteString(p.ranges())
	if p.skip > 0 {
		fmt.Fprintf(&b, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%d\n", p.skip)
	}
	for msn := p.first + p.skip; msn <= p.last+1; msn++ {
		if msn > p.last && p.open == 0 {
			break
		}
		if msn == seam && msn > p.first {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		if msn == p.first || msn == seam {
			fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"%d/init.mp4\"\n", epoch(msn))
		}
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", begins(msn).Format("2006-01-02T15:04:05.000Z"))
		parts := 10
		switch {
		case msn > p.last:
			parts = p.open
		case msn <= p.last-3:
			parts = 0
		}
		for i := range parts {
			independent := ""
			if i == 0 {
				independent = ",INDEPENDENT=YES"
			}
			fmt.Fprintf(&b, "#EXT-X-PART:DURATION=0.20000,URI=\"%d/%d.%d.m4s\"%s\n", epoch(msn), msn, i, independent)
		}
		if msn <= p.last {
			fmt.Fprintf(&b, "#EXTINF:2.00000,\n%d/%d.m4s\n", epoch(msn), msn)
		}
	}
	if p.ended {
		b.WriteString("#EXT-X-ENDLIST\n")
		return b.String()
	}
	fmt.Fprintf(&b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%d/%d.%d.m4s\"\n", epoch(p.last+1), p.last+1, p.open)
	msn, part := p.last+1, p.open-1
	if p.open == 0 {
		msn, part = p.last, 9
	}
	fmt.Fprintf(&b, "#EXT-X-RENDITION-REPORT:URI=\"../%s/index.m3u8\",LAST-MSN=%d,LAST-PART=%d\n", p.sibling(), msn, part)
	return b.String()
}

// ranges are a break, which is over after segment 14, and a chapter.
func (p page) ranges() string {
	section := func(s *scte35.Section) string {
		data, err := s.AppendTo(nil)
		if err != nil {
			panic(err)
		}
		return fmt.Sprintf("0x%X", data)
	}
	text := fmt.Sprintf("#EXT-X-DATERANGE:ID=\"break\",START-DATE=\"%s\",PLANNED-DURATION=5.000,SCTE35-OUT=%s\n",
		begins(10).Format("2006-01-02T15:04:05.000Z"), section(scte35.Out(7, nil, 5*time.Second, false)))
	if p.last >= 14 {
		text += fmt.Sprintf("#EXT-X-DATERANGE:ID=\"break\",START-DATE=\"%s\",DURATION=4.000,SCTE35-IN=%s\n",
			begins(10).Format("2006-01-02T15:04:05.000Z"), section(scte35.In(7, nil)))
	}
	if p.first <= 3 {
		text += fmt.Sprintf("#EXT-X-DATERANGE:ID=\"chapter\",START-DATE=\"%s\",DURATION=1.0\n", begins(3).Format("2006-01-02T15:04:05.000Z"))
	}
	return text
}

func epoch(msn int) int {
	if msn >= seam {
		return 2
	}
	return 1
}

const masterText = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",LANGUAGE="und",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/index.m3u8"
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="CC1",LANGUAGE="en",INSTREAM-ID="CC1"
#EXT-X-STREAM-INF:BANDWIDTH=4128000,AVERAGE-BANDWIDTH=4100000,CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=29.970,AUDIO="audio",CLOSED-CAPTIONS="cc"
source/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=400000,AVERAGE-BANDWIDTH=400000,CODECS="avc1.640028",RESOLUTION=1920x1080,URI="source/iframes.m3u8"
`

// step is one answer to a viewer.
type step struct {
	path        string
	body        string
	at          time.Time
	contentType string
}

func (p page) step() step {
	path := p.rendition + "/index.m3u8?_HLS_msn=1"
	if p.skip > 0 {
		path += "&_HLS_skip=YES"
	}
	return step{path, p.String(), p.at(), "application/vnd.apple.mpegurl"}
}

// The steps of an observation without a fault, by index.
const (
	firstMaster = iota
	video1
	audio1
	video2
	audio2
	videoDelta
	video3
	audio3
	iframes1
	iframes2
	lastMaster
)

func observation() []step {
	master := func(p page) step {
		return step{"index.m3u8", masterText, p.at().Add(time.Millisecond), "application/vnd.apple.mpegurl; charset=utf-8"}
	}
	video := func(first, last, open, skip int) page {
		return page{rendition: "source", first: first, last: last, open: open, skip: skip}
	}
	audio := func(first, last, open int) page {
		return page{rendition: "audio", first: first, last: last, open: open}
	}
	return []step{
		firstMaster: master(video(3, 14, 3, 0)),
		video1:      video(3, 14, 4, 0).step(),
		audio1:      audio(3, 14, 4).step(),
		video2:      video(3, 14, 8, 0).step(),
		audio2:      audio(3, 14, 8).step(),
		videoDelta:  video(4, 15, 2, 5).step(),
		video3:      video(4, 15, 2, 0).step(),
		audio3:      audio(4, 15, 2).step(),
		iframes1:    video(3, 14, 0, 0).iframes(),
		iframes2:    video(4, 15, 0, 0).iframes(),
		lastMaster:  master(audio(4, 15, 2)),
	}
}

// iframes is the page's playlist of I-frames.
func (p page) iframes() step {
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:5\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-TARGETDURATION:2\n"+
		"#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", p.first, epoch(p.first))
	for msn := p.first; msn <= p.last; msn++ {
		if msn == seam && msn > p.first {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		if msn == p.first || msn == seam {
			fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"%d/init.mp4\"\n", epoch(msn))
		}
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXT-X-BYTERANGE:%d@0\n#EXTINF:2.00000,\n%d/%d.m4s\n",
			begins(msn).Format("2006-01-02T15:04:05.000Z"), keySize, epoch(msn), msn)
	}
	return step{p.rendition + "/iframes.m3u8", b.String(), p.at(), "application/vnd.apple.mpegurl"}
}

// keySize is where the first picture of each segment ends.
const keySize = 100_000

// observe feeds steps to an observer, after what is known of the media.
func observe(steps []step) *Observer {
	o := NewObserver(Options{})
	for msn := 1; msn < 40; msn++ {
		o.Media(fmt.Sprintf("%ssource/%d/%d.m4s", origin, epoch(msn), msn), 1_000_000)
		o.Key(fmt.Sprintf("%ssource/%d/%d.m4s", origin, epoch(msn), msn), keySize)
		o.Media(fmt.Sprintf("%saudio/%d/%d.m4s", origin, epoch(msn), msn), 32_000)
		for _, rendition := range []string{"source", "audio"} {
			o.Start(fmt.Sprintf("%s%s/%d/%d.m4s", origin, rendition, epoch(msn), msn), time.Duration(msn)*2*time.Second)
		}
		for i := range 10 {
			o.Sync(fmt.Sprintf("%ssource/%d/%d.%d.m4s", origin, epoch(msn), msn, i), i == 0)
		}
	}
	for _, s := range steps {
		o.Playlist(Fetch{URL: origin + s.path, Body: []byte(s.body), At: s.at, ContentType: s.contentType})
	}
	return o
}

func TestObservationWithoutFault(t *testing.T) {
	for _, v := range observe(observation()).Violations() {
		t.Errorf("%v", v)
	}
}
