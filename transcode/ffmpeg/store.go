package ffmpeg

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"sluice/storage/durable"
)

// Store keeps a Capacity in a file: transcode.json in the data folder. One
// goroutine uses it at a time.
type Store struct {
	Path string // empty: it's measured each time
}

// measurement is the file's content. Another key than today's makes it worthless.
type measurement struct {
	Format   int      `json:"format"`
	Key      key      `json:"key"`
	Capacity Capacity `json:"capacity"`
}

// fileFormat changes with what is measured, and how.
const fileFormat = 1

// maxFile bounds what is read.
const maxFile = 64 << 10

// key is what prices depend on.
type key struct {
	FFmpeg  string `json:"ffmpeg"` // its version
	Encoder string `json:"encoder"`
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
}

// Capacity returns what the file has for this tool, encoder and machine; where
// it has nothing, it measures, and writes the file. That it can't be written is
// logged, and the next start measures again.
func (s Store) Capacity(ctx context.Context, t *Tool, encoder string, log *slog.Logger) (Capacity, error) {
	k := key{t.Version.Text, encoder, cpuModel(), runtime.NumCPU()}
	if s.Path != "" {
		c, err := s.load(k)
		if err == nil {
			log.Info("capacity of this machine, as measured before", "path", s.Path, "cpu", c.String())
			return c, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			log.Info("capacity is measured again", "err", err)
		}
	}
	c, err := t.Measure(ctx, encoder)
	if err != nil {
		return Capacity{}, err
	}
	log.Info("capacity of this machine", "path", s.Path, "cpu", c.String())
	if s.Path != "" {
		if err := s.save(measurement{fileFormat, k, c}); err != nil {
			log.Warn("capacity can't be kept: the next start measures again", "err", err)
		}
	}
	return c, nil
}

func (s Store) save(m measurement) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("encode capacity: %w", err)
	}
	return durable.WriteFile(s.Path, append(b, '\n'), 0o644)
}

// load reads the file strictly.
func (s Store) load(want key) (Capacity, error) {
	f, err := os.Open(s.Path)
	if err != nil {
		return Capacity{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Capacity{}, err
	}
	m, err := parseMeasurement(b)
	switch {
	case err != nil:
		return Capacity{}, fmt.Errorf("read %s: %w", s.Path, err)
	case m.Key != want:
		return Capacity{}, fmt.Errorf("%s is of other circumstances: %+v", s.Path, m.Key)
	}
	return m.Capacity, nil
}

func parseMeasurement(b []byte) (measurement, error) {
	var m measurement
	if len(b) > maxFile {
		return m, fmt.Errorf("more than %d bytes", maxFile)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return m, errors.New("more than one value")
	}
	if m.Format != fileFormat {
		return m, fmt.Errorf("format %d", m.Format)
	}
	return m, m.Capacity.validate()
}

// cpuModel names the processor, or at least its kind.
func cpuModel() string {
	model := runtime.GOOS + "/" + runtime.GOARCH
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return model
	}
	defer f.Close()
	for lines := bufio.NewScanner(io.LimitReader(f, maxFile)); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), ":")
		switch strings.TrimSpace(name) {
		case "model name", "Model", "cpu": // of x86, of ARM boards, of POWER
			if ok {
				return model + " " + strings.TrimSpace(value)
			}
		}
	}
	return model
}
