package dashcheck

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	patchBase = `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" id="1" publishTime="2026-03-01T12:00:00.000Z"><Location>a</Location>` +
		`<Period id="3"><S t="1" d="2"/><S d="3"/></Period><Period id="4"/></MPD>`
	patchStart = `<Patch xmlns="urn:mpeg:dash:schema:mpd-patch:2020" mpdId="1" originalPublishTime="2026-03-01T12:00:00.000Z" publishTime="2026-03-01T12:00:02.000Z">` +
		`<replace sel="/MPD/@publishTime">2026-03-01T12:00:02.000Z</replace>`
)

func TestPatchIsApplied(t *testing.T) {
	next := strings.Replace(patchBase, "12:00:00", "12:00:02", 1)
	for name, c := range map[string]struct{ operations, from, to, fault string }{
		"nothing":           {``, ``, ``, ""},
		"element":           {`<replace sel="/MPD/Location[1]"><Location>b</Location></replace>`, `>a<`, `>b<`, ""},
		"place":             {`<replace sel="/MPD/Period[@id='3']/S[2]"><S d="4"/></replace>`, ` d="3"`, ` d="4"`, ""},
		"removed":           {`<remove sel="/MPD/Period[@id='4']"/>`, `<Period id="4"/>`, ``, ""},
		"double quotes":     {`<remove sel='/MPD/Period[@id="4"]'/>`, `<Period id="4"/>`, ``, ""},
		"added":             {`<add sel="/MPD/Period[@id='3']"><S d="5"/></add>`, `<S d="3"/>`, `<S d="3"/><S d="5"/>`, ""},
		"added before":      {`<add sel="/MPD/Period[@id='3']" pos="before"><A/></add>`, `<Period id="3">`, `<A/><Period id="3">`, ""},
		"added after":       {`<add sel="/MPD/Location" pos="after"><A/></add>`, `<Period id="3">`, `<A/><Period id="3">`, ""},
		"added at the head": {`<add sel="/MPD/Period[@id='3']" pos="prepend"><A/></add>`, `<S t`, `<A/><S t`, ""},
		"left undone":       {``, `>a<`, `>b<`, "the patch makes"},
		"ambiguous":         {`<remove sel="/MPD/Period"/>`, ``, ``, "more than one"},
		"not there":         {`<remove sel="/MPD/Period[@id='5']"/>`, ``, ``, "no Period"},
		"no such attribute": {`<replace sel="/MPD/@type">static</replace>`, ``, ``, "of attribute type"},
		"root":              {`<remove sel="/MPD"/>`, ``, ``, "of the root"},
		"relative":          {`<remove sel="MPD/Location"/>`, ``, ``, "path"},
		"open":              {`<remove sel="/MPD/Period[@id='4"/>`, ``, ``, "path"},
		"place 0":           {`<remove sel="/MPD/Period[0]"/>`, ``, ``, "path"},
		"no end":            {`<remove sel="/MPD/"/>`, ``, ``, "path"},
		"two in one's stead": {`<replace sel="/MPD/Location"><Location>b</Location><Location>c</Location></replace>`, ``, ``,
			"with 2 elements"},
		"unknown":       {`<move sel="/MPD/Location"/>`, ``, ``, "move of"},
		"nothing added": {`<add sel="/MPD/Location"/>`, ``, ``, "nothing is added"},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckPatch([]byte(patchBase), []byte(patchStart+c.operations+"</Patch>"), []byte(strings.Replace(next, c.from, c.to, 1)))
			if c.fault == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.fault)
			}
		})
	}
	for was, is := range map[string]string{
		`mpdId="1"`: `mpdId="2"`, `originalPublishTime="2026-03-01T12:00:00`: `originalPublishTime="2026-03-01T12:00:01`,
	} {
		require.ErrorIs(t, CheckPatch([]byte(patchBase), []byte(strings.Replace(patchStart, was, is, 1)+"</Patch>"), []byte(next)), ErrOtherBase)
	}
}

// Whatever a patch says, it ends in a tree or an error, and a path that was read is read alike
// when it's written.
func FuzzPatch(f *testing.F) {
	f.Add(`<replace sel="/MPD/Location[1]"><Location>b</Location></replace>`)
	f.Add(`<add sel="/MPD/Period[@id='3']" pos="prepend"><A/></add>`)
	f.Add(`<remove sel='/MPD/Period[@id="4"]/@id'/>`)
	f.Fuzz(func(t *testing.T, operations string) {
		_ = CheckPatch([]byte(patchBase), []byte(patchStart+operations+"</Patch>"), []byte(patchBase))
		steps, attr, err := parsePath(operations)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, s := range steps {
			b.WriteString("/" + s.name)
			switch {
			case s.place > 0:
				fmt.Fprintf(&b, "[%d]", s.place)
			case s.key != "" && strings.Contains(s.value, "'"):
				fmt.Fprintf(&b, `[@%s="%s"]`, s.key, s.value)
			case s.key != "":
				fmt.Fprintf(&b, `[@%s='%s']`, s.key, s.value)
			}
		}
		if attr != "" {
			b.WriteString("/@" + attr)
		}
		again, attrAgain, err := parsePath(b.String())
		require.NoError(t, err)
		require.Equal(t, steps, again)
		require.Equal(t, attr, attrAgain)
	})
}
