// Package rule is what the checkers of manifests (hlscheck, dashcheck) have in
// common: rules with their sources, and violations of them. Its values are
// immutable; a Book is filled while its package initialises.
package rule

import (
	"fmt"
	"time"
)

// Level tells a demand from a recommendation.
type Level uint8

// The levels.
const (
	Must Level = iota
	Should
)

func (l Level) String() string { return [...]string{"must", "should"}[l] }

// Rule is one thing that manifests have to keep to.
type Rule struct {
	ID      string // as in "part.max"
	Section string // where it is written, as in "§4.4.4.9"; the checker says of what
	Level   Level
	Says    string
}

// Violation is a place at which a rule is broken.
type Violation struct {
	Rule   *Rule
	URL    string
	At     time.Time // when the manifest was fetched
	Line   int       // from 1; 0 where it isn't one line's fault
	Detail string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s:%d: %s (%s, %s): %s", v.URL, v.Line, v.Rule.ID, v.Rule.Section, v.Rule.Level, v.Detail)
}

// Book holds the rules of a checker, in the order of its tables.
type Book struct{ rules []*Rule }

// Add writes a rule down.
func (b *Book) Add(id, section string, level Level, says string) *Rule {
	r := &Rule{ID: id, Section: section, Level: level, Says: says}
	b.rules = append(b.rules, r)
	return r
}

// Rules returns all of them.
func (b *Book) Rules() []*Rule { return append([]*Rule(nil), b.rules...) }
