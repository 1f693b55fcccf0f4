package transcode

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sluice/media"
	"sluice/transcode/ffmpeg"
	"sluice/transcode/nut"
)

// soundName is the rendition that sound in another codec is made to.
const soundName = "audio"

// aacFrame is how many samples a frame of ours holds.
const aacFrame media.Ticks = 1024

// sound makes AAC of a run's sound, for players that know nothing else. It is a
// rung that follows, gapless: its frames stand on the run's clock, 1024
// samples each from the first one of the source's on. Like an engine it has one
// process after the other, owned by the goroutine in serve; its states are the
// engine's, but for a rung to drop.
//
// Times are ticks of the track's sample rate.
type sound struct {
	worker
	base    media.Base
	track   media.Track // the source's
	log     *slog.Logger
	counts  soundMetrics
	backoff backoff
	most    int // frames that a process gets
	more    chan struct{}
	// lead, where there's no picture, writes frames as those of the leading
	// track, with their times on the run's clock, and is false where they are left
	// out; else nil.
	lead func(ctx context.Context, t media.Track, s media.Sample, arrived time.Time) (bool, error)

	// Of the goroutine that reads, and between processes of the supervisor.
	rung   media.Rung
	joined bool
	epoch  uint64

	mu     sync.Mutex
	frames []soundFrame // that may have to be fed again
	bytes  int          // of them
	first  int          // the number of frames[0]
	shift  media.Ticks  // from the run's clock to the feed's; of the first sample
	next   media.Ticks  // what comes out next, on the feed's clock
	last   media.Ticks  // decode time of the newest sample, on the run's clock
	fed    media.Ticks  // the newest one's end, on the feed's
	owing  time.Time    // since when nothing comes although it should; zero: it does
	closed time.Time
	worn   media.Ticks // the present process gets nothing from there on; 0: it does
	marks  []mark
	marked chan struct{} // closed with the first mark
}

// soundFrame is a frame of the source's sound as it's fed.
type soundFrame struct {
	at, duration media.Ticks
	data         []byte
	arrived      time.Time
}

func newSound(l *Ladder, track media.Track) *sound {
	return &sound{
		worker: newWorker(), base: l.base, track: track, log: l.log.With("rung", soundName),
		counts: l.transcoder.metrics.ofSound(l.stream), most: l.transcoder.worn,
		more: make(chan struct{}, 1), marked: make(chan struct{}),
	}
}

// rate is the sample rate, which all times are in.
func (s *sound) rate() media.Timescale { return s.track.Timescale }

// push takes the next frame. It never waits.
func (s *sound) push(f media.Sample, arrived time.Time) {
	s.mu.Lock()
	if s.first == 0 && len(s.frames) == 0 {
		s.next = media.TicksOf(feedOrigin, s.rate())
		s.shift = s.next - f.DTS
	}
	at := max(f.DTS+s.shift, s.fed-f.Duration/2)
	s.frames, s.bytes = append(s.frames, soundFrame{at, max(f.Duration, 1), f.Data, arrived}), s.bytes+len(f.Data)
	s.last, s.fed = f.DTS, at+max(f.Duration, 1)
	lost := s.trim()
	if s.owing.IsZero() && s.owes() {
		s.owing = time.Now()
	}
	s.mu.Unlock()
	s.counts.lost.Add(float64(lost))
	s.signal()
}

// jumps reports that a sample isn't of the clock of those before.
func (s *sound) jumps(f media.Sample) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	step := (f.DTS - s.last).Duration(s.rate())
	return s.fed > 0 && (step > maxFeedStep || -step > maxFeedBack)
}

// trim drops what will not be fed again, and what is too much. The mutex is held.
func (s *sound) trim() (lost int) {
	n := 0
	for n < len(s.frames) && s.frames[n].at+s.frames[n].duration+2*ffmpeg.Lead < s.next {
		s.bytes -= len(s.frames[n].data)
		n++
	}
	for n < len(s.frames)-1 && (s.fed-s.frames[n].at > media.TicksOf(backlogTime, s.rate()) || s.bytes > soundBytes) {
		s.bytes -= len(s.frames[n].data)
		n, lost = n+1, lost+1
	}
	if lost > 0 { // what comes out next is what is still there
		missing := s.frames[n].at - s.next
		s.next += max((missing+aacFrame-1)/aacFrame*aacFrame, 0)
	}
	rest := copy(s.frames, s.frames[n:])
	clear(s.frames[rest:])
	s.frames, s.first = s.frames[:rest], s.first+n
	return lost
}

// owes reports whether more is owed than what a coder holds back. The mutex is held.
func (s *sound) owes() bool {
	return (s.fed - s.next).Duration(s.rate()) > soundBound
}

// away reports whether sound should come and has not for long.
func (s *sound) away(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.owing.IsZero() && now.Sub(s.owing) > leaveAfter
}

// close says that no frames follow.
func (s *sound) close() {
	s.mu.Lock()
	if s.closed.IsZero() {
		s.closed = time.Now()
	}
	s.mu.Unlock()
	s.signal()
}

func (s *sound) signal() {
	select {
	case s.more <- struct{}{}:
	default: // it's known
	}
}

// serve makes sound until all has come out, or ctx ends.
func (s *sound) serve(ctx context.Context) {
	defer close(s.gone)
	for ctx.Err() == nil {
		err := s.attempt(ctx)
		var over errClosed
		if err == nil || errors.As(err, &over) || ctx.Err() != nil {
			break
		}
		if errors.Is(err, errWorn) {
			continue
		}
		pause := s.backoff.fail(time.Now())
		s.log.Warn("making sound failed", "err", err, "dur", pause)
		if errors.Is(err, errLate) || !s.pause(ctx, time.Now().Add(pause)) {
			break
		}
	}
	if s.rung == nil || !s.joined {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	if err := s.rung.End(ctx, s.epoch); err != nil {
		s.log.Debug("end of a rung", "err", err)
	}
}

// pause waits until then; it's false where there's nothing more to do. Sound that
// has been away for long leaves the manifests.
func (s *sound) pause(ctx context.Context, until time.Time) bool {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for now := time.Now(); now.Before(until); now = time.Now() {
		away := s.away(now)
		s.mu.Lock()
		late := !s.closed.IsZero() && now.Sub(s.closed) > s.drain
		s.mu.Unlock()
		if late {
			return false
		}
		if away && s.joined {
			s.joined = false
			if err := s.rung.Leave(ctx); err != nil {
				s.log.Debug("rung leaves", "err", err)
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// attempt runs one process, until all has come out or something is wrong with it.
func (s *sound) attempt(outer context.Context) error {
	job, from, err := s.job(outer)
	if err != nil || job.Audio == nil {
		return err
	}
	p, err := s.machine.Start(outer, job)
	if err != nil {
		return fmt.Errorf("start ffmpeg: %w", err)
	}
	ctx, cancel := context.WithCancelCause(outer)
	var feeding sync.WaitGroup
	feeding.Go(func() {
		if err := safely(func() error { return s.feed(ctx, p, from) }); err != nil {
			cancel(err)
		}
	})
	read := make(chan struct{})
	go func() {
		defer close(read)
		if err := safely(func() error { return s.read(ctx, p.Packets(0), job.Audio.From) }); err != nil {
			cancel(err)
		}
	}()
	err = s.watch(ctx, p, read)
	cancel(err)
	p.Close() // lets go of who waits for the process
	<-read
	feeding.Wait()
	return err
}

// job waits for the first frame, and returns what a process is to do with it and
// those after, and the number of the one that it starts with. There's nothing to
// do where no frame comes.
func (s *sound) job(ctx context.Context) (ffmpeg.Job, int, error) {
	if f, _ := s.await(ctx, 0); f == nil {
		return ffmpeg.Job{}, 0, ctx.Err()
	}
	_, channels := s.track.Codec.(media.Sound).Output()
	channels = max(channels, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.worn = 0
	n := 0
	for n+1 < len(s.frames) && s.frames[n+1].at <= s.next-ffmpeg.Lead {
		n++
	}
	return ffmpeg.Job{Audio: &ffmpeg.AudioJob{
		SampleRate: int(s.rate()), Channels: channels, Bitrate: channels * soundBitrate, From: s.next,
	}}, s.first + n, nil
}

// watch waits for a process's end, and brings it about where it must.
func (s *sound) watch(ctx context.Context, p process, read <-chan struct{}) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	began := time.Now()
	for {
		select {
		case <-read:
			err := bury(p)
			s.mu.Lock()
			over, worn := !s.closed.IsZero(), s.worn > 0
			s.mu.Unlock()
			switch {
			case ctx.Err() != nil:
				return firstOf(context.Cause(ctx), err)
			case err == nil && worn:
				return errWorn
			case err == nil && !over:
				return errEarly
			}
			return err
		case <-ctx.Done():
			p.Stop(0)
			return firstOf(context.Cause(ctx), p.Wait())
		case <-look.C:
		}
		if err := s.judge(time.Now(), began); err != nil {
			p.Stop(0)
			return err
		}
	}
}

// judge returns why a process has to end; nil where it needn't.
func (s *sound) judge(now, began time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed.IsZero() && now.Sub(s.closed) > s.drain {
		return errLate
	}
	since := began
	if s.owing.After(since) {
		since = s.owing
	}
	if (s.lead != nil || len(s.marks) > 0) && !s.owing.IsZero() && now.Sub(since) > hangAfter {
		return errHang
	}
	return nil
}

// feed writes the frames from number n on, until there are no more.
func (s *sound) feed(ctx context.Context, p process, n int) error {
	defer p.CloseInput()
	var out fragments
	if err := out.begin(s.track); err != nil {
		return err
	}
	for fed := 0; ; n++ {
		f, at := s.await(ctx, n)
		switch {
		case f == nil:
			return nil
		case fed == s.most:
			s.wear(f.at)
			return nil
		}
		n = at
		fed++
		sample := media.Sample{DTS: f.at, Duration: f.duration, Sync: true, Data: f.data}
		if _, err := p.Write(out.next(n, sample)); err != nil {
			return nil //nolint:nilerr // the process has ended, and says why itself
		}
	}
}

// wear notes that the process gets nothing from a time on, though there is more.
func (s *sound) wear(at media.Ticks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.worn = at
}

// await returns frame n, or the first after it that is left, and its number; nil
// where there are no more.
func (s *sound) await(ctx context.Context, n int) (*soundFrame, int) {
	for {
		s.mu.Lock()
		n = max(n, s.first)
		if n < s.first+len(s.frames) {
			f := s.frames[n-s.first]
			s.mu.Unlock()
			return &f, n
		}
		over := !s.closed.IsZero()
		s.mu.Unlock()
		if over {
			return nil, n
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			return nil, n
		}
	}
}

// read takes what comes out of a process. Beside a picture it waits until that has
// come: nobody knows where the sound belongs.
func (s *sound) read(ctx context.Context, in packets, from media.Ticks) error {
	h, err := in.Header()
	if err != nil {
		return endOf(soundName, err)
	}
	codec, err := media.NewAAC(h.Extradata)
	if err != nil {
		return err
	}
	for _, ready := range [...]<-chan struct{}{s.after, s.marked} {
		if s.lead != nil && ready != s.after {
			continue
		}
		select {
		case <-ready:
		case <-ctx.Done():
		}
	}
	for {
		p, err := in.Next()
		if err != nil {
			return endOf(soundName, err)
		}
		if ctx.Err() != nil || p.PTS < int64(from) { // the first is priming
			continue
		}
		if h.TimeBase != (nut.TimeBase{Num: 1, Den: int64(s.rate())}) {
			return fmt.Errorf("sound in ticks of %d/%d s", h.TimeBase.Num, h.TimeBase.Den)
		}
		if err := s.take(ctx, codec, media.Ticks(p.PTS), p.Data); err != nil {
			return errClosed{fmt.Errorf("rung %s: %w", soundName, err)}
		}
	}
}

// take hands on a frame that came out. What a worn process makes of its input's
// end is left to the next one, which knows how the sound goes on.
func (s *sound) take(ctx context.Context, codec *media.AAC, at media.Ticks, data []byte) error {
	s.mu.Lock()
	if s.worn > 0 && at+ffmpeg.Lead > s.worn {
		s.mu.Unlock()
		return nil
	}
	sample := media.Sample{DTS: at - s.shift, Duration: aacFrame, Sync: true, Data: data}
	arrived := s.arrived(at)
	s.mu.Unlock()
	written, err := s.write(whole(ctx), codec, sample, arrived)
	if err != nil {
		return err
	}
	if written {
		s.counts.out.Inc()
		s.counts.lag.Observe(max(time.Since(arrived), 0).Seconds())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next, s.owing = at+aacFrame, time.Time{}
	if s.owes() {
		s.owing = time.Now()
	}
	return nil
}

// write gives a sample to the packager; false where it has no place.
func (s *sound) write(ctx context.Context, codec *media.AAC, sample media.Sample, arrived time.Time) (bool, error) {
	track := media.Track{
		ID: s.track.ID, Kind: media.Audio, Timescale: s.rate(), Codec: codec, Name: soundName,
		Language: s.track.Language, Label: s.track.Label,
	}
	if s.lead != nil {
		track.Name = "" // as if it had been published
		return s.lead(ctx, track, sample, arrived)
	}
	place, ok := s.placeOf(sample.DTS)
	if !ok {
		return false, nil
	}
	if s.rung == nil {
		s.rung = s.base.Open(track)
	}
	sample.DTS += place.Shift.Rescale(media.VideoClock, s.rate())
	if err := s.rung.WriteSample(ctx, place.Epoch, sample, arrived); err != nil {
		return false, err
	}
	s.joined, s.epoch = true, place.Epoch
	return true, nil
}

// arrived is when the source's sound of that time was read. The mutex is held.
func (s *sound) arrived(at media.Ticks) time.Time {
	t := time.Now()
	for i := len(s.frames) - 1; i >= 0; i-- {
		t = s.frames[i].arrived
		if s.frames[i].at < at+aacFrame {
			break
		}
	}
	return t
}
