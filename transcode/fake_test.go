package transcode

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/ffmpeg"
	"sluice/transcode/nut"
	"sluice/transcode/rung"
)

// fakeMachine starts processes that only look as if they encoded.
type fakeMachine struct {
	mu        sync.Mutex
	processes []*fakeProcess
	jobs      []ffmpeg.Job
	// prepare, if any, sets a process up; an error is that of its start.
	prepare func(n int, p *fakeProcess) error
	costs   capacity
}

func (m *fakeMachine) Codecs(rung.Encoder) []rung.Codec { return []rung.Codec{rung.H264} }

func (m *fakeMachine) For(c rung.Codec, _ rung.Encoder) (string, bool) { return "fake", c == rung.H264 }

func (m *fakeMachine) Capacity() capacity { return m.costs }

func (m *fakeMachine) Start(ctx context.Context, j ffmpeg.Job) (process, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := newFakeProcess(j)
	m.jobs = append(m.jobs, j)
	m.processes = append(m.processes, p)
	if m.prepare != nil {
		if err := m.prepare(len(m.processes)-1, p); err != nil {
			return nil, err
		}
	}
	p.run(ctx)
	return p, nil
}

func (m *fakeMachine) started() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.processes)
}

func (m *fakeMachine) process(n int) *fakeProcess {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.processes[n]
}

func (m *fakeMachine) job(n int) ffmpeg.VideoJob {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *m.jobs[n].Video
}

// flatCosts are the same for every rung.
type flatCosts struct{ rung float64 }

func (c flatCosts) Decode(int, int, float64) float64        { return 0.1 }
func (c flatCosts) Encode(o rung.Output, _ float64) float64 { return c.rung * float64(o.Height) / 360 }
func (c flatCosts) Process() float64                        { return 0 }
func (c flatCosts) Overhead() float64                       { return 0 }

// fakeProcess decodes in one goroutine, in real time's order, and gives each
// output what it asked for.
type fakeProcess struct {
	job ffmpeg.Job

	// Set before it runs.
	work   time.Duration // for each frame
	slow   [2]int        // the frames from and before which it's slowly instead
	slowly time.Duration
	delay  int // frames that are held back for reordering
	dieAt  int // after so many frames; 0: never
	hang   int // likewise

	in      chan fedFrame
	closing sync.Once
	outputs []*fakeOutput
	ctx     context.Context
	kill    context.CancelCauseFunc
	gone    chan struct{}
	err     error // of Wait; set before gone is closed
	asked   bool
	mu      sync.Mutex
}

// fedFrame is what a fragment says.
type fedFrame struct {
	dts, pts media.Ticks
	sync     bool
	data     []byte
}

func newFakeProcess(j ffmpeg.Job) *fakeProcess {
	p := &fakeProcess{job: j, delay: 2, in: make(chan fedFrame, 4096), gone: make(chan struct{})}
	for range max(1, videoOutputs(j)) {
		p.outputs = append(p.outputs, &fakeOutput{packets: make(chan nut.Packet, 4096)})
	}
	return p
}

func videoOutputs(j ffmpeg.Job) int {
	if j.Video == nil {
		return 0
	}
	return len(j.Video.Outputs)
}

func (p *fakeProcess) run(ctx context.Context) {
	p.ctx, p.kill = context.WithCancelCause(ctx)
	go func() {
		defer close(p.gone)
		p.err = p.decode()
		for _, o := range p.outputs {
			close(o.packets)
		}
	}()
}

func (p *fakeProcess) decode() error {
	var held []fedFrame
	slices.SortFunc(held, func(a, b fedFrame) int { return int(a.pts - b.pts) })
	for n := 1; ; n++ {
		var f fedFrame
		var more bool
		select {
		case f, more = <-p.in:
		case <-p.ctx.Done():
			return p.cause()
		}
		if !more {
			for _, f := range held {
				p.show(f)
			}
			return nil
		}
		work := p.work
		if p.slow[0] <= n && n < p.slow[1] {
			work = p.slowly
		}
		if work > 0 {
			select {
			case <-time.After(work):
			case <-p.ctx.Done():
				return p.cause()
			}
		}
		if p.hang > 0 && n >= p.hang {
			<-p.ctx.Done()
			return p.cause()
		}
		held = append(held, f)
		slices.SortStableFunc(held, func(a, b fedFrame) int { return int(a.pts - b.pts) })
		for len(held) > p.delay {
			p.show(held[0])
			held = held[1:]
		}
		if p.dieAt > 0 && n >= p.dieAt {
			return &ffmpeg.ExitError{Err: errFake, Stderr: "the last line"}
		}
	}
}

// cause is what Wait says of a process that was made to end.
func (p *fakeProcess) cause() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked {
		return nil
	}
	return &ffmpeg.ExitError{Err: context.Cause(p.ctx)}
}

// show gives a decoded frame to the outputs.
func (p *fakeProcess) show(f fedFrame) {
	for i, o := range p.outputs {
		out := p.job.Video.Outputs[i]
		key := f.sync
		if g := p.job.Video.Grid; g > 0 {
			key = !o.begun || f.pts/g > o.last/g
		}
		if f.sync {
			o.parity = 0
		}
		take := o.parity%max(out.Every, 1) == 0
		o.parity++
		if !take || f.pts < out.From {
			continue
		}
		key = key || !o.begun
		o.begun, o.last = true, f.pts
		o.packets <- nut.Packet{PTS: int64(f.pts), Key: key, Data: fakePicture(key, f, out.Name)}
	}
}

// fakePicture is Annex B with a slice that tells what it's made from.
func fakePicture(key bool, f fedFrame, name string) []byte {
	var b []byte
	unit := byte(0x41)
	if key {
		unit = 0x65
		for _, set := range [...]string{fakeSPS, fakePPS} {
			raw, _ := hex.DecodeString(set)
			b = append(append(b, 0, 0, 0, 1), raw...)
		}
	}
	b = append(b, 0, 0, 0, 1, unit)
	return append(b, []byte(name+" of "+strconv.FormatInt(int64(f.pts), 16)+"\x80")...)
}

const (
	fakeSPS = "6742c00dda05067e7c0440000003004000000f03c50aa8"
	fakePPS = "68ce0fc8"
)

func (p *fakeProcess) Write(b []byte) (int, error) {
	f, ok, err := parseFed(b)
	if err != nil {
		return 0, err
	}
	if !ok {
		return len(b), nil
	}
	select {
	case p.in <- f:
		return len(b), nil
	case <-p.gone:
		return 0, io.ErrClosedPipe
	}
}

func (p *fakeProcess) CloseInput() error {
	p.closing.Do(func() { close(p.in) })
	return nil
}

func (p *fakeProcess) Packets(i int) packets { return p.outputs[i] }

func (p *fakeProcess) Progress() ffmpeg.Progress { return ffmpeg.Progress{} }

func (p *fakeProcess) Done() <-chan struct{} { return p.gone }

func (p *fakeProcess) Stop(time.Duration) {
	p.mu.Lock()
	p.asked = true
	p.mu.Unlock()
	p.kill(errFake)
	<-p.gone
}

func (p *fakeProcess) Wait() error {
	<-p.gone
	return p.err
}

func (p *fakeProcess) Close() error {
	p.Stop(0)
	return nil
}

// fakeOutput is one output.
type fakeOutput struct {
	packets chan nut.Packet
	parity  int
	begun   bool
	last    media.Ticks
}

func (o *fakeOutput) Header() (nut.Header, error) {
	return nut.Header{Kind: media.Video, Codec: nut.H264, TimeBase: nut.TimeBase{Num: 1, Den: 90_000}}, nil
}

func (o *fakeOutput) Next() (nut.Packet, error) {
	p, ok := <-o.packets
	if !ok {
		return nut.Packet{}, io.EOF
	}
	return p, nil
}

// parseFed reads the fragment at the end of what is written at once; false where
// it's none.
func parseFed(b []byte) (f fedFrame, ok bool, err error) {
	var dts, offset int64
	for len(b) >= 8 {
		size := int(binary.BigEndian.Uint32(b))
		if size < 8 || size > len(b) {
			return f, false, fmt.Errorf("box of %d bytes in %d", size, len(b))
		}
		body := b[8:size]
		switch string(b[4:8]) {
		case "moof":
			for box, content := range boxes(body[16:][8:]) {
				switch box {
				case "tfhd":
				case "tfdt":
					dts = int64(binary.BigEndian.Uint64(content[4:]))
				case "trun":
					flags := binary.BigEndian.Uint32(content) & 0xFFFFFF
					if flags&0x800 != 0 {
						offset = int64(int32(binary.BigEndian.Uint32(content[len(content)-4:])))
					}
				}
			}
			ok = true
			f.sync = moofSync(body)
		case "mdat":
			f.data = append([]byte(nil), body...)
		}
		b = b[size:]
	}
	f.dts, f.pts = media.Ticks(dts), media.Ticks(dts+offset)
	return f, ok, nil
}

// moofSync reads the default flags of tfhd, its last field.
func moofSync(moof []byte) bool {
	for box, content := range boxes(moof[16:][8:]) {
		if box == "tfhd" {
			return binary.BigEndian.Uint32(content[len(content)-4:])&0x10000 == 0
		}
	}
	return false
}

func boxes(b []byte) func(func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for len(b) >= 8 {
			size := int(binary.BigEndian.Uint32(b))
			if !yield(string(b[4:8]), b[8:size]) {
				return
			}
			b = b[size:]
		}
	}
}

// fakeTranscoder is one whose machine is known.
func fakeTranscoder(t testing.TB, m machine) *Transcoder {
	t.Helper()
	tr := New(Options{Log: testLog(t)})
	if _, ok := m.(*realMachine); ok {
		// A busy machine isn't what is tested.
		tr.patience, tr.turn, tr.end, tr.drain = time.Hour, time.Minute, time.Minute, time.Minute
	}
	tr.use(m, ready)
	t.Cleanup(tr.shutdown)
	return tr
}

func mustSpec(t testing.TB, list string) rung.Spec {
	t.Helper()
	s, err := rung.Parse(list)
	require.NoError(t, err)
	return s
}
