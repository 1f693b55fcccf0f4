package archive

import (
	"encoding/hex"
	"strconv"
	"strings"

	"sluice/packager/timeline"
	"sluice/storage/objects"
)

const root = "dvr"

func streamKey(stream string) objects.Key { return objects.NewKey(root, stream) }

func segmentKey(stream string, id timeline.RenditionID, msn uint64) objects.Key {
	return objects.NewKey(root, stream, "seg", decimal(msn/folderSegments), element(id), decimal(msn))
}

func pageKey(stream string, page uint64) objects.Key {
	return objects.NewKey(root, stream, "index", decimal(page))
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// escaped begins the names of renditions that no key could have as they are.
const escaped = "x-"

// element is a rendition's name as an element of a key.
func element(id timeline.RenditionID) string {
	e := string(id)
	if strings.HasPrefix(e, escaped) || strings.Contains(e, "/") || objects.Key(e).Check() != nil {
		return escaped + hex.EncodeToString([]byte(e))
	}
	return e
}

// place is what a key names: a segment, or a page where rendition is empty.
type place struct {
	rendition timeline.RenditionID
	number    uint64
}

// parseKey reads a key of the stream's; false of one that is none.
func parseKey(stream string, key objects.Key) (place, bool) {
	rest, ours := strings.CutPrefix(string(key), string(streamKey(stream))+"/")
	parts := strings.Split(rest, "/")
	if !ours {
		return place{}, false
	}
	n, err := strconv.ParseUint(parts[len(parts)-1], 10, 63)
	if err != nil {
		return place{}, false
	}
	p := place{number: n}
	if len(parts) == 2 {
		return p, pageKey(stream, n) == key
	}
	if len(parts) != 4 {
		return place{}, false
	}
	p.rendition = timeline.RenditionID(parts[2])
	if name, is := strings.CutPrefix(parts[2], escaped); is {
		raw, err := hex.DecodeString(name)
		if err != nil {
			return place{}, false
		}
		p.rendition = timeline.RenditionID(raw)
	}
	return p, p.rendition != "" && segmentKey(stream, p.rendition, n) == key
}

// nameOf is the stream that a key is of; false of one that is of none.
func nameOf(key objects.Key) (string, bool) {
	parts := strings.SplitN(string(key), "/", 3)
	if len(parts) < 3 || parts[0] != root {
		return "", false
	}
	return parts[1], true
}

// streamOf is the part of a key that its stream's have in common; the key itself where
// it is none of ours.
func streamOf(key objects.Key) objects.Key {
	parts := strings.SplitN(string(key), "/", 3)
	if len(parts) < 3 {
		return key
	}
	return objects.NewKey(parts[:2]...)
}
