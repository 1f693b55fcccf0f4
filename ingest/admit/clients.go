package admit

import (
	"fmt"
	"slices"

	"sluice/ingest"
)

// Client is what a stream wants of its publishers' certificates.
type Client struct {
	Stream string
	Names  []string // of certificates, one of which a publisher must have shown
	Keyed  bool     // something else must let the publisher in besides
}

// clients knows which certificates streams want.
type clients struct {
	byName map[string][]string // names of streams, by name in a certificate
	strict map[string]bool     // streams that want a certificate
	keyed  map[string]bool     // of those, the ones that it doesn't open by itself
}

func newClients(list []Client) clients {
	r := clients{byName: map[string][]string{}, strict: map[string]bool{}, keyed: map[string]bool{}}
	for _, c := range list {
		if len(c.Names) == 0 {
			continue
		}
		r.strict[c.Stream], r.keyed[c.Stream] = true, c.Keyed
		for _, name := range c.Names {
			r.byName[name] = append(r.byName[name], c.Stream)
		}
	}
	return r
}

// check refuses a publisher whose certificate isn't one that the stream wants,
// whatever else let it in.
func (r clients) check(stream string, p ingest.Peer) error {
	switch {
	case !r.strict[stream], slices.ContainsFunc(p.Names, func(name string) bool { return slices.Contains(r.byName[name], stream) }):
		return nil
	case len(p.Names) == 0:
		return fmt.Errorf("%w: stream %s needs one, and none was shown", ingest.ErrClient, stream)
	}
	return fmt.Errorf("%w: stream %s, shown was %s", ingest.ErrClient, stream, p)
}

// opens returns the stream that a publisher's certificate opens by itself: the one
// that it names where a key would stand or, naming none, the only one.
func (r clients) opens(wish ingest.Publish) (string, bool) {
	var open []string
	for _, name := range wish.Peer.Names {
		for _, s := range r.byName[name] {
			if !r.keyed[s] && !slices.Contains(open, s) {
				open = append(open, s)
			}
		}
	}
	if named := string(wish.Key); named != "" {
		return named, slices.Contains(open, named)
	}
	if len(open) == 1 {
		return open[0], true
	}
	return "", false
}
