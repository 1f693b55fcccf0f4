package rung

// leastOwnBitrate is the least that a picture gets where a publisher's line is
// narrow, in bits a second.
const leastOwnBitrate = 200_000

// Own says what a publisher that encodes several sizes by itself should send, so that
// they are the ladder: its picture as it is, and s's rungs of that in H.264, the largest
// first. A ladder that is the source alone is taken for AutoSpec: somebody asks for more. most
// bounds how many there are, bitrate their sum in bits a second; 0 is no bound. There's
// always one, but of a picture that nobody has.
func (s Spec) Own(sh Shape, most, bitrate int) []Output {
	if min(sh.Width, sh.Height) < 2 || max(sh.Width, sh.Height) > maxSource {
		return nil
	}
	if s.Untouched() {
		s = AutoSpec()
	}
	rate := known(sh.FrameRate)
	first := Output{Name: SourceName, Width: sh.Width &^ 1, Height: sh.Height &^ 1, Every: 1, Codec: H264}
	first.Bitrate = defaultBitrate(first.Width, first.Height, rate)
	own := []Output{first}
	for _, o := range s.Plan(sh, Offer{Codecs: []Codec{H264}}).Outputs {
		if o.Codec == H264 && o.Height < own[len(own)-1].Height {
			o.Every = max(o.Every, 1)
			own = append(own, o)
		}
	}
	if most > 0 {
		own = own[:min(len(own), most)]
	}
	for sum := total(own); bitrate > 0 && sum > bitrate && len(own) > 1; sum = total(own) {
		own = own[:len(own)-1]
	}
	if bitrate > 0 {
		own[0].Bitrate = max(min(own[0].Bitrate, bitrate), leastOwnBitrate)
	}
	return own
}

func total(own []Output) (sum int) {
	for _, o := range own {
		sum += o.Bitrate
	}
	return sum
}
