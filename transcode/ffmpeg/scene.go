package ffmpeg

import "math/rand/v2"

// scene draws pictures that cost about what a camera's do: shapes that move
// over a gradient, with the noise of a sensor. It reuses its buffers.
type scene struct {
	width, height int
	frameBuf      []byte
	noise         []byte // more than a picture, so that it can start anywhere
	random        *rand.Rand
}

// noiseLevels is how many steps of luma the noise has.
const noiseLevels = 6

func newScene(width, height int) *scene {
	s := &scene{
		width: width, height: height,
		frameBuf: make([]byte, width*height*3/2),
		noise:    make([]byte, width*height+4096),
		random:   rand.New(rand.NewPCG(1, 2)),
	}
	for i := range s.noise {
		s.noise[i] = byte(s.random.IntN(noiseLevels))
	}
	return s
}

// frame returns picture n as planar YUV 4:2:0, valid until the next call.
func (s *scene) frame(n int) []byte {
	luma := s.frameBuf[:s.width*s.height]
	noise := s.noise[s.random.IntN(len(s.noise)-len(luma)):]
	for y := range s.height {
		row, grain := luma[y*s.width:][:s.width], noise[y*s.width:][:s.width]
		for x := range row {
			row[x] = byte(40+(x+y+2*n)*120/(s.width+s.height)) + grain[x]
		}
	}
	side := s.height / 6
	for i := range 5 { // squares with texture, each at its own speed
		left := (i*s.width/5 + n*(2+3*i)) % (s.width - side)
		top := (i*s.height/7 + n*(i+1)) % (s.height - side)
		for y := top; y < top+side; y++ {
			for x := left; x < left+side; x++ {
				luma[y*s.width+x] += byte((x-left)^(y-top)) & 63
			}
		}
	}
	chroma := s.frameBuf[len(luma):]
	for i := range chroma {
		chroma[i] = byte(120 + (i*16/s.width+n/2)&15)
	}
	return s.frameBuf
}
