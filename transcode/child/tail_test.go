package child

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTailKeepsTheEnd(t *testing.T) {
	k := Tail{Max: 100}
	var all strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&all, "%05d ", i)
		fmt.Fprintf(&k, "%05d ", i)
		require.Equal(t, all.String()[max(0, all.Len()-100):], k.String())
	}
	fmt.Fprint(&k, all.String())
	require.Equal(t, all.String()[all.Len()-100:], k.String(), "more than it holds at once")
}
