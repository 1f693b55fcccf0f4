package config

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/transcode/rung"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	return string(text)
}

func TestReadmeListsEverySetting(t *testing.T) {
	var rows []string
	for line := range strings.Lines(readme(t)) {
		if strings.HasPrefix(line, "| `--") && strings.Contains(line, "`SLUICE_") {
			rows = append(rows, line)
		}
	}
	table := strings.Join(rows, "")
	for _, name := range append(names(), "config") {
		require.Regexp(t, "`--"+name+"[` ]", table)
		require.Contains(t, table, "`"+variable(name)+"`")
	}
	for _, flag := range regexp.MustCompile("`--([a-z0-9-]+)").FindAllStringSubmatch(table, -1) {
		if name := flag[1]; name != "stream" && name != "config" {
			require.Contains(t, names(), name)
		}
	}
}

func TestReadmesExamplesAreRead(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	require.GreaterOrEqual(t, len(blocks), 2)
	ladders := 0
	for _, b := range blocks {
		c, err := Load(Flags{Config: yamlFile(t, b[1])}, env())
		require.NoError(t, err, b[1])
		for _, s := range c.Streams {
			if s.Ladder != nil {
				ladders++
			}
		}
	}
	require.Equal(t, 2, ladders)
	for _, row := range regexp.MustCompile("(?m)^\\| `((?:auto|source|[0-9]+p)[^` ]*)` \\| ").FindAllStringSubmatch(readme(t), -1) {
		_, err := rung.Parse(row[1])
		require.NoError(t, err)
		ladders++
	}
	require.Equal(t, 6, ladders)
}
