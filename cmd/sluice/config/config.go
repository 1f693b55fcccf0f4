package config

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

// Config is what `sluice run` needs to know.
type Config struct {
	Data   string // folder for everything that outlives the process
	Listen Listen
	HTTP3  bool // on HTTPS's port of UDP
	// HTTPConnections is how many one address may have, of viewers; 0: no limit.
	HTTPConnections int
	TLS             TLS
	Compat          Compat
	Streams         []Stream       // given here, beside those in the catalog
	Timing          catalog.Timing // for streams that set none of their own
	Ladder          rung.Spec      // likewise
	Grace           time.Duration  // how long a publisher may be away
	Continuity      Continuity     // likewise
	Playback        Playback       // likewise
	Signing         Signing
	Storage         Storage
	Takeover        Takeover
	MaxBitrate      int // of a publisher, at most, in bits a second; 0: no limit
	Webhooks        Webhooks
	JWT             JWT
	Thumbnails      bool   // posters and thumbnails are made for who asks
	PublicURL       string // where viewers reach the gateway
	CDNs            []CDN  // that viewers are steered to
	APIToken        Secret // of those who may change something over HTTP; none: nobody may
	Log             Log
}

// Listen holds the addresses to listen on; an empty one is off.
type Listen struct{ RTMPS, RTMP, HTTP, HTTPS string }

// Storage bounds the media that is kept in the data folder.
type Storage struct {
	Max  int64 // bytes of it; 0: as much as there is room for
	Free int64 // bytes that stay free on the device
}

// Compat switches on what only old encoders need.
type Compat struct {
	RTMPT bool // RTMP through HTTP and, as RTMPTS, HTTPS
	RTMPE bool // RTMP with Flash's encryption, which protects nothing
}

// Log says how to log.
type Log struct {
	Format Format
	Level  slog.Level
}

// Format is the form of the log.
type Format string

// The forms of the log.
const (
	Text Format = "text" // for people
	JSON Format = "json" // for machines
)

// Stream is a stream that the configuration gives. With a key and names of clients,
// a publisher needs both.
type Stream struct {
	Name    string
	Key     catalog.Key // zero where Keys are all there are, or certificates alone open it
	Keys    []Key
	Clients []string // names in client certificates, one of which a publisher must have; none: needs no certificate
	Timing  catalog.Timing
	Ladder  *rung.Spec // nil for Config's
	// Zero fields of these two are Config's.
	Continuity Continuity
	Playback   Playback
}

// Catalog returns the stream as the catalog knows it.
func (s Stream) Catalog() catalog.Stream {
	c := catalog.Stream{Name: s.Name, Timing: s.Timing, Ladder: s.Ladder}
	if !s.Key.IsZero() {
		c.Keys = append(c.Keys, catalog.FixedKey(s.Key.Hash(), 1))
	}
	for _, k := range s.Keys {
		c.Keys = append(c.Keys, k.StreamKey)
	}
	return c
}

// Guessable reports whether one of the keys that were given as such is short.
func (s Stream) Guessable() bool {
	return !s.Key.IsZero() && s.Key.Guessable() ||
		slices.ContainsFunc(s.Keys, func(k Key) bool { return !k.Secret.IsZero() && k.Secret.Guessable() })
}

// Default is the configuration that nobody changed.
func Default() Config {
	return Config{
		Data: "./data",
		Listen: Listen{
			RTMPS: ":1936",
			RTMP:  "127.0.0.1:1935", // keys go in clear: not beyond this machine
			HTTP:  ":8080",
			HTTPS: ":8443",
		},
		HTTPConnections: 2048,

		Timing: catalog.Timing{Segment: 2 * time.Second, Part: 200 * time.Millisecond, Window: 30 * time.Second},
		Ladder: rung.AutoSpec(),
		Grace:  30 * time.Second,
		Continuity: Continuity{
			BackupAfter: time.Second, BackupReturn: ReturnAuto, Slate: SlateOn, SlateAfter: 3 * time.Second,
		},
		Thumbnails: true,
		Playback:   Playback{Access: Public},
		Storage:    Storage{Free: 1_000_000_000},
		Takeover:   TakeoverSilent,
		Webhooks:   Webhooks{Timeout: 3 * time.Second},
		Log:        Log{Format: Text, Level: slog.LevelInfo},
	}
}

// Flags are the flags of `sluice run` as kong reads them: nil where one wasn't
// given. Their names, in upper case after SLUICE_, are the environment's.
type Flags struct {
	Config        *string  `placeholder:"FILE" help:"YAML file with these settings; its keys are the flags' names. [SLUICE_CONFIG]"`
	Data          *string  `placeholder:"./data" help:"Folder for everything that is kept. [SLUICE_DATA]"`
	RTMPSAddr     *string  `name:"rtmps-addr" placeholder:":1936" help:"Address for RTMP over TLS, or off. [SLUICE_RTMPS_ADDR]"`
	RTMPAddr      *string  `name:"rtmp-addr" placeholder:"127.0.0.1:1935" help:"Address for plain RTMP, or off. [SLUICE_RTMP_ADDR]"`
	HTTPAddr      *string  `name:"http-addr" placeholder:":8080" help:"Address for HTTP, or off. [SLUICE_HTTP_ADDR]"`
	HTTPSAddr     *string  `name:"https-addr" placeholder:":8443" help:"Address for HTTPS, or off. [SLUICE_HTTPS_ADDR]"`
	HTTP3         *bool    `name:"http3" help:"Serve HTTP/3 too, on the UDP port of the number of HTTPS's, which firewalls must let through. [SLUICE_HTTP3]"`
	HTTPConns     *string  `name:"http-connections" placeholder:"2048" help:"How many connections of viewers one address may have, or off. [SLUICE_HTTP_CONNECTIONS]"`
	Stream        []string `sep:"none" placeholder:"NAME=KEY" help:"A stream and its key; may be repeated. Without any, the first start makes the stream live. [SLUICE_STREAMS, separated by commas]"`
	TLSCert       []string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain (PEM); may be repeated, the first is for clients that send no name. Without one, a local CA is made. [SLUICE_TLS_CERT, separated by commas]"`
	TLSKey        []string `name:"tls-key" placeholder:"FILE" help:"The certificate's key (PEM); as often, and in the same order. [SLUICE_TLS_KEY, separated by commas]"`
	Domain        []string `placeholder:"NAME" help:"A domain to have a certificate issued for (ACME; accepts the CA's terms); may be repeated. [SLUICE_DOMAIN, separated by commas]"`
	ACMEEmail     *string  `name:"acme-email" placeholder:"ADDRESS" help:"Whom the issuing CA may write to. [SLUICE_ACME_EMAIL]"`
	ACMEDirectory *string  `name:"acme-directory" placeholder:"URL" help:"The issuing CA's ACME directory. [SLUICE_ACME_DIRECTORY]"`
	ACMECA        *string  `name:"acme-ca" placeholder:"FILE" help:"The CA (PEM) of a private directory's own certificate. [SLUICE_ACME_CA]"`
	ClientCA      *string  `name:"client-ca" placeholder:"FILE" help:"The CA (PEM) of publishers' certificates; publishers over RTMPS are asked for one. [SLUICE_CLIENT_CA]"`
	ClientCRL     *string  `name:"client-crl" placeholder:"FILE" help:"That CA's list of revoked certificates. [SLUICE_CLIENT_CRL]"`
	ClientAuth    *string  `name:"client-auth" placeholder:"request" help:"request, or require: publishers without a certificate are refused. [SLUICE_CLIENT_AUTH]"`
	RTMPT         *bool    `name:"rtmpt" help:"Take RTMP tunnelled through the HTTP and HTTPS addresses (RTMPT, RTMPTS). [SLUICE_RTMPT]"`
	RTMPE         *bool    `name:"rtmpe" help:"Take RTMPE on the RTMP address: for old encoders, it protects nothing. [SLUICE_RTMPE]"`
	Segment       *string  `placeholder:"2s" help:"Target duration of a segment. [SLUICE_SEGMENT]"`
	Part          *string  `placeholder:"200ms" help:"Target duration of a part. [SLUICE_PART]"`
	Window        *string  `placeholder:"30s" help:"How much of a stream manifests list, up to 168h; what is older than 30s is kept in the data folder. [SLUICE_WINDOW]"`
	StorageMax    *string  `name:"storage-max" placeholder:"off" help:"How much media is kept on disk at most, such as 200G; the oldest goes first. [SLUICE_STORAGE_MAX]"`
	StorageFree   *string  `name:"storage-free" placeholder:"1G" help:"What media leaves free on the disk. [SLUICE_STORAGE_FREE]"`
	Grace         *string  `placeholder:"30s" help:"How long a publisher may be away before its stream ends. [SLUICE_GRACE]"`
	BackupAfter   *string  `name:"backup-after" placeholder:"1s" help:"How long the primary publisher sends nothing before its backup is shown. [SLUICE_BACKUP_AFTER]"`
	BackupReturn  *string  `name:"backup-return" placeholder:"auto" help:"auto: the primary is shown again once it is steady; stay: only when the backup stops. [SLUICE_BACKUP_RETURN]"`
	Slate         *string  `placeholder:"on" help:"What is shown while nobody publishes and the grace lasts: on (a built-in picture, with ffmpeg), the path of a picture or clip, or off. [SLUICE_SLATE]"`
	SlateAfter    *string  `name:"slate-after" placeholder:"3s" help:"How long nothing comes before the slate is shown. [SLUICE_SLATE_AFTER]"`
	Ladder        *string  `placeholder:"auto" help:"Qualities to offer: auto (the source and what the machine can encode below it), source, or a list such as source,720p,480p@1200k,360p30@600k:hevc. [SLUICE_LADDER]"`
	Thumbnails    *string  `placeholder:"on" help:"Posters and thumbnails for seek bars, with ffmpeg: on (made when somebody asks for one) or off. [SLUICE_THUMBNAILS]"`
	Playback      *string  `placeholder:"public" help:"Who may watch: public, everybody who knows a stream's name; signed, who has a URL with a token (see sluice token). [SLUICE_PLAYBACK]"`
	Origin        []string `placeholder:"ORIGIN" help:"Origin whose pages may read streams (CORS), as in https://tv.example or https://*.tv.example; may be repeated. Without one, all. [SLUICE_ORIGIN, separated by commas]"`
	Referer       []string `placeholder:"HOST" help:"Host whose pages may show streams (Referer), as in tv.example or *.tv.example, or none: players that name no page; may be repeated. Without one, all. [SLUICE_REFERER, separated by commas]"`
	CDN           []string `placeholder:"NAME=HOST" help:"CDN that serves the same paths, by the same scheme on its usual port, to which players may be sent (content steering), as in east=cdn-a.example, or east=cdn-a.example=3 for three shares of the viewers; may be repeated. [SLUICE_CDN, separated by commas]"`
	PublicURL     *string  `name:"public-url" placeholder:"URL" help:"Where viewers reach this gateway, as in https://live.example; steering to CDNs needs it. [SLUICE_PUBLIC_URL]"`
	Takeover      *string  `placeholder:"silent" help:"When a second publisher of a stream is let in: silent (once the first has sent nothing for 1.5 s) or newest (at once; the first must go). [SLUICE_TAKEOVER]"`
	MaxBitrate    *string  `name:"max-bitrate" placeholder:"off" help:"Bitrate that a publisher may not exceed for long, such as 20M; its session ends. [SLUICE_MAX_BITRATE]"`
	APIToken      *string  `name:"api-token" placeholder:"TOKEN" help:"What writes to the HTTP API must show as their bearer token; without one they are refused. Processes of this machine can read it here: better in the environment or a file. [SLUICE_API_TOKEN]"`
	APITokenFile  *string  `name:"api-token-file" placeholder:"FILE" help:"A file with that token. [SLUICE_API_TOKEN_FILE]"`
	LogFormat     *string  `name:"log-format" placeholder:"text" help:"text or json. [SLUICE_LOG_FORMAT]"`
	LogLevel      *string  `name:"log-level" placeholder:"info" help:"debug, info, warn or error. [SLUICE_LOG_LEVEL]"`
}

// Load reads the configuration, and tells all mistakes at once. lookup is os.LookupEnv.
func Load(f Flags, lookup func(string) (string, bool)) (Config, error) {
	layers := []layer{fromEnvironment(lookup), f.layer()} // the lowest first
	if path := pick(layers, "config"); path.text != "" {
		file, err := readFile(path.text)
		if err != nil {
			return Config{}, err
		}
		layers = append([]layer{file}, layers...)
	}

	c := Default()
	errs := slices.Clone(layers[0].errs)
	given := map[string]value{}
	for _, s := range settings {
		v := pick(layers, s.name)
		if v.text == "" {
			continue
		}
		given[s.name] = v
		if err := s.set(&c, v); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", v.at, err))
		}
	}
	if err := setGroups(&c, layers); err != nil {
		errs = append(errs, err)
	}
	specs := pickStreams(layers)
	streams, err := parseStreams(specs)
	c.Streams = streams
	if err := errors.Join(append(errs, err)...); err != nil {
		return Config{}, err
	}
	if err := c.check(given, specs); err != nil {
		return Config{}, err
	}
	return c, nil
}
