package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/storage/catalog"
)

// BenchmarkRead reads a catalog of a thousand streams with two keys each.
func BenchmarkRead(b *testing.B) {
	c, err := Open(b.Context(), b.TempDir())
	require.NoError(b, err)
	defer c.Close()
	for i := range 1000 {
		s := catalog.Stream{Name: fmt.Sprint("s", i)}
		for _, k := range []string{"a", "b"} {
			s.Keys = append(s.Keys, catalog.NewStreamKey(catalog.HashKey(fmt.Sprint(k, i)), time.Now()))
		}
		_, err := c.Put(b.Context(), s)
		require.NoError(b, err)
	}
	b.Run("by key", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			_, err := c.ByKey(b.Context(), catalog.HashKey(fmt.Sprint("a", i%1000)))
			require.NoError(b, err)
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			_, err := c.Streams(b.Context())
			require.NoError(b, err)
		}
	})
}
