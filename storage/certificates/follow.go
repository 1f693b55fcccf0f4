package certificates

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// follow calls look whenever one of the files may have changed, and every
// pollEvery, until ctx ends. It watches folders, not files: certbot swaps a
// symbolic link, Kubernetes one of a folder on the way, an editor renames. A
// change is given time for its companion: see settleFor. look returns when to
// look again at the latest; zero is at leisure.
func follow(ctx context.Context, log *slog.Logger, files []string, look func(now time.Time) (again time.Duration)) error {
	var events chan fsnotify.Event
	var errors chan error
	w, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("certificate files can't be watched; they are looked at now and then", "err", err, "dur", pollEvery)
	} else {
		defer w.Close()
		events, errors = w.Events, w.Errors
		rewatch(w, files)
	}
	timer := time.NewTimer(settleFor) // for what changed before anybody watched
	defer timer.Stop()
	var first time.Time // of the changes that nobody has looked at; zero: none
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-events:
			timer.Reset(settle(&first, time.Now()))
		case <-errors: // events were lost
			timer.Reset(settle(&first, time.Now()))
		case now := <-timer.C:
			first = time.Time{}
			next := pollEvery
			if again := look(now); again > 0 {
				next = again
			}
			if w != nil {
				rewatch(w, files)
			}
			timer.Reset(next)
		}
	}
}

// settle returns how long to wait after one more change, given the first.
func settle(first *time.Time, now time.Time) time.Duration {
	if first.IsZero() {
		*first = now
	}
	return max(0, min(settleFor, settleMost-now.Sub(*first)))
}

// rewatch watches the folders that the files depend on now, and no others. One
// that can't be watched, or that isn't there, is left to the poll.
func rewatch(w *fsnotify.Watcher, files []string) {
	want := map[string]bool{}
	for _, f := range files {
		maps.Copy(want, folders(f))
	}
	have := w.WatchList()
	for _, dir := range have {
		if !want[dir] {
			w.Remove(dir)
		}
	}
	for dir := range want {
		if !slices.Contains(have, dir) {
			w.Add(dir)
		}
	}
}

// folders are those in which a change can make path another file: its own, and
// that of every symbolic link on the way to it.
func folders(path string) map[string]bool {
	found := map[string]bool{}
	path, err := filepath.Abs(path)
	if err != nil {
		return found
	}
	for range maxLinks {
		link, rest := firstLink(path)
		if link == "" {
			break
		}
		found[filepath.Dir(link)] = true
		to, err := os.Readlink(link)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(link), to)
		}
		path = filepath.Join(to, rest)
	}
	found[filepath.Dir(path)] = true
	return found
}

// firstLink returns the first part of an absolute path that is a symbolic link,
// and what comes after it; empty where there's none.
func firstLink(path string) (link, rest string) {
	volume := filepath.VolumeName(path)
	parts := strings.Split(path[len(volume):], string(filepath.Separator))
	for i := range parts {
		if parts[i] == "" {
			continue
		}
		at := volume + strings.Join(parts[:i+1], string(filepath.Separator))
		info, err := os.Lstat(at)
		if err != nil {
			return "", ""
		}
		if info.Mode()&os.ModeSymlink != 0 {
			return at, filepath.Join(parts[i+1:]...)
		}
	}
	return "", ""
}

// readBounded reads a file of at most maxFile bytes.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = &os.PathError{Op: "read", Path: path, Err: errTooLong}
	}
	return text, err
}
