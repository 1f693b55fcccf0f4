package media

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
