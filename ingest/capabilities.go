package ingest

import (
	"sluice/ingest/amf0"
	"sluice/ingest/flv"
	"sluice/ingest/playback"
)

// Extended capabilities of Enhanced RTMP v2, in capsEx.
const (
	capsReconnect  = 1 << iota // it reconnects when it is asked to
	capsMultitrack             //
	capsModEx                  //
	capsNanos                  // of timestamps
)

// What a server or a client can do with a codec (FourCcInfoMask).
const (
	canDecode  = 1
	canForward = 4
)

// What is taken in over Enhanced RTMP.
var (
	videoServed = []flv.VideoCodec{flv.VideoAVC, flv.VideoHEVC, flv.VideoAV1, flv.VideoVP9}
	audioServed = []flv.AudioCodec{
		flv.AudioAAC, flv.AudioOpus, flv.AudioFLAC, flv.AudioAC3, flv.AudioEAC3, flv.AudioMP3,
	}
)

// enhancement is what a client says in connect of Enhanced RTMP.
type enhancement struct {
	spoken bool // it knows of it at all
	caps   uint32
	takes  playback.Takes // what it can receive
}

func readEnhancement(o amf0.Object) (e enhancement) {
	for _, key := range [...]string{"fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"} {
		if _, ok := o.Get(key); ok {
			e.spoken = true
		}
	}
	v, _ := o.Get("capsEx")
	if n, ok := v.(float64); ok && n >= 0 && n < 1<<32 {
		e.caps = uint32(n)
	}
	e.takes = playback.Takes{Video: playback.FourCCs{}, Audio: playback.FourCCs{}}
	list, _ := o.Get("fourCcList")
	if names, ok := list.(amf0.StrictArray); ok {
		for _, name := range names {
			if s, ok := name.(string); ok {
				e.takes.Video[s], e.takes.Audio[s] = true, true
			}
		}
	}
	for key, takes := range map[string]playback.FourCCs{"videoFourCcInfoMap": e.takes.Video, "audioFourCcInfoMap": e.takes.Audio} {
		v, _ := o.Get(key)
		infos, _ := amf0.AsObject(v)
		for _, p := range infos {
			if mask, ok := p.Value.(float64); ok && mask >= 0 && mask < 1<<32 && uint32(mask)&(canDecode|canForward) != 0 {
				takes[p.Key] = true
			}
		}
	}
	return e
}

// answer is what the answer to connect says, to who asks for it: old encoders get
// what they have always got.
func (e enhancement) answer() amf0.Object {
	if !e.spoken {
		return nil
	}
	var list amf0.StrictArray
	var video, audio amf0.Object
	for _, c := range videoServed {
		list = append(list, c.FourCC())
		video = append(video, amf0.Pair{Key: c.FourCC(), Value: float64(canForward)})
	}
	for _, c := range audioServed {
		list = append(list, c.FourCC())
		audio = append(audio, amf0.Pair{Key: c.FourCC(), Value: float64(canForward)})
	}
	return amf0.Object{
		{Key: "fourCcList", Value: list},
		{Key: "videoFourCcInfoMap", Value: video},
		{Key: "audioFourCcInfoMap", Value: audio},
		{Key: "capsEx", Value: float64(capsReconnect | capsMultitrack | capsModEx | capsNanos)},
	}
}
