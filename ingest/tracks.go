package ingest

import (
	"slices"
	"strings"
	"unicode"

	"sluice/media"
)

// A publisher numbers its tracks of each kind from 0. Here they have odd ids where
// they are video, even ones where they are audio.
const (
	videoTrack media.TrackID = 1
	audioTrack media.TrackID = 2
)

func isVideo(id media.TrackID) bool { return id%2 == 1 }

// pictures returns the video track of that number; nil of one too many.
func (p *publication) pictures(number uint8) *pictures {
	at, ok := slices.BinarySearchFunc(p.video, number, func(v *pictures, n uint8) int { return int(v.number) - int(n) })
	if ok {
		return p.video[at]
	}
	if len(p.video) == maxVideoTracks {
		return nil
	}
	v := &pictures{id: videoTrack + 2*media.TrackID(number), number: number}
	p.video = slices.Insert(p.video, at, v)
	return v
}

// sounds returns the audio track of that number; nil of one too many.
func (p *publication) sounds(number uint8) *sounds {
	at, ok := slices.BinarySearchFunc(p.audio, number, func(a *sounds, n uint8) int { return int(a.number) - int(n) })
	if ok {
		return p.audio[at]
	}
	if len(p.audio) == maxAudioTracks {
		return nil
	}
	a := &sounds{id: audioTrack + 2*media.TrackID(number), number: number}
	p.audio = slices.Insert(p.audio, at, a)
	return a
}

// label makes a name for people fit for manifests.
func label(s string) string {
	const longest = 64
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > longest || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// languageTag makes a tag by RFC 5646 of what an encoder calls a language; of what
// can't be one, nothing.
func languageTag(s string) string {
	const longest = 35
	if len(s) < 2 || len(s) > longest {
		return ""
	}
	letters := 0
	for i, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		case i >= 2 && ('0' <= c && c <= '9' || c == '-'):
			continue
		default:
			return ""
		}
		letters++
	}
	if letters < 2 || s[len(s)-1] == '-' {
		return ""
	}
	return s
}
