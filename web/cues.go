package web

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	"sluice/packager/timeline"
)

// Cue is a splice that somebody wants in a stream.
type Cue struct {
	Kind    string // one of cueKinds
	Section []byte // of kind scte35
	ID      string // made up where empty
	// Duration is how long it is meant to last, 0 where nobody knows; Returns says that it
	// ends then by itself.
	Duration time.Duration
	Returns  bool
	// At is when; where it is zero, Ahead is how far after the newest picture.
	At    time.Time
	Ahead time.Duration
}

// The kinds of cues.
const (
	CueOut         = "out"
	CueIn          = "in"
	CueOpportunity = "opportunity"
	CueCancel      = "cancel"
	CueSection     = "scte35"
)

// cueWish is a request's body.
type cueWish struct {
	Kind       string          `json:"kind"`
	SCTE35     []byte          `json:"scte35"`
	ID         string          `json:"id"`
	Duration   *float64        `json:"duration"`
	AutoReturn bool            `json:"auto_return"`
	At         json.RawMessage `json:"at"`
}

// addCue answers POST /api/v1/streams/{stream}/cues.
func (s *Server) addCue(x *exchange) error {
	st, _, err := s.feed(x)
	if err != nil {
		return err
	}
	if s.cue == nil {
		return errUnknown
	}
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxCue))
	if err != nil {
		return fmt.Errorf("%w: more than %d bytes, or cut off", errBadRequest, maxCue)
	}
	c, err := parseCue(body)
	if err != nil {
		return fmt.Errorf("%w: %w", errBadRequest, err)
	}
	ids, err := s.cue(x.r.Context(), st.name, c)
	if err != nil {
		return err
	}
	return x.json(map[string][]string{"ids": append([]string{}, ids...)})
}

// parseCue reads a body; the error's text goes out.
func parseCue(body []byte) (Cue, error) {
	var w cueWish
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return Cue{}, fmt.Errorf("no cue in JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Cue{}, fmt.Errorf("more than one cue")
	}
	c := Cue{Kind: w.Kind, Section: w.SCTE35, ID: w.ID, Returns: w.AutoReturn}
	if c.Kind == "" && len(c.Section) > 0 {
		c.Kind = CueSection
	}
	switch c.Kind {
	case CueOut, CueIn, CueOpportunity, CueCancel, CueSection:
	default:
		return c, fmt.Errorf("kind %.20q is none of out, in, opportunity, cancel and scte35", c.Kind)
	}
	switch {
	case (c.Kind == CueSection) != (len(c.Section) > 0):
		return c, fmt.Errorf("a section goes with kind scte35, and with no other")
	case c.Kind == CueCancel && c.ID == "":
		return c, fmt.Errorf("cancel needs an id")
	case c.Returns && (c.Kind != CueOut || w.Duration == nil):
		return c, fmt.Errorf("auto_return goes with kind out and a duration")
	case w.Duration != nil && (*w.Duration <= 0 || *w.Duration > maxCueSpan.Seconds()):
		return c, fmt.Errorf("duration is in seconds, above 0 and up to %v", maxCueSpan.Seconds())
	}
	if w.Duration != nil {
		c.Duration = seconds(*w.Duration)
	}
	return c, w.when(&c)
}

// when reads "at": a time, or seconds after the newest picture.
func (w *cueWish) when(c *Cue) error {
	if len(w.At) == 0 || string(w.At) == "null" {
		return nil
	}
	var ahead float64
	if json.Unmarshal(w.At, &ahead) == nil {
		if ahead < 0 || ahead > maxCueSpan.Seconds() {
			return fmt.Errorf("at is a time, or seconds from now, not below 0")
		}
		c.Ahead = seconds(ahead)
		return nil
	}
	var text string
	err := json.Unmarshal(w.At, &text)
	if err == nil {
		c.At, err = time.Parse(time.RFC3339Nano, text)
	}
	if err != nil || c.At.IsZero() {
		return fmt.Errorf("at is a time such as 2026-03-01T12:00:00.000Z, or seconds from now")
	}
	return nil
}

func seconds(v float64) time.Duration { return time.Duration(math.Round(v*1e6)) * time.Microsecond }

// spliceStatus is what the API says of a splice.
type spliceStatus struct {
	ID              string   `json:"id"`
	Kind            string   `json:"kind"`
	EventID         uint32   `json:"event_id"`
	Type            int      `json:"segmentation_type"`
	Time            string   `json:"time"`
	PlannedDuration *float64 `json:"planned_duration"`
	Duration        *float64 `json:"duration"`
	SCTE35          string   `json:"scte35"`
	EndSCTE35       *string  `json:"end_scte35"`
}

func spliceStatusOf(p *timeline.Splice) spliceStatus {
	s := spliceStatus{
		ID: p.ID, Kind: p.Kind.String(), EventID: p.EventID, Type: int(p.Type),
		Time: p.Time.UTC().Format(isoMillis), SCTE35: base64.StdEncoding.EncodeToString(p.Section),
	}
	if p.Planned > 0 {
		v := p.Planned.Seconds()
		s.PlannedDuration = &v
	}
	if p.End != nil {
		v, section := p.Duration().Seconds(), base64.StdEncoding.EncodeToString(p.End.Section)
		s.Duration, s.EndSCTE35 = &v, &section
	}
	return s
}

// listCues answers GET /api/v1/streams/{stream}/cues. Playlists say as much.
func (s *Server) listCues(x *exchange) error {
	_, feed, err := s.watched(x)
	if err != nil {
		return err
	}
	all := []spliceStatus{}
	for _, p := range feed.Current().Splices {
		all = append(all, spliceStatusOf(p))
	}
	return x.json(map[string][]spliceStatus{"cues": all})
}
