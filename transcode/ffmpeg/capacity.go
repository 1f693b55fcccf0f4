package ffmpeg

import (
	"fmt"
	"math"

	"sluice/transcode/rung"
)

// Capacity is what work costs on this machine, in CPU-seconds for each second
// of the stream as it runs in real time. It is a rung.Costs.
type Capacity struct {
	// Decoded and Encoded are what was measured, by rising pixels. Encoded
	// includes scaling from 1080p, at the encoder's usual preset.
	Decoded []Price `json:"decoded"`
	Encoded []Price `json:"encoded"`
	// Cores is how many CPU-seconds a second one process used that had all the
	// work it could do.
	Cores float64 `json:"cores"`
}

// Price is what a picture costs at priceRate frames a second.
type Price struct {
	Height int     `json:"height"` // of 16:9
	CPU    float64 `json:"cpu"`
}

var _ rung.Costs = Capacity{}

// priceRate is the frame rate of prices.
const priceRate = 30

const (
	// realTime is what work costs that comes in bits, over work without a pause.
	realTime = 1.1
	// overhead is what Sluice does for a ladder, and ffmpeg beside the pictures.
	overhead = 0.02
)

// dearer is what a codec costs in software beside H.264, by their usual presets here.
var dearer = map[rung.Codec]float64{rung.H264: 1, rung.HEVC: 4, rung.AV1: 5}

// presets is what x264's cost beside superfast, which is what x265's do, too, as
// near as a plan needs it.
var presets = map[string]float64{
	"ultrafast": 0.7, "superfast": 1, "veryfast": 1.6, "faster": 2.2, "fast": 2.8, "medium": 3.3, "slow": 5,
	"slower": 9, "veryslow": 15, "placebo": 40,
}

func (p Price) pixels() float64 { return float64(widthOf(p.Height) * p.Height) }

// widthOf returns the even width of a 16:9 picture.
func widthOf(height int) int { return (height*16/9 + 1) &^ 1 }

// Decode implements rung.Costs.
func (c Capacity) Decode(width, height int, fps float64) float64 {
	return realTime * price(c.Decoded, float64(width)*float64(height)) * fps / priceRate
}

// Encode implements rung.Costs.
func (c Capacity) Encode(o rung.Output, fps float64) float64 {
	factor := 1.0
	if f, ok := dearer[o.Codec]; ok {
		factor = f
	}
	if f, ok := presets[o.Preset]; ok {
		factor *= f
	}
	return realTime * factor * price(c.Encoded, float64(o.Width)*float64(o.Height)) * fps / priceRate
}

// Process is how many CPU-seconds a second one process can use at most.
func (c Capacity) Process() float64 { return c.Cores }

// Overhead is what a ladder costs beside decoding and encoding, in CPU-seconds a second.
func (c Capacity) Overhead() float64 { return overhead }

// price is that of a picture: between two that were measured on a straight
// line, below and above them in proportion to the pixels. Nothing is known
// without prices.
func price(prices []Price, pixels float64) float64 {
	if len(prices) == 0 {
		return 0
	}
	first, last := prices[0], prices[len(prices)-1]
	switch {
	case pixels <= first.pixels():
		return first.CPU * pixels / first.pixels()
	case pixels >= last.pixels():
		return last.CPU * pixels / last.pixels()
	}
	for i, b := range prices[1:] {
		if a := prices[i]; pixels <= b.pixels() {
			return a.CPU + (b.CPU-a.CPU)*(pixels-a.pixels())/(b.pixels()-a.pixels())
		}
	}
	return last.CPU
}

// The heights that are measured.
var (
	decodedHeights = []int{360, 720, 1080}
	encodedHeights = []int{240, 360, 480, 720, 1080}
)

// Bounds of what a measurement may say.
const (
	maxPrice = 1000 // CPU-seconds a second
	maxCores = 1024
)

// validate finds what no measurement says.
func (c Capacity) validate() error {
	if !(c.Cores >= 1) || c.Cores > maxCores {
		return fmt.Errorf("%v cores", c.Cores)
	}
	for _, list := range [...]struct {
		prices  []Price
		heights []int
	}{{c.Decoded, decodedHeights}, {c.Encoded, encodedHeights}} {
		if len(list.prices) != len(list.heights) {
			return fmt.Errorf("%d prices", len(list.prices))
		}
		for i, p := range list.prices {
			if p.Height != list.heights[i] || !(p.CPU > 0) || p.CPU > maxPrice {
				return fmt.Errorf("price of %d lines: %v", p.Height, p.CPU)
			}
		}
	}
	return nil
}

// String is for the log.
func (c Capacity) String() string {
	s := "decode"
	for _, p := range c.Decoded {
		s += fmt.Sprintf(" %dp %.2f", p.Height, p.CPU)
	}
	s += ", encode"
	for _, p := range c.Encoded {
		s += fmt.Sprintf(" %dp %.2f", p.Height, p.CPU)
	}
	return s + fmt.Sprintf(", %.1f cores", c.Cores)
}

// rounded keeps what is significant, so that the file can be read.
func rounded(f float64) float64 { return math.Round(f*10_000) / 10_000 }
