package media

// The numbers that captions have.
const (
	CaptionChannels = 4  // CC1 to CC4
	CaptionServices = 63 // from 1 on
)

// Captions are the closed captions that lie in a picture's user data.
type Captions struct {
	// Data says that there is room for captions with the pictures (cc_data), be
	// something in it or not.
	Data bool
	// Channels has a bit for each channel of CEA-608 that has shown something: the
	// lowest for CC1, the fourth for CC4.
	Channels uint8
	// Services has a bit for each service of CEA-708 likewise: bit n for service n,
	// from 1 on.
	Services uint64
}

// And returns all that either has.
func (c Captions) And(o Captions) Captions {
	return Captions{c.Data || o.Data, c.Channels | o.Channels, c.Services | o.Services}
}

// Promised is what manifests say of them: where there is room for captions and none
// have come so far, those that most encoders write, CC1.
func (c Captions) Promised() Captions {
	if c.Data && c.Channels == 0 && c.Services == 0 {
		c.Channels = 1
	}
	return c
}

// Channel reports whether there is CEA-608's channel n, from 1 to 4.
func (c Captions) Channel(n int) bool { return c.Channels>>(n-1)&1 != 0 }

// Service reports whether there is CEA-708's service n, from 1 to 63.
func (c Captions) Service(n int) bool { return c.Services>>n&1 != 0 }
