package media

import "fmt"

// Advice says, in plain words for a broadcaster, why many players can't play what
// is coded so, and what to change; empty where nothing is wrong.
func Advice(c Codec) string {
	switch c := c.(type) {
	case *H264:
		switch {
		case c.Chroma != "" && c.Chroma != Chroma420:
			return fmt.Sprintf("the picture's colors are %s, which most players can't show: "+
				"choose NV12 as color format in OBS, Settings, Advanced", c.Chroma)
		case c.BitDepth > 8:
			return fmt.Sprintf("the picture has %d bits a color, which most players can't show: "+
				"choose NV12 as color format in OBS, Settings, Advanced", c.BitDepth)
		}
	case *AC3, *EAC3:
		return "the sound is " + c.Name() + ", which only Apple's players, Edge and televisions play: send AAC beside it, or instead"
	case *MP3:
		return "the sound is MP3, which browsers don't play in live streams: choose AAC in OBS, Settings, Output"
	}
	return ""
}
