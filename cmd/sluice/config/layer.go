package config

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/transcode/rung"
)

// value is one setting as somebody wrote it, and where: what an error names.
type value struct {
	text, at string
	ladder   *rung.Spec // of a ladder that is more than text can say; text is then a part of it
}

// ladderTo reads the value as a ladder.
func (v value) ladderTo(to *rung.Spec) (err error) {
	if v.ladder != nil {
		*to = v.ladder.Clone()
		return nil
	}
	*to, err = rung.Parse(v.text)
	return err
}

// layer is one place that settings come from.
type layer struct {
	values  map[string]value            // by flag name
	groups  map[string]map[string]value // by groups' names
	streams []streamSpec
	errs    []error // mistakes that leave the rest readable
}

// streamSpec is one stream as somebody wrote it.
type streamSpec struct {
	at     string
	fields map[string]value // by streamFields, but for keys
	keys   []keySpec
	keyed  bool // keys are given, if only none
}

// has reports whether a field was given.
func (spec streamSpec) has(field string) bool { return spec.fields[field].text != "" }

// pick returns the value of the highest layer that has one.
func pick(layers []layer, name string) value {
	for i := len(layers) - 1; i >= 0; i-- {
		if v := layers[i].values[name]; v.text != "" {
			return v
		}
	}
	return value{}
}

// pickStreams returns those of the highest layer that has any.
func pickStreams(layers []layer) []streamSpec {
	for i := len(layers) - 1; i >= 0; i-- {
		if len(layers[i].streams) > 0 {
			return layers[i].streams
		}
	}
	return nil
}

func (f Flags) layer() layer {
	l := layer{values: map[string]value{}}
	for name, v := range map[string]*string{
		"config": f.Config, "data": f.Data,
		"rtmps-addr": f.RTMPSAddr, "rtmp-addr": f.RTMPAddr, "http-addr": f.HTTPAddr, "https-addr": f.HTTPSAddr, "http-connections": f.HTTPConns,
		"acme-email": f.ACMEEmail, "acme-directory": f.ACMEDirectory, "acme-ca": f.ACMECA,
		"client-ca": f.ClientCA, "client-crl": f.ClientCRL, "client-auth": f.ClientAuth,
		"segment": f.Segment, "part": f.Part, "window": f.Window, "storage-max": f.StorageMax, "storage-free": f.StorageFree, "grace": f.Grace,
		"backup-after": f.BackupAfter, "backup-return": f.BackupReturn, "slate": f.Slate, "slate-after": f.SlateAfter, "ladder": f.Ladder,
		"thumbnails": f.Thumbnails, "playback": f.Playback, "public-url": f.PublicURL, "takeover": f.Takeover, "max-bitrate": f.MaxBitrate,
		"api-token": f.APIToken, "api-token-file": f.APITokenFile,
		"log-format": f.LogFormat, "log-level": f.LogLevel,
	} {
		if v != nil {
			l.values[name] = value{text: *v, at: "--" + name}
		}
	}
	for name, list := range map[string][]string{"tls-cert": f.TLSCert, "tls-key": f.TLSKey, "domain": f.Domain, "origin": f.Origin, "referer": f.Referer, "cdn": f.CDN} {
		if len(list) > 0 {
			l.values[name] = value{text: strings.Join(list, ","), at: "--" + name}
		}
	}
	for name, on := range map[string]*bool{"http3": f.HTTP3, "rtmpt": f.RTMPT, "rtmpe": f.RTMPE} {
		if on != nil {
			l.values[name] = value{text: strconv.FormatBool(*on), at: "--" + name}
		}
	}
	for _, s := range f.Stream {
		l.streams = append(l.streams, parseSpec(s, "--stream"))
	}
	return l
}

// fromEnvironment takes an empty variable for one that isn't set: compose files
// pass those.
func fromEnvironment(lookup func(string) (string, bool)) layer {
	l := layer{values: map[string]value{}}
	for _, name := range append(names(), "config") {
		env := variable(name)
		if text, ok := lookup(env); ok && text != "" {
			l.values[name] = value{text: text, at: env}
		}
	}
	if text, ok := lookup("SLUICE_STREAMS"); ok {
		for spec := range strings.SplitSeq(text, ",") {
			if spec = strings.TrimSpace(spec); spec != "" {
				l.streams = append(l.streams, parseSpec(spec, "SLUICE_STREAMS"))
			}
		}
	}
	return l
}

// variable returns a flag's environment variable.
func variable(name string) string {
	return "SLUICE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// parseSpec takes name=key apart. Without a key it still gives a spec, which
// parseStreams refuses.
func parseSpec(s, at string) streamSpec {
	spec := streamSpec{at: at, fields: map[string]value{}}
	name, key, ok := strings.Cut(s, "=")
	spec.fields["name"] = value{text: name, at: at}
	if ok {
		spec.fields["key"] = value{text: key, at: fmt.Sprintf("%s: stream %s", at, name)}
	}
	return spec
}
