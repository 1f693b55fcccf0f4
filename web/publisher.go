package web

// Publisher is what the API says of the session that publishes a stream: figures for
// its broadcaster. Null stands for what isn't known, or not yet.
type Publisher struct {
	Session  uint64          `json:"session"` // as in the log
	Protocol string          `json:"protocol"`
	Encoder  string          `json:"encoder"` // as it calls itself
	Since    string          `json:"since"`
	IdleMS   int64           `json:"idle_ms"` // since bytes last came
	Video    *PublisherVideo `json:"video"`
	Audio    *PublisherAudio `json:"audio"`

	Bitrate       int64    `json:"bitrate"`        // bits a second, of the last seconds
	BitrateMinute int64    `json:"bitrate_minute"` // likewise, of the last minute
	Speed         *float64 `json:"speed"`          // seconds of media that come in a second
	SoundAheadMS  *float64 `json:"sound_ahead_ms"` // of the picture of the same time
	DriftPPM      *float64 `json:"drift_ppm"`      // of the encoder's clock

	Epochs   int               `json:"epochs"`
	Repaired uint64            `json:"timestamps_repaired"`
	Dropped  map[string]uint64 `json:"samples_dropped"` // by reason
	Stops    int               `json:"standstills"`     // longer than a second, in the last minute

	RoundTripMS  *float64 `json:"round_trip_ms"`
	ReceiveQueue *int     `json:"receive_queue"` // bytes that came and aren't read yet
}

// PublisherVideo is the picture as it comes.
type PublisherVideo struct {
	Codec          string   `json:"codec"`   // RFC 6381
	Profile        string   `json:"profile"` // empty where it has no name
	Width          int      `json:"width"`
	Height         int      `json:"height"`
	FPS            float64  `json:"fps"`          // measured; 0 where it isn't known yet
	DeclaredFPS    float64  `json:"declared_fps"` // 0 where the encoder says nothing
	Bitrate        int64    `json:"bitrate"`
	KeyframesMS    *float64 `json:"keyframe_interval_ms"` // the newest
	KeyframesMaxMS *float64 `json:"keyframe_interval_max_ms"`
	BFrames        int      `json:"b_frames"` // the most in a row
}

// PublisherAudio is the sound as it comes.
type PublisherAudio struct {
	Codec      string `json:"codec"` // RFC 6381
	SampleRate int    `json:"sample_rate"`
	Channels   int    `json:"channels"` // 0 where only the samples tell
	Bitrate    int64  `json:"bitrate"`
}

// OnAir is what a stream's viewers see.
type OnAir struct {
	Input string `json:"input"` // primary, backup or slate
	Since string `json:"since"`
	Why   string `json:"why"` // in words
}
