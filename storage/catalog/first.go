package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"sluice/storage/durable"
)

// FirstStream is the name of the stream that a first start makes.
const FirstStream = "live"

// First makes the stream "live" with a fresh key where the store has no stream
// yet. Since the store keeps only the hash, the key is noted in keyFile as well,
// until its owner deletes that; First returns the key as long as it's there and
// still publishes, else the zero Key.
func First(ctx context.Context, s Store, keyFile string) (Key, error) {
	key, err := readKeyFile(keyFile)
	if err != nil {
		return Key{}, err
	}
	streams, err := s.Streams(ctx)
	if err != nil {
		return Key{}, err
	}
	if len(streams) == 0 {
		// The note comes first: a crash between the two leaves a key that the next
		// start takes up, not a stream whose key nobody knows.
		if key.IsZero() {
			key = NewKey()
			if err := durable.WriteFile(keyFile, []byte(key.Reveal()+"\n"), 0o600); err != nil {
				return Key{}, fmt.Errorf("note the stream's key: %w", err)
			}
		}
		now := time.Now()
		_, err := s.Put(ctx, Stream{
			Name: FirstStream, Keys: []StreamKey{NewStreamKey(key.Hash(), now)}, Created: now.UTC().Truncate(time.Second),
		})
		return key, err
	}
	if key.IsZero() {
		return Key{}, nil
	}
	owner, err := s.ByKey(ctx, key.Hash())
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Key{}, err
	}
	if k, ok := owner.KeyOf(key.Hash()); !ok || owner.Name != FirstStream || !k.Revoked.IsZero() {
		return Key{}, nil // it was changed since
	}
	return key, nil
}

// readKeyFile returns the zero Key where there's no such file.
func readKeyFile(path string) (Key, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Key{}, nil
	}
	if err != nil {
		return Key{}, fmt.Errorf("read the stream's key: %w", err)
	}
	key, err := ParseKey(strings.TrimSpace(string(text)))
	if err != nil {
		return Key{}, fmt.Errorf("read the stream's key from %s: %w", path, err)
	}
	return key, nil
}
