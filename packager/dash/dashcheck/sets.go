package dashcheck

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func checkSets(p *Period, f *findings) {
	sets, reps := map[string]bool{}, map[string]bool{}
	for _, s := range p.Sets {
		line := s.node.line
		f.check(s.ID != "" && !sets[s.ID], setID, line, "%q in Period %s", s.ID, p.ID)
		sets[s.ID] = true
		align, _ := s.node.attr("segmentAlignment")
		sap, _ := s.node.attr("startWithSAP")
		f.check(align == "true" && (sap == "1" || sap == "2"), setAlign, line, "AdaptationSet %s: segmentAlignment %q, startWithSAP %q", s.ID, align, sap)
		f.check(len(s.node.all("Representation")) > 0, setEmpty, line, "AdaptationSet %s", s.ID)
		for _, r := range s.Representations {
			f.check(!reps[r.ID], repID, r.node.line, "%q in Period %s", r.ID, p.ID)
			reps[r.ID] = true
		}
	}
}

// codecForms are the codecs that this project serves, in full (RFC 6381).
var codecForms = map[string]*regexp.Regexp{
	"video": regexp.MustCompile(`^(avc[13]\.[0-9A-Fa-f]{6}|(hvc1|hev1)(\.[A-Z]?[0-9]+)(\.[0-9A-F]+)\.[LH][0-9]+(\.[0-9A-F]{1,2})*|av01\.[0-2]\.[0-9]{2}[MH]\.[0-9]{2}.*|vp09\.[0-9]{2}\.[0-9]{2}\.[0-9]{2}.*)$`),
	"audio": regexp.MustCompile(`^(mp4a\.40\.[0-9]{1,2}|mp4a\.6[B9]|mp3|opus|flac|ac-3|ec-3)$`),
}

func checkRepresentation(s *Set, r *Representation, f *findings) {
	line := r.node.line
	f.check(r.Bandwidth > 0, repBandwidth, line, "%s", r.name())
	media, _, _ := strings.Cut(r.MimeType, "/")
	f.check(media == s.ContentType && strings.HasSuffix(r.MimeType, "/mp4"), setKind, line,
		"%s: contentType %q, mimeType %q", r.name(), s.ContentType, r.MimeType)
	form := codecForms[s.ContentType]
	f.check(form != nil && form.MatchString(r.Codecs), repCodecs, line, "%s: %q", r.name(), r.Codecs)
	switch s.ContentType {
	case "video":
		checkVideo(s, r, f)
	case "audio":
		f.check(r.values["audioSamplingRate"] != "", repAudio, line, "%s has no audioSamplingRate", r.name())
		f.check(r.node.one("AudioChannelConfiguration") != nil || s.node.one("AudioChannelConfiguration") != nil,
			repAudio, line, "%s has no AudioChannelConfiguration", r.name())
	}
	checkOffset(r, f)
}

func checkVideo(s *Set, r *Representation, f *findings) {
	line := r.node.line
	width, height := atoi(r.values["width"]), atoi(r.values["height"])
	w, h, ok := strings.Cut(r.values["sar"], ":")
	if width <= 0 || height <= 0 || !ok {
		f.add(repVideo, line, "%s: %sx%s, sar %q", r.name(), r.values["width"], r.values["height"], r.values["sar"])
		return
	}
	if par, ok := s.node.attr("par"); ok {
		pw, ph, _ := strings.Cut(par, ":")
		want := width * atoi(w) / (height * atoi(h))
		got := atoi(pw) / atoi(ph)
		f.check(math.Abs(got/want-1) <= ratioSlack, setPicture, line, "%s: par %s, and the picture is %.3f", r.name(), par, want)
	}
	n, d, _ := strings.Cut(r.values["frameRate"], "/")
	if d == "" {
		d = "1"
	}
	a, b := int64(atoi(n)), int64(atoi(d))
	rate := float64(a) / float64(b)
	f.check(rate >= 1 && rate <= 300 && gcd(a, b) == 1, repRate, line, "%s: %q", r.name(), r.values["frameRate"])
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func atoi(s string) float64 {
	v, _ := strconv.ParseFloat(s, 64)
	return v
}

// checkBoundaries compares the Representations of a set: what both list has to
// begin and end at the same times.
func checkBoundaries(s *Set, f *findings) {
	if len(s.Representations) == 0 {
		return
	}
	first := s.Representations[0]
	starts := map[uint64]time.Duration{}
	for _, g := range first.Segments {
		starts[g.Number] = first.at(g.Time)
	}
	for _, r := range s.Representations[1:] {
		for _, g := range r.Segments {
			at, ok := starts[g.Number]
			if d := r.at(g.Time) - at; ok && (d < -time.Millisecond || d > time.Millisecond) {
				f.add(setBoundaries, g.line, "segment %d starts at %v in %s, at %v in %s", g.Number, r.at(g.Time), r.ID, at, first.ID)
				break
			}
		}
	}
}

// checkEven compares the sets of a Period.
func checkEven(p *Period, f *findings) {
	var first *Representation
	var segment time.Duration
	for _, s := range p.Sets {
		for _, r := range s.Representations {
			for _, g := range r.Segments {
				segment = max(segment, r.ticks(g.Duration))
			}
		}
	}
	for _, s := range p.Sets {
		for _, r := range s.Representations {
			if len(r.Segments) == 0 {
				continue
			}
			if first == nil {
				first = r
			}
			begin := r.at(r.Segments[0].Time) - first.at(first.Segments[0].Time)
			end := r.at(r.last().end()) - first.at(first.last().end())
			f.check(begin.Abs() <= segment && end.Abs() <= segment, timelineEven, r.template.line,
				"%s begins %v and ends %v after %s", r.name(), begin, end, first.ID)
		}
	}
}
