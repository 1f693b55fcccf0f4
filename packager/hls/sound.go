package hls

import (
	"sluice/media"
	"sluice/packager/timeline"
)

// audioGroup is the GROUP-ID of the audio renditions; where there are several
// codecs, that of the first, and what the others' begin with.
const audioGroup = "audio"

// soundGroup is an audio group: the renditions of one codec, of which a player takes
// one. Every variant is listed once with each (RFC 8216bis §4.4.6.2.1).
type soundGroup struct {
	id    string
	audio []*timeline.Rendition
}

// groupsOf groups renditions by codec, first those in AAC, which every player has. There
// is always a group, if an empty one.
func groupsOf(audio []*timeline.Rendition) []soundGroup {
	var groups []soundGroup
next:
	for _, r := range audio {
		for i := range groups {
			if groups[i].audio[0].Track.Codec.Name() == r.Track.Codec.Name() {
				groups[i].audio = append(groups[i].audio, r)
				continue next
			}
		}
		g := soundGroup{audio: []*timeline.Rendition{r}}
		if _, plain := r.Track.Codec.(*media.AAC); plain {
			groups = append([]soundGroup{g}, groups...)
		} else {
			groups = append(groups, g)
		}
	}
	if groups == nil {
		return []soundGroup{{}}
	}
	for i := range groups {
		if groups[i].id = audioGroup; i > 0 {
			groups[i].id += "-" + string(groups[i].audio[0].ID)
		}
	}
	return groups
}

// appendName appends a variant's AUDIO, if it has sound.
func (g soundGroup) appendName(dst []byte) []byte {
	if len(g.audio) == 0 {
		return dst
	}
	return append(append(append(dst, `,AUDIO="`...), g.id...), '"')
}

// appendMedia writes the group. The first rendition is the one to start with, unless
// the viewer's system prefers another language.
func (g soundGroup) appendMedia(dst []byte) []byte {
	for i, r := range g.audio {
		language := r.Track.Language
		dst = append(append(dst, `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="`...), g.id...)
		dst = append(append(dst, `",NAME="`...), g.name(i)...)
		if language == "" {
			language = "und" // Apple 8.10 wants one
		}
		dst = append(append(dst, `",LANGUAGE="`...), language...)
		dst = append(append(dst, `",DEFAULT=`...), yesNo(i == 0)...)
		dst = append(append(dst, ",AUTOSELECT="...), yesNo(i == 0 || r.Track.Language != "")...)
		if n := channels(r.Track.Codec); n > 0 {
			dst = append(dst, `,CHANNELS="`...)
			dst = appendUint(dst, uint64(n))
			dst = append(dst, '"')
		}
		dst = append(append(dst, `,URI="`...), r.ID...)
		dst = append(dst, "/index.m3u8\""...)
		dst = append(appendStable(dst, ",STABLE-RENDITION-ID", r), '\n')
	}
	return dst
}

// name is what viewers see of rendition i, which no other of the group is called.
func (g soundGroup) name(i int) string {
	r := g.audio[i]
	for _, name := range [...]string{r.Track.Label, r.Track.Language} {
		unique := name != "" && quotable(name)
		for j, o := range g.audio {
			unique = unique && (i == j || o.Track.Label != name && o.Track.Language != name && string(o.ID) != name)
		}
		if unique {
			return name
		}
	}
	return string(r.ID)
}

// quotable reports whether a quoted string can hold a text (RFC 8216bis §4.2).
func quotable(s string) bool {
	for _, c := range s {
		if c < ' ' || c == '"' || c == 0x7F {
			return false
		}
	}
	return true
}
