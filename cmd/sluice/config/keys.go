package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"

	"sluice/storage/catalog"
)

// Key is one of several keys of a stream that the configuration gives.
type Key struct {
	Secret catalog.Key // zero where only its hash is given
	catalog.StreamKey
}

var keyFields = []string{"key", "sha256", "label", "expires", "allow", "backup"}

// keySpec is a key as somebody wrote it.
type keySpec struct {
	at     string
	fields map[string]value
	allow  []value
}

// keys reads a list whose items are keys, or mappings with what is known of each.
func (d *document) keys(n ast.Node) (specs []keySpec, ok bool) {
	list, isList := n.(*ast.SequenceNode)
	if !isList {
		if _, none := n.(*ast.NullNode); !none {
			d.fail(n.GetToken(), "keys: here stands %s instead of a list", kind(n))
		}
		return nil, false
	}
	for _, item := range list.Values {
		switch item.(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
			specs = append(specs, d.key(item))
		default:
			if v, ok := d.scalar("keys", item); ok {
				specs = append(specs, keySpec{at: v.at, fields: map[string]value{"key": v}})
			}
		}
	}
	return specs, true
}

func (d *document) key(n ast.Node) keySpec {
	spec := keySpec{at: d.place(n.GetToken()) + ": keys", fields: map[string]value{}}
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		spec.at = d.place(m.Values[0].Key.GetToken()) + ": keys"
	}
	for name, node := range d.mapping(n, keyFields) {
		if list, ok := node.(*ast.SequenceNode); ok && name == "allow" {
			for _, item := range list.Values {
				if v, ok := d.scalar("allow", item); ok {
					spec.allow = append(spec.allow, v)
				}
			}
		} else if v, ok := d.scalar(name, node); ok && name == "allow" {
			spec.allow = []value{v}
		} else if ok {
			spec.fields[name] = v
		}
	}
	return spec
}

// parse checks a key, the n-th of its stream counted from 1.
func (spec keySpec) parse(n int) (Key, error) {
	k := Key{StreamKey: catalog.FixedKey(catalog.KeyHash{}, n)}
	var errs []error
	sets := map[string]func(string) error{
		"key": func(s string) (err error) {
			if k.Secret, err = catalog.ParseKey(s); err == nil {
				k.Hash = k.Secret.Hash()
			}
			return err
		},
		"sha256":  func(s string) error { return k.Hash.UnmarshalText([]byte(s)) },
		"label":   func(s string) error { k.Label = s; return catalog.ValidateLabel(s) },
		"expires": func(s string) (err error) { k.Expires, err = ParseTime(s); return err },
		"backup": func(s string) error {
			backup, err := strconv.ParseBool(s)
			if backup {
				k.Purpose = catalog.Backup
			}
			if err != nil {
				return fmt.Errorf("%.20q is neither true nor false", s)
			}
			return nil
		},
	}
	for _, name := range keyFields {
		if v, given := spec.fields[name]; given {
			if err := sets[name](v.text); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", v.at, err))
			}
		}
	}
	for _, v := range spec.allow {
		p, err := catalog.ParseRange(v.text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", v.at, err))
		}
		k.Allow = append(k.Allow, p)
	}
	_, plain := spec.fields["key"]
	_, hashed := spec.fields["sha256"]
	if plain == hashed {
		errs = append(errs, fmt.Errorf("%s: want either key or sha256", spec.at))
	}
	if len(errs) == 0 {
		if err := k.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", spec.at, err))
		}
	}
	return k, errors.Join(errs...)
}

// ParseTime reads a moment: RFC 3339, or a date, which is its first moment in UTC.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no time: want a date, or as in 2026-12-31T23:00:00Z", s)
}

// ParseRanges reads address ranges.
func ParseRanges(list []string) (all []netip.Prefix, err error) {
	for _, s := range list {
		p, err := catalog.ParseRange(s)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}
