package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFile bounds the configuration file.
const maxFile = 1 << 20

func readFile(path string) (layer, error) {
	f, err := os.Open(path)
	if err != nil {
		return layer{}, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return layer{}, fmt.Errorf("read configuration: %w", err)
	}
	if len(text) > maxFile {
		return layer{}, fmt.Errorf("read configuration: %s is larger than %d bytes", path, maxFile)
	}
	return parseFile(path, text)
}

// document walks the syntax tree instead of decoding it into a struct: every
// value keeps its place, so that whatever is wrong with it later can be named.
type document struct {
	path     string
	mistakes []mistake
}

type mistake struct {
	line, column int
	err          error
}

// parseFile returns what the text says. The error is for one that can't be read at
// all; other mistakes are the layer's, in the order of the text.
func parseFile(path string, text []byte) (layer, error) {
	d := &document{path: path}
	l := layer{values: map[string]value{}, groups: map[string]map[string]value{}}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) && syntax.GetToken() != nil {
			return l, fmt.Errorf("%s: %s", d.place(syntax.GetToken()), syntax.GetMessage())
		}
		return l, fmt.Errorf("%s: %w", path, err)
	}
	for i, doc := range file.Docs {
		if i > 0 {
			d.fail(doc.Start, "a second document")
			break
		}
		for key, node := range d.mapping(doc.Body, slices.Concat(names(), groupNames(), []string{"streams"})) {
			if key == "streams" {
				l.streams = d.streams(node)
			} else if groups[key] != nil {
				l.groups[key] = d.group(key, node)
			} else if v, ok := d.value(key, node); ok {
				l.values[key] = v
			}
		}
	}
	slices.SortStableFunc(d.mistakes, func(a, b mistake) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	for _, m := range d.mistakes {
		l.errs = append(l.errs, m.err)
	}
	return l, nil
}

func (d *document) place(t *token.Token) string {
	if t == nil || t.Position == nil {
		return d.path
	}
	return fmt.Sprintf("%s:%d:%d", d.path, t.Position.Line, t.Position.Column)
}

func (d *document) fail(t *token.Token, format string, args ...any) {
	m := mistake{err: fmt.Errorf("%s: %s", d.place(t), fmt.Sprintf(format, args...))}
	if t != nil && t.Position != nil {
		m.line, m.column = t.Position.Line, t.Position.Column
	}
	d.mistakes = append(d.mistakes, m)
}

// mapping returns the values by key. A node that is no mapping, or a key that
// isn't known, is a mistake.
func (d *document) mapping(n ast.Node, known []string) map[string]ast.Node {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case nil:
	case *ast.NullNode:
	case *ast.CommentGroupNode:
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		d.fail(n.GetToken(), "here stands %s instead of keys with values", kind(n))
	}
	values := map[string]ast.Node{}
	for _, p := range pairs {
		at := p.Key.GetToken()
		key := at.Value
		switch {
		case slices.Contains(known, key):
			values[key] = p.Value
		case nearest(key, known) != "":
			d.fail(at, "%s: unknown key (did you mean %s?)", key, nearest(key, known))
		default:
			d.fail(at, "%s: unknown key", key)
		}
	}
	return values
}

// value reads a setting: a single value or, where the key allows that, more.
func (d *document) value(key string, n ast.Node) (value, bool) {
	if key == "ladder" {
		return d.ladder(n)
	}
	if list, ok := n.(*ast.SequenceNode); ok && slices.Contains(lists, key) {
		return d.list(key, list)
	}
	return d.scalar(key, n)
}

// list reads a list of single values. The first tells where it stands.
func (d *document) list(key string, n *ast.SequenceNode) (value, bool) {
	var all value
	for _, item := range n.Values {
		v, ok := d.scalar(key, item)
		switch {
		case !ok:
			return value{}, false
		case all.text == "":
			all = v
		default:
			all.text += "," + v.text
		}
	}
	return all, all.text != ""
}

func (d *document) scalar(key string, n ast.Node) (value, bool) {
	t := n.GetToken()
	switch n.(type) {
	case *ast.NullNode: // as if it weren't there
		return value{}, false
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return value{text: t.Value, at: d.place(t) + ": " + key}, true
	default:
		d.fail(t, "%s: here stands %s instead of a value", key, kind(n))
		return value{}, false
	}
}

func (d *document) streams(n ast.Node) []streamSpec {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		if _, none := n.(*ast.NullNode); !none {
			d.fail(n.GetToken(), "streams: here stands %s instead of a list", kind(n))
		}
		return nil
	}
	var specs []streamSpec
	for _, item := range list.Values {
		spec := streamSpec{at: d.place(item.GetToken()) + ": streams", fields: map[string]value{}}
		if m, ok := item.(*ast.MappingNode); ok && len(m.Values) > 0 {
			spec.at = d.place(m.Values[0].Key.GetToken()) + ": streams"
		}
		before := len(d.mistakes)
		for key, node := range d.mapping(item, streamFields) {
			if key == "keys" {
				spec.keys, spec.keyed = d.keys(node)
			} else if v, ok := d.value(key, node); ok {
				spec.fields[key] = v
			}
		}
		if len(d.mistakes) == before { // else one mistake would be told twice
			specs = append(specs, spec)
		}
	}
	return specs
}

func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias"
	case *ast.TagNode:
		return "a tag"
	case *ast.LiteralNode:
		return "a block of text"
	case *ast.NullNode:
		return "nothing"
	default:
		return "a single value"
	}
}

// nearest returns the known key that is at most two changes away from key, with
// _ and - taken for the same; empty where none is.
func nearest(key string, known []string) string {
	key = strings.ReplaceAll(strings.ToLower(key), "_", "-")
	best, at := "", 3
	for _, k := range known {
		if n := distance(key, k); n < at && n < len(k) {
			best, at = k, n
		}
	}
	return best
}

// distance is the number of inserted, deleted and replaced bytes between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
