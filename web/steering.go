package web

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
)

// steeringName is the steering manifest's, beside playlists and MPDs.
const steeringName = "steering.json"

// ownPathway is the name of what a manifest's relative URLs lead to: the host that it was
// loaded from (RFC 8216bis §4.4.6.2, PATHWAY-ID).
const ownPathway = "."

// CDN is a host from which viewers can fetch the same paths, by the same scheme on its usual port.
type CDN struct {
	Name string // of its pathway; "." is none
	Host string // without a port
	// Weight is its share of the viewers, in proportion to the others'; 0: none.
	Weight uint
}

// steering sends viewers to CDNs.
type steering struct {
	cdns    []CDN  // as they were configured
	public  string // Options.PublicURL, without a slash at its end
	weights atomic.Pointer[map[string]uint]
}

func newSteering(cdns []CDN, public string) *steering {
	s := &steering{cdns: cdns, public: strings.TrimSuffix(public, "/")}
	weights := map[string]uint{}
	for _, c := range cdns {
		weights[c.Name] = c.Weight
	}
	s.weights.Store(&weights)
	return s
}

// uri is what manifests name, empty where there is nothing to choose from.
func (s *steering) uri() string {
	if len(s.cdns) == 0 {
		return ""
	}
	return steeringName
}

// url is the steering manifest's in full, empty where there is nothing to choose from. dash.js
// takes a relative one in an MPD for relative to the page, and Shaka can't ask again by one.
// It has no token: the one that we see may be an edge's own, which viewers mustn't.
func (s *steering) url(stream string) string {
	if len(s.cdns) == 0 {
		return ""
	}
	return s.public + "/live/" + url.PathEscape(stream) + "/" + steeringName
}

// order is that in which a session is to try the CDNs: each is first in as many sessions as
// its weight says, and a session that isn't moved by a change of weights stays where it is
// (weighted rendezvous hashing). CDNs of weight 0 are left out.
func (s *steering) order(session string) []string {
	type place struct {
		name string
		cost float64
	}
	var places []place
	for name, weight := range *s.weights.Load() {
		if weight == 0 {
			continue
		}
		h := fnv.New64a()
		_, _ = io.WriteString(h, session+"\x00"+name) // a hash takes every write
		u := (float64(scramble(h.Sum64())>>11) + 0.5) / (1 << 53)
		places = append(places, place{name, -math.Log(u) / float64(weight)})
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.name, b.name)) })
	names := make([]string, 0, len(places)+1)
	for _, p := range places {
		names = append(names, p.name)
	}
	return append(names, ownPathway)
}

// scramble spreads a hash over all bits (the end of MurmurHash3): that of FNV differs in a
// few where names do.
func scramble(v uint64) uint64 {
	v = (v ^ v>>33) * 0xff51afd7ed558ccd
	v = (v ^ v>>33) * 0xc4ceb9fe1a85ec53
	return v ^ v>>33
}

// steeringManifest is what HLS (RFC 8216bis §7.2) and DASH (ETSI TS 103 998 §6) both read.
type steeringManifest struct {
	Version  int            `json:"VERSION"`
	TTL      int            `json:"TTL"`
	Reload   string         `json:"RELOAD-URI"`
	Priority []string       `json:"PATHWAY-PRIORITY"`
	Clones   []pathwayClone `json:"PATHWAY-CLONES"`
}

// pathwayClone makes a pathway of another host. Manifests name none of them: so they are the
// same for all viewers, and URLs keep their path, and with it a token.
type pathwayClone struct {
	Base        string `json:"BASE-ID"`
	ID          string `json:"ID"`
	Replacement struct {
		Host string `json:"HOST"`
	} `json:"URI-REPLACEMENT"`
}

// steer answers /live/{stream}/steering.json. Who comes first gets a session, and asks with
// that from then on. It takes no token, since MPDs, which are the same for all, have none in
// its URL, and it tells nothing but the CDNs. What players say of their pathway and line isn't needed.
func (s *Server) steer(x *exchange) error {
	st, err := s.streams.find(x.r.Context(), x.r.PathValue("stream"))
	if err != nil {
		return err
	}
	if st.rules != nil {
		x.allowOrigin(st.rules)
	}
	if x.signed {
		if err := s.admit(x, st); err != nil {
			return err
		}
	}
	if len(s.steering.cdns) == 0 {
		return errUnknown
	}
	session := ""
	for key, value := range pairs(x.r.URL.RawQuery) {
		if key == "session" {
			session = value
		}
	}
	if raw, err := hex.DecodeString(session); err != nil || len(raw) != sessionBytes {
		var fresh [sessionBytes]byte
		_, _ = rand.Read(fresh[:]) // it never fails
		session = hex.EncodeToString(fresh[:])
	}
	m := steeringManifest{
		Version: 1, TTL: int(steeringTTL.Seconds()), Reload: s.steering.url(st.name) + "?session=" + session, Priority: s.steering.order(session),
	}
	for _, c := range s.steering.cdns {
		clone := pathwayClone{Base: ownPathway, ID: c.Name}
		clone.Replacement.Host = c.Host
		m.Clones = append(m.Clones, clone)
	}
	return x.json(m)
}

// cdnStatus is what the API says of a CDN.
type cdnStatus struct {
	Name   string `json:"name"`
	Host   string `json:"host"`
	Weight uint   `json:"weight"`
}

// describeSteering answers GET /api/v1/steering.
func (s *Server) describeSteering(x *exchange) error {
	all, weights := []cdnStatus{}, *s.steering.weights.Load()
	for _, c := range s.steering.cdns {
		all = append(all, cdnStatus{c.Name, c.Host, weights[c.Name]})
	}
	return x.json(map[string][]cdnStatus{"cdns": all})
}

// setSteering answers POST /api/v1/steering: weights of some of the CDNs.
func (s *Server) setSteering(x *exchange) error {
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxWeights))
	if err != nil {
		return fmt.Errorf("%w: more than %d bytes, or cut off", errBadRequest, maxWeights)
	}
	changes, err := parseWeights(body)
	if err != nil {
		return fmt.Errorf("%w: %w", errBadRequest, err)
	}
	for {
		known := s.steering.weights.Load()
		next := maps.Clone(*known)
		for name, weight := range changes {
			if _, ok := next[name]; !ok {
				return fmt.Errorf("%w: there is no CDN %.64q", errBadRequest, name)
			}
			next[name] = weight
		}
		if s.steering.weights.CompareAndSwap(known, &next) {
			break
		}
	}
	return s.describeSteering(x)
}

// parseWeights reads a body; the error's text goes out.
func parseWeights(body []byte) (map[string]uint, error) {
	var w struct {
		Weights map[string]uint `json:"weights"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return nil, fmt.Errorf(`want {"weights": {"NAME": 3}}: %w`, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one object")
	}
	if len(w.Weights) == 0 {
		return nil, fmt.Errorf("no weights")
	}
	for name, weight := range w.Weights {
		if weight > MaxWeight {
			return nil, fmt.Errorf("the weight of %.64q is above %d", name, MaxWeight)
		}
	}
	return w.Weights, nil
}
