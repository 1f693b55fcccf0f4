package config

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/web/pass"
)

func TestPlayback(t *testing.T) {
	c, err := Load(Flags{Config: yamlFile(t, `
playback: signed
origin: https://TV.example
referer: [tv.example, none]
signing:
  secret: a-secret-of-two-parties
  old-secret: the-secret-before-that
  audience: viewers
jwt:
  secret: a-secret-of-two-parties
  audience: publishers
streams:
  - {name: hall, key: 0123456789}
  - {name: yard, key: yard-yard-yard, playback: public, origin: "*", referer: ["*"]}
  - {name: roof, key: roof-roof-roof, origin: [https://a.example, "https://*.b.example"]}
`)}, env())
	require.NoError(t, err)
	require.True(t, c.Signing.On())
	require.Equal(t, Signing{Secret: "a-secret-of-two-parties", OldSecret: "the-secret-before-that", Audience: "viewers"}, c.Signing)
	require.NotContains(t, fmt.Sprintf("%+v", c), "secret-")
	var rules []pass.Rules
	for _, s := range c.Streams {
		rules = append(rules, s.Playback.Or(c.Playback).Rules())
	}
	require.Equal(t, []pass.Rules{
		{Signed: true, Origins: []string{"https://tv.example"}, Referers: []string{"tv.example", "none"}},
		{Origins: []string{"*"}, Referers: []string{"*"}},
		{Signed: true, Origins: []string{"https://a.example", "https://*.b.example"}, Referers: []string{"tv.example", "none"}},
	}, rules)
	require.True(t, rules[1].Open())
}
