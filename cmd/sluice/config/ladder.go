package config

import (
	"cmp"
	"errors"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"sluice/transcode/rung"
)

// The keys of a ladder in YAML, and of one rung of its list.
var (
	ladderFields = []string{"rungs", "encoder", "rate-control"}
	rungFields   = []string{"name", "height", "fps", "bitrate", "codec", "profile", "preset", "source"}
)

// The values of rate-control.
const (
	cappedCRF = "capped-crf"
	cbr       = "cbr"
)

// ladder reads one of three forms: the text that --ladder takes, a list of rungs,
// or a mapping whose key rungs has one of these two.
func (d *document) ladder(n ast.Node) (value, bool) {
	switch n.(type) {
	case *ast.SequenceNode, *ast.MappingNode, *ast.MappingValueNode:
	default:
		return d.scalar("ladder", n)
	}
	r := ladderReader{document: d, before: len(d.mistakes), top: n.GetToken()}
	if list, ok := n.(*ast.SequenceNode); ok {
		r.list(list)
	} else {
		r.mapping(n)
	}
	if !r.check() {
		return value{}, false
	}
	return value{text: r.spec.String(), at: d.place(r.top) + ": ladder", ladder: &r.spec}, true
}

// ladderReader remembers where each field stands, so that a mistake in it can be
// placed.
type ladderReader struct {
	*document
	spec   rung.Spec
	before int // mistakes when it began
	top    *token.Token
	source map[string]*token.Token
	rungs  []map[string]*token.Token // for each of spec.Rungs; "" is the whole
	fields map[string]*token.Token   // of the mapping
}

func (r *ladderReader) wrong(t *token.Token, problem string) { r.fail(t, "ladder: %s", problem) }

// mapping reads rungs, encoder and rate-control.
func (r *ladderReader) mapping(n ast.Node) {
	r.spec, r.fields = rung.AutoSpec(), map[string]*token.Token{}
	nodes := r.document.mapping(n, ladderFields)
	if list, ok := nodes["rungs"].(*ast.SequenceNode); ok {
		r.spec = rung.Spec{}
		r.list(list)
	} else if rungs := nodes["rungs"]; rungs != nil {
		if v, ok := r.scalar("rungs", rungs); ok {
			r.text(rungs.GetToken(), v.text)
		}
	}
	if v, ok := r.word(nodes, "encoder", r.fields); ok {
		r.spec.Encoder = rung.Encoder(v)
	}
	if v, ok := r.word(nodes, "rate-control", r.fields); ok {
		r.spec.CBR = v == cbr
		if v != cbr && v != cappedCRF {
			r.wrong(r.fields["rate-control"], strconv.Quote(v)+" is neither "+cappedCRF+" nor "+cbr)
		}
	}
}

// text reads what --ladder takes.
func (r *ladderReader) text(t *token.Token, text string) {
	spec, err := rung.Parse(text)
	if err != nil {
		r.wrong(t, err.Error())
		return
	}
	r.spec = spec
	r.rungs = slices.Repeat([]map[string]*token.Token{{"": t}}, len(spec.Rungs))
}

// list reads rungs: mappings, and pieces of --ladder's text.
func (r *ladderReader) list(n *ast.SequenceNode) {
	if n.Start != nil {
		r.top = n.Start
	}
	for _, item := range n.Values {
		switch item := item.(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
			r.rung(item)
		default:
			v, ok := r.scalar("ladder", item)
			if !ok {
				continue
			}
			piece, err := rung.Parse(v.text)
			switch {
			case err != nil:
				r.wrong(item.GetToken(), err.Error())
			case piece.Auto:
				r.wrong(item.GetToken(), "auto stands alone, without rungs")
			default:
				r.add(item.GetToken(), piece.Source, nil)
				for _, p := range piece.Rungs {
					r.rungs = append(r.rungs, map[string]*token.Token{"": item.GetToken()})
					r.spec.Rungs = append(r.spec.Rungs, p)
				}
			}
		}
	}
}

// add takes the source, which there is once.
func (r *ladderReader) add(t *token.Token, s *rung.Source, at map[string]*token.Token) {
	switch {
	case s == nil:
	case r.spec.Source != nil:
		r.wrong(t, "source is given twice")
	default:
		r.spec.Source, r.source = s, at
	}
}

// rung reads one mapping of the list.
func (r *ladderReader) rung(n ast.Node) {
	first := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		first = m.Values[0].Key.GetToken()
	} else if m, ok := n.(*ast.MappingValueNode); ok {
		first = m.Key.GetToken()
	}
	at := map[string]*token.Token{"": first}
	before := len(r.mistakes)
	nodes := r.document.mapping(n, rungFields)
	if r.isSource(nodes, at) {
		s := &rung.Source{Height: r.number(nodes, "height", at)}
		for _, field := range rungFields {
			if node := nodes[field]; node != nil && field != "source" && field != "height" {
				r.wrong(node.GetToken(), field+": source is as it was published: of it only height can be given, above which it's re-encoded")
			}
		}
		r.add(first, s, at)
		return
	}
	e := rung.Rung{Height: r.number(nodes, "height", at), FPS: r.number(nodes, "fps", at), Codec: rung.H264}
	if v, ok := r.word(nodes, "codec", at); ok {
		e.Codec = rung.Codec(v)
	}
	if v, ok := r.word(nodes, "bitrate", at); ok {
		var err error
		if e.Bitrate, err = rung.ParseBitrate(v); err != nil {
			r.wrong(at["bitrate"], err.Error())
		}
	}
	e.Profile, _ = r.word(nodes, "profile", at)
	e.Preset, _ = r.word(nodes, "preset", at)
	named := false
	if e.Name, named = r.word(nodes, "name", at); !named {
		e.Name = rung.DefaultName(e)
	}
	if at["height"] == nil && len(r.mistakes) == before {
		r.wrong(first, "a rung needs a height")
	}
	r.rungs, r.spec.Rungs = append(r.rungs, at), append(r.spec.Rungs, e)
}

func (r *ladderReader) isSource(nodes map[string]ast.Node, at map[string]*token.Token) bool {
	v, ok := r.word(nodes, "source", at)
	if ok && v != "true" && v != "false" {
		r.wrong(at["source"], strconv.Quote(v)+" is neither true nor false")
	}
	return ok && v != "false"
}

// word returns a field's text, and notes where it stands.
func (r *ladderReader) word(nodes map[string]ast.Node, field string, at map[string]*token.Token) (string, bool) {
	n := nodes[field]
	if n == nil {
		return "", false
	}
	v, ok := r.scalar("ladder: "+field, n)
	if ok {
		at[field] = n.GetToken()
	}
	return v.text, ok
}

// number returns a field's whole number, 0 where there's none.
func (r *ladderReader) number(nodes map[string]ast.Node, field string, at map[string]*token.Token) int {
	v, ok := r.word(nodes, field, at)
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(v, 10, 31)
	if err != nil || n == 0 {
		r.wrong(at[field], field+": "+strconv.Quote(v)+" is not a whole number from 1")
	}
	return int(n)
}

// check looks at what was read, if that went without a mistake: first at each rung,
// then at how they go together.
func (r *ladderReader) check() bool {
	if len(r.mistakes) > r.before {
		return false
	}
	for i, e := range r.spec.Rungs {
		r.put(e.Validate(), r.rungs[i])
	}
	if len(r.mistakes) > r.before {
		return false
	}
	err := r.spec.Validate()
	at := r.fields
	var field *rung.FieldError
	switch errors.As(err, &field); {
	case field == nil:
	case field.Rung >= 0:
		at = r.rungs[field.Rung]
	case field.Field == "height":
		at = r.source
	}
	r.put(err, at)
	return err == nil
}

// put says a mistake where its field stands, or else at the whole.
func (r *ladderReader) put(err error, at map[string]*token.Token) {
	if err == nil {
		return
	}
	t := cmp.Or(at[""], r.top)
	var field *rung.FieldError
	if errors.As(err, &field) && at[field.Field] != nil {
		t = at[field.Field]
	}
	r.wrong(t, err.Error())
}
