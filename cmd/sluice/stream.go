package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sluice/cmd/sluice/config"
	"sluice/cmd/sluice/console"
	"sluice/storage/catalog"
	"sluice/storage/catalog/sqlite"
)

// streamCommand works on the catalog in the data folder, whether a gateway has it
// open or not. A running one acts on what changes within two seconds.
type streamCommand struct {
	Add    streamAdd    `cmd:"" help:"Make a stream with a key, or give the one of that name a further key. The key is shown this once."`
	List   streamList   `cmd:"" help:"List streams and what is known of their keys."`
	Rotate streamRotate `cmd:"" help:"Replace a key by a new one. Who publishes with the old one is cut off."`
	Rm     streamRm     `cmd:"" help:"Remove a stream, or revoke one of its keys. Who publishes with it is cut off. Exits with 3 where there is none, as list and rotate do."`
}

// catalogFlags say where the catalog is, and how to speak.
type catalogFlags struct {
	Config *string `placeholder:"FILE" help:"The gateway's YAML file. [SLUICE_CONFIG]"`
	Data   *string `placeholder:"./data" help:"The gateway's data folder. Run this as the user whose it is, or as root. [SLUICE_DATA]"`
	JSON   bool    `name:"json" help:"Print JSON, for programs."`
}

// terms are the conditions of a key.
type terms struct {
	Label   string   `placeholder:"TEXT" help:"What the key is for; people see it in lists."`
	Expires string   `placeholder:"WHEN" help:"Until when it works: a date, a time as in 2026-12-31T23:00:00Z, or a span as in 36h or 30d."`
	Allow   []string `placeholder:"CIDR" help:"Where it may be used from, as in 192.0.2.0/24; may be repeated. Without any, from everywhere."`
}

type streamAdd struct {
	catalogFlags
	terms
	Name   string `arg:"" help:"The stream's public name: a-z, 0-9, - and _."`
	Backup bool   `help:"The key is for a second encoder, which is there in case the first one fails."`
	NoKey  bool   `help:"Make the stream without a key, for publishers with tokens or by webhook."`
}

type streamList struct {
	catalogFlags
	Name string `arg:"" optional:"" help:"List this stream alone."`
}

type streamRotate struct {
	catalogFlags
	terms
	Name    string        `arg:"" help:"The stream's name."`
	Key     string        `placeholder:"ID" help:"Which key, by id or label; needed where there are several."`
	Overlap time.Duration `placeholder:"0s" help:"How long the old key goes on working."`
}

type streamRm struct {
	catalogFlags
	Name string `arg:"" help:"The stream's name."`
	Key  string `placeholder:"ID" help:"Revoke this key alone, by id or label."`
}

// errNoCatalog says that nothing was ever kept in a folder.
var errNoCatalog = errors.New("there is no catalog in it: has a gateway been started there, or a stream been added? (--data names another)")

// with opens the catalog, and has do work on it until a signal comes. Only who makes
// streams may make the catalog.
func (f catalogFlags) with(makes bool, do func(ctx context.Context, cfg config.Config, s catalog.Store) error) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := config.Load(config.Flags{Config: f.Config, Data: f.Data}, os.LookupEnv)
	if err != nil {
		return err
	}
	if !makes {
		kept, globErr := filepath.Glob(filepath.Join(cfg.Data, "catalog.*"))
		if _, err := os.Stat(cfg.Data); errors.Is(err, fs.ErrNotExist) || globErr == nil && len(kept) == 0 {
			return fmt.Errorf("data folder %s: %w", cfg.Data, errNoCatalog)
		}
	}
	store, err := sqlite.OpenBeside(ctx, cfg.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	fixed := make([]catalog.Stream, len(cfg.Streams))
	for i, s := range cfg.Streams {
		fixed[i] = s.Catalog()
	}
	streams, err := catalog.Overlay(store, fixed)
	if err != nil {
		return err
	}
	err = do(ctx, cfg, streams)
	if errors.Is(err, catalog.ErrFixed) {
		return fmt.Errorf("%w: change it there", err)
	}
	return err
}

// key makes a new key on these terms.
func (t terms) key(now time.Time) (catalog.Key, catalog.StreamKey, error) {
	secret := catalog.NewKey()
	k := catalog.NewStreamKey(secret.Hash(), now)
	err := t.applyTo(&k, now)
	return secret, k, err
}

func (t terms) applyTo(k *catalog.StreamKey, now time.Time) (err error) {
	if t.Label != "" {
		k.Label = t.Label
	}
	if t.Expires != "" {
		if k.Expires, err = expiry(t.Expires, now); err != nil {
			return fmt.Errorf("--expires: %w", err)
		}
	}
	if len(t.Allow) > 0 {
		if k.Allow, err = config.ParseRanges(t.Allow); err != nil {
			return fmt.Errorf("--allow: %w", err)
		}
	}
	return catalog.ValidateLabel(k.Label)
}

// expiry reads when a key ends: a moment, or a span from now on.
func expiry(s string, now time.Time) (time.Time, error) {
	at, err := config.ParseTime(s)
	if err != nil {
		d, spanErr := span(s)
		if spanErr != nil {
			return time.Time{}, fmt.Errorf("%w, or a span as in 36h or 30d", err)
		}
		at = now.UTC().Add(d).Truncate(time.Second)
	}
	if !at.After(now) {
		return time.Time{}, fmt.Errorf("%s has passed", at.Format(time.RFC3339))
	}
	return at, nil
}

// span reads a duration that may be in days.
func span(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}

// Run adds.
func (c streamAdd) Run() error {
	now := time.Now()
	secret, k, err := c.key(now)
	if err != nil {
		return err
	}
	if c.Backup {
		k.Purpose = catalog.Backup
	}
	if err := catalog.ValidateName(c.Name); err != nil {
		return err
	}
	return c.with(true, func(ctx context.Context, cfg config.Config, s catalog.Store) error {
		fresh := catalog.Stream{Name: c.Name, Created: now.UTC().Truncate(time.Second)}
		if !c.NoKey {
			fresh.Keys = []catalog.StreamKey{k}
		}
		_, err := s.Put(ctx, fresh)
		made := err == nil
		if errors.Is(err, catalog.ErrConflict) {
			if c.NoKey {
				return fmt.Errorf("stream %s is there already", c.Name)
			}
			_, err = catalog.Edit(ctx, s, c.Name, func(v *catalog.Stream) error { return v.AddKey(k) })
		}
		if err != nil {
			return err
		}
		return c.show(cfg, console.Credentials{Stream: c.Name, New: made, Key: k, Secret: secret, NoKey: c.NoKey})
	})
}

// show prints what a broadcaster needs.
func (f catalogFlags) show(cfg config.Config, c console.Credentials) error {
	c.RTMPS, c.RTMP = cfg.Listen.RTMPS, cfg.Listen.RTMP
	c.Names = names(cfg)
	if f.JSON {
		return c.PrintJSON(os.Stdout)
	}
	return c.Print(os.Stdout)
}

// Run lists.
func (c streamList) Run() error {
	return c.with(false, func(ctx context.Context, _ config.Config, s catalog.Store) error {
		var streams []catalog.Stream
		var err error
		if c.Name == "" {
			streams, err = s.Streams(ctx)
		} else {
			streams = make([]catalog.Stream, 1)
			streams[0], err = s.Stream(ctx, c.Name)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return console.PrintStreamsJSON(os.Stdout, streams, time.Now())
		}
		return console.PrintStreams(os.Stdout, streams, time.Now())
	})
}

// Run rotates.
func (c streamRotate) Run() error {
	now := time.Now()
	if c.Overlap < 0 {
		return errors.New("--overlap: less than nothing")
	}
	secret, k, err := c.key(now)
	if err != nil {
		return err
	}
	return c.with(false, func(ctx context.Context, cfg config.Config, s catalog.Store) error {
		_, err := catalog.Edit(ctx, s, c.Name, func(v *catalog.Stream) error {
			old, err := choose(v, c.Key)
			if err != nil {
				return err
			}
			next := k // on the old one's terms, where there are no others
			next.Label, next.Purpose, next.Allow, next.Expires = old.Label, old.Purpose, slices.Clone(old.Allow), old.Expires
			if err := c.applyTo(&next, now); err != nil {
				return err
			}
			if !next.Expires.IsZero() && !next.Expires.After(now) {
				return fmt.Errorf("key %s has expired: say with --expires until when the new one works", old.ID)
			}
			if c.Overlap == 0 {
				old.Revoked = now.UTC()
			} else if end := now.Add(c.Overlap).UTC(); old.Expires.IsZero() || end.Before(old.Expires) {
				old.Expires = end
			}
			k = next
			return v.AddKey(next)
		})
		if err != nil {
			return err
		}
		return c.show(cfg, console.Credentials{Stream: c.Name, Key: k, Secret: secret, Rotated: true, Overlap: c.Overlap})
	})
}

// choose finds the key that is meant: by id or label, or the only one that there is.
func choose(s *catalog.Stream, name string) (*catalog.StreamKey, error) {
	var found []*catalog.StreamKey
	var ids []string
	for i := range s.Keys {
		k := &s.Keys[i]
		if !k.Revoked.IsZero() {
			continue
		}
		ids = append(ids, strings.TrimSpace(k.ID+" "+k.Label))
		if name == "" || name == k.ID || name == k.Label {
			found = append(found, k)
		}
	}
	switch {
	case len(ids) == 0:
		return nil, fmt.Errorf("key: %w: it has none (sluice stream add gives it one)", catalog.ErrNotFound)
	case len(found) == 0:
		return nil, fmt.Errorf("key %q: %w: it has %s", name, catalog.ErrNotFound, strings.Join(ids, ", "))
	case len(found) > 1:
		return nil, fmt.Errorf("it has several keys: say which with --key: %s", strings.Join(ids, ", "))
	}
	return found[0], nil
}

// Run removes.
func (c streamRm) Run() error {
	return c.with(false, func(ctx context.Context, _ config.Config, s catalog.Store) error {
		if c.Key == "" {
			if err := s.Remove(ctx, c.Name); err != nil {
				return err
			}
			return c.done(fmt.Sprintf("removed stream %s and its keys", c.Name), console.Removed{Stream: c.Name})
		}
		var id string
		_, err := catalog.Edit(ctx, s, c.Name, func(v *catalog.Stream) error {
			k, err := choose(v, c.Key)
			if err != nil {
				return err
			}
			k.Revoked, id = time.Now().UTC(), k.ID
			return nil
		})
		if err != nil {
			return err
		}
		return c.done(fmt.Sprintf("revoked key %s of stream %s", id, c.Name), console.Removed{Stream: c.Name, Key: id})
	})
}

func (f catalogFlags) done(text string, r console.Removed) error {
	if f.JSON {
		return r.PrintJSON(os.Stdout)
	}
	_, err := fmt.Println(text)
	return err
}
