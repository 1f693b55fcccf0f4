package web

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"path"
	"sync"
)

// assets are the built front end's files. Their names hold a hash of their
// content, so they are immutable.
type assets struct {
	files  fs.FS
	byName map[string]*asset
}

type asset struct {
	contentType []string
	load        sync.Once
	rendered
}

// assetTypes are those of the files that vite builds; a file of another type
// isn't served. The machine's own table of types is not asked.
var assetTypes = map[string][]string{
	".js":    {"text/javascript; charset=utf-8"},
	".css":   {"text/css; charset=utf-8"},
	".svg":   {"image/svg+xml"},
	".png":   {"image/png"},
	".webp":  {"image/webp"},
	".woff2": {"font/woff2"},
	".wasm":  {"application/wasm"},
}

func newAssets(files fs.FS) *assets {
	a := &assets{files: files, byName: map[string]*asset{}}
	// A folder that can't be read is a front end that isn't built.
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if t := assetTypes[path.Ext(name)]; t != nil {
				a.byName[name] = &asset{contentType: t}
			}
		}
		return nil
	})
	return a
}

// asset answers /assets/*.
func (s *Server) asset(x *exchange) error {
	name := x.r.PathValue("*")
	f := s.assets.byName[name]
	if f == nil {
		return errUnknown
	}
	f.load.Do(func() { f.err = f.read(s.assets.files, name) })
	if f.err != nil {
		return f.err
	}
	return x.deliver(&f.rendered, f.contentType, cacheImmutable)
}

func (f *asset) read(files fs.FS, name string) error {
	body, err := fs.ReadFile(files, name)
	if err != nil {
		return fmt.Errorf("read asset: %w", err)
	}
	f.plain = newForm(body, path.Base(name))
	// Once in the process's life, so it may take its time.
	f.squeeze.Do(func() {
		var out bytes.Buffer
		z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is a valid one
		_, _ = z.Write(body)                                    // a buffer takes every write
		_ = z.Close()
		f.pack(out.Bytes())
	})
	return nil
}
