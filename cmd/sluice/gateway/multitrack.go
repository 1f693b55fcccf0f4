package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"time"

	"sluice/transcode/rung"
	"sluice/web"
)

// multitrack answers encoders that can send several sizes: those of the ladder of the
// stream that the key belongs to, or of the gateway's default, so that nobody learns
// which keys there are: by trying some that is no faster than by publishing. Their sum
// stays below the limit of publishers' bitrate.
func (g *Gateway) multitrack() *web.Multitrack {
	segment := g.config.Timing.Segment
	return &web.Multitrack{
		Sizes: func(r *http.Request, w web.Wish) []web.WishedSize {
			spec := g.config.Ladder
			from, err := netip.ParseAddrPort(r.RemoteAddr)
			if err != nil {
				return nil
			}
			if s, ok := g.policy.Whose(r.Context(), from.Addr(), w.Key); ok {
				spec = g.admitter.spec(s)
			}
			bitrate := w.Bitrate
			if most := g.config.MaxBitrate * 9 / 10; most > 0 && (bitrate == 0 || bitrate > most) {
				bitrate = most // with room for sound
			}
			shape := rung.Shape{Width: w.Width, Height: w.Height, FrameRate: float64(w.Frames) / float64(w.Seconds)}
			var sizes []web.WishedSize
			for _, o := range spec.Own(shape, w.Tracks, bitrate) {
				sizes = append(sizes, web.WishedSize{Width: o.Width, Height: o.Height, Every: o.Every, Bitrate: o.Bitrate})
			}
			return sizes
		},
		RTMPS: func() string { return g.Addresses().RTMPS },
		RTMP: func() string {
			addr := g.Addresses().RTMP
			if host, _, err := net.SplitHostPort(addr); err != nil || net.ParseIP(host).IsLoopback() {
				return "" // only this machine may
			}
			return addr
		},
		Keyframes: max(int(segment/time.Second), 1),
	}
}
