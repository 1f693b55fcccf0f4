package web

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

//go:embed openapi.json
var openAPI []byte

// describeAPI answers /api/v1/openapi.json.
func (s *Server) describeAPI(x *exchange) error {
	h := x.w.Header()
	h["Cache-Control"] = maxAge(time.Hour)
	h["X-Content-Type-Options"] = nosniff
	return x.send(http.StatusOK, typeJSON, openAPI)
}

// stateStarting is that of a stream whose publisher is there, and of which
// nothing can be played yet.
const stateStarting = "starting"

// isoMillis is ISO 8601 with milliseconds, for times in UTC.
const isoMillis = "2006-01-02T15:04:05.000Z"

// status is what the API says of a stream.
type status struct {
	Name       string            `json:"name"`
	State      string            `json:"state"`
	Since      *string           `json:"since"` // null where nothing has happened yet
	Renditions []renditionStatus `json:"renditions"`
	// LatencyMS is how long ago, by the server's clock, the newest media that
	// can be fetched was live; null where the stream isn't.
	LatencyMS *int64 `json:"latency_ms"`
	// Advice is what the broadcaster should change.
	Advice []string `json:"advice"`
	// Publisher is null where nobody publishes, Backup where no spare does beside it.
	Publisher *Publisher `json:"publisher"`
	Backup    *Publisher `json:"backup"`
	OnAir     *OnAir     `json:"on_air"` // null where nothing comes
	// Viewers is null where no player has told of itself in the last half minute.
	Viewers *viewersStatus `json:"viewers"`
}

type renditionStatus struct {
	ID        string  `json:"id"`
	Kind      string  `json:"kind"`
	Codecs    string  `json:"codecs"`
	Width     int     `json:"width"`
	Height    int     `json:"height"`
	FPS       float64 `json:"fps"`
	Bandwidth uint64  `json:"bandwidth"` // bits a second, the peak
	State     string  `json:"state"`
}

// plausibleFPS bounds what is believed of a stream's own declaration.
const plausibleFPS = 300

// The states of a rendition, as manifests have it.
const (
	renditionStarting = "starting" // nothing of it is whole yet
	renditionListed   = "listed"
	renditionBehind   = "behind" // players are sent elsewhere until it catches up
	renditionLeft     = "left"   // it was there, and may come back
)

func stateOfRendition(t *timeline.Timeline, r *timeline.Rendition) string {
	switch {
	case r.Left:
		return renditionLeft
	case r.Behind:
		return renditionBehind
	}
	for range r.Listed(t) {
		return renditionListed
	}
	return renditionStarting
}

// stateOf names a stream's state.
func stateOf(t *timeline.Timeline) string {
	if t.State == timeline.Live && !t.Ready() {
		return stateStarting
	}
	return t.State.String()
}

func statusOf(name string, t *timeline.Timeline, now time.Time) status {
	s := status{Name: name, State: stateOf(t), Renditions: []renditionStatus{}}
	if !t.Since.IsZero() {
		since := t.Since.UTC().Format(isoMillis)
		s.Since = &since
	}
	for _, r := range t.Renditions {
		if r.Left || r.IsListed(t) {
			s.Renditions = append(s.Renditions, renditionStatusOf(t, r))
		}
	}
	if newest, scale, ok := liveEdge(t); ok && t.State == timeline.Live {
		// A publisher that starts with a burst is ahead of the clock for a while.
		latency := max(0, now.Sub(newest.Time.Add(newest.Duration.Duration(scale))).Milliseconds())
		s.LatencyMS = &latency
	}
	return s
}

func renditionStatusOf(t *timeline.Timeline, r *timeline.Rendition) renditionStatus {
	s := renditionStatus{
		ID: string(r.ID), Kind: r.Track.Kind.String(), Bandwidth: r.PeakBandwidth,
		FPS: float64(r.FrameRate) / 1000, State: stateOfRendition(t, r),
	}
	if r.Track.Codec != nil {
		s.Codecs = r.Track.Codec.RFC6381()
	}
	if c, ok := r.Track.Codec.(media.Picture); ok {
		p := c.Format()
		s.Width, s.Height = p.Width, p.Height
		if s.FPS == 0 && p.FrameRate <= plausibleFPS { // encoders that are fed by time declare their clock's
			s.FPS = p.FrameRate
		}
	}
	return s
}

// liveEdge returns the newest part of the leading rendition of the broadcast.
func liveEdge(t *timeline.Timeline) (timeline.Part, media.Timescale, bool) {
	for _, r := range t.Renditions {
		g := r.Open
		if g == nil {
			g = r.Segments.Last()
		}
		if g != nil && g.MSN >= t.First && len(g.Parts) > 0 {
			return g.Parts[len(g.Parts)-1], g.Timescale(r), true
		}
	}
	return timeline.Part{}, 0, false
}

// describeStream answers /api/v1/streams/{stream}.
func (s *Server) describeStream(x *exchange) error {
	st, feed, err := s.feed(x)
	if err != nil {
		return err
	}
	return x.json(s.status(st, feed.Current(), s.now()))
}

// listStreams answers /api/v1/streams.
func (s *Server) listStreams(x *exchange) error {
	all, err := s.statuses(x)
	if err != nil {
		return err
	}
	return x.json(map[string][]status{"streams": all})
}

// status is the stream's, and what its broadcaster should know.
func (s *Server) status(of *stream, t *timeline.Timeline, now time.Time) status {
	name := of.name
	st := statusOf(name, t, now)
	st.Advice = append([]string{}, s.advice(name)...)
	st.Publisher, st.Backup, st.OnAir = s.publisher(name, false), s.publisher(name, true), s.onAir(name)
	st.Viewers = of.viewers.status(now)
	return st
}

func (s *Server) statuses(x *exchange) ([]status, error) {
	streams, err := s.streams.all(x.r.Context())
	if err != nil {
		return nil, err
	}
	all := make([]status, 0, len(streams))
	now := s.now()
	for _, st := range streams {
		all = append(all, s.status(st, st.feed.Load().Current(), now))
	}
	return all, nil
}

// time answers /api/v1/time, the clock of MPDs (urn:mpeg:dash:utc:http-iso:2014).
func (s *Server) time(x *exchange) error {
	h := x.w.Header()
	h["Cache-Control"] = noStore
	return x.send(http.StatusOK, typeText, []byte(s.now().UTC().Format(isoMillis)))
}

// json answers with v as it is now.
func (x *exchange) json(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	h := x.w.Header()
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = nosniff
	return x.send(http.StatusOK, typeJSON, append(body, '\n'))
}
