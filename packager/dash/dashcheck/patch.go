package dashcheck

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// patchNamespace is that of patches.
const patchNamespace = "urn:mpeg:dash:schema:mpd-patch:2020"

// ErrOtherBase is returned for a patch of another MPD: whoever gets it loads the whole one.
var ErrOtherBase = errors.New("the patch is one of another MPD")

// CheckPatch applies a patch (ISO/IEC 23009-1 §5.15) to the MPD base, operation by operation
// (RFC 5261), and demands that next is what comes out.
func CheckPatch(base, patch, next []byte) error {
	was, err := readTree(base)
	if err != nil {
		return fmt.Errorf("read the MPD: %w", err)
	}
	is, err := readTree(next)
	if err != nil {
		return fmt.Errorf("read the next MPD: %w", err)
	}
	p, err := readTree(patch)
	if err != nil {
		return fmt.Errorf("read the patch: %w", err)
	}
	if err := checkPatchRoot(p, was, is); err != nil {
		return err
	}
	for _, op := range p.children {
		if err := was.apply(op); err != nil {
			return fmt.Errorf("line %d: %w", op.line, err)
		}
	}
	if a, b := was.canonical(), is.canonical(); a != b {
		return fmt.Errorf("the patch makes %s, and not %s", a, b)
	}
	return nil
}

func checkPatchRoot(p, was, is *node) error {
	if p.name.Local != "Patch" || p.name.Space != patchNamespace {
		return fmt.Errorf("the root is %s in %q", p.name.Local, p.name.Space)
	}
	if len(p.children) == 0 {
		return errors.New("no operation")
	}
	for _, a := range p.attrs {
		if a.Name.Local != "mpdId" && a.Name.Local != "originalPublishTime" && a.Name.Local != "publishTime" {
			return fmt.Errorf("Patch has no attribute %s", a.Name.Local)
		}
	}
	for name, from := range map[string]struct {
		n    *node
		attr string
	}{"originalPublishTime": {was, "publishTime"}, "mpdId": {was, "id"}, "publishTime": {is, "publishTime"}} {
		said, _ := p.attr(name)
		want, _ := from.n.attr(from.attr)
		if said == "" || said != want {
			return fmt.Errorf("%s is %q, and %q in the MPD: %w", name, said, want, ErrOtherBase)
		}
	}
	return nil
}

// canonical is a text that equal trees have in common. The namespaces of elements are
// left out: a patch's elements have its own.
func (n *node) canonical() string {
	var b strings.Builder
	b.WriteString("<" + n.name.Local)
	attrs := slices.Clone(n.attrs)
	slices.SortFunc(attrs, func(a, b xml.Attr) int { return strings.Compare(a.Name.Local, b.Name.Local) })
	for _, a := range attrs {
		fmt.Fprintf(&b, " %s=%q", a.Name.Local, a.Value)
	}
	b.WriteString(">" + strings.TrimSpace(n.text))
	for _, c := range n.children {
		b.WriteString("\n" + c.canonical())
	}
	return b.String()
}

// pathStep is one of a path: the element of a name that has a place or an attribute.
type pathStep struct {
	name  string
	place int // counted from 1; 0: not said
	key   string
	value string
}

// parsePath reads the XPath of an operation, in the form that RFC 5261 §4.1 allows and
// players read: /MPD/Period[@id='3']/S[2]/@t.
func parsePath(sel string) (steps []pathStep, attr string, err error) {
	rest, ok := strings.CutPrefix(sel, "/")
	for ok && rest != "" && attr == "" {
		var s pathStep
		if a, is := strings.CutPrefix(rest, "@"); is {
			attr, rest = a, ""
			break
		}
		n := strings.IndexAny(rest, "/[")
		if n < 0 {
			n = len(rest)
		}
		if s.name, rest = rest[:n], rest[n:]; s.name == "" {
			return nil, "", fmt.Errorf("path %.120q", sel)
		}
		if key, is := strings.CutPrefix(rest, "[@"); is {
			quote := "'"
			if s.key, key, is = strings.Cut(key, "="); is && strings.HasPrefix(key, `"`) {
				quote = `"`
			}
			key, is1 := strings.CutPrefix(key, quote)
			value, after, is2 := strings.Cut(key, quote+"]")
			if !is || !is1 || !is2 || s.key == "" {
				return nil, "", fmt.Errorf("path %.120q", sel)
			}
			s.value, rest = value, after
		} else if place, is := strings.CutPrefix(rest, "["); is {
			number, after, is := strings.Cut(place, "]")
			if s.place, err = strconv.Atoi(number); !is || err != nil || s.place < 1 {
				return nil, "", fmt.Errorf("path %.120q", sel)
			}
			rest = after
		}
		steps = append(steps, s)
		if len(steps) > maxDepth {
			return nil, "", errors.New("a path that is too deep")
		}
		if rest != "" {
			rest, ok = strings.CutPrefix(rest, "/")
			ok = ok && rest != ""
		}
	}
	if !ok || len(steps) == 0 || strings.ContainsAny(attr, "/[") {
		return nil, "", fmt.Errorf("path %.120q", sel)
	}
	return steps, attr, nil
}

// find returns the one element that a step names, and its place among the children.
func (n *node) find(s pathStep) (int, error) {
	at, count := -1, 0
	for i, c := range n.children {
		if c.name.Local != s.name {
			continue
		}
		if v, ok := c.attr(s.key); s.key != "" && (!ok || v != s.value) {
			continue
		}
		if count++; s.place == 0 || count == s.place {
			if at >= 0 {
				return 0, fmt.Errorf("more than one %s (RFC 5261 §4.1)", s.name)
			}
			at = i
		}
	}
	if at < 0 {
		return 0, fmt.Errorf("no %s", s.name)
	}
	return at, nil
}

// apply carries out an operation.
func (n *node) apply(op *node) error {
	sel, _ := op.attr("sel")
	steps, attr, err := parsePath(sel)
	if err != nil {
		return err
	}
	if steps[0] != (pathStep{name: n.name.Local}) || op.name.Space != patchNamespace {
		return fmt.Errorf("%s of %.120q", op.name.Local, sel)
	}
	var parent *node
	target, at := n, 0
	for _, s := range steps[1:] {
		if at, err = target.find(s); err != nil {
			return fmt.Errorf("%.120q: %w", sel, err)
		}
		parent, target = target, target.children[at]
	}
	switch {
	case attr != "":
		return target.applyAttribute(op, attr)
	case op.name.Local == "add":
		return target.add(op, parent, at)
	case parent == nil:
		return fmt.Errorf("%s of the root", op.name.Local)
	case op.name.Local == "remove" && len(op.children) == 0:
		parent.children = slices.Delete(parent.children, at, at+1)
		return nil
	case op.name.Local == "replace" && len(op.children) == 1 && op.children[0].name.Local == target.name.Local:
		parent.children[at] = op.children[0]
		return nil
	}
	return fmt.Errorf("%s of %.120q with %d elements", op.name.Local, sel, len(op.children))
}

// applyAttribute replaces an attribute, which is there.
func (n *node) applyAttribute(op *node, name string) error {
	for i, a := range n.attrs {
		if a.Name.Local == name && op.name.Local == "replace" && len(op.children) == 0 {
			n.attrs[i].Value = strings.TrimSpace(op.text)
			return nil
		}
	}
	return fmt.Errorf("%s of attribute %s", op.name.Local, name)
}

// add adds what op holds to n, which is parent's child at.
func (n *node) add(op, parent *node, at int) error {
	pos, _ := op.attr("pos")
	switch {
	case len(op.children) == 0:
		return errors.New("nothing is added")
	case pos == "":
		n.children = append(n.children, op.children...)
	case pos == "prepend":
		n.children = slices.Insert(n.children, 0, op.children...)
	case parent != nil && pos == "after":
		parent.children = slices.Insert(parent.children, at+1, op.children...)
	case parent != nil && pos == "before":
		parent.children = slices.Insert(parent.children, at, op.children...)
	default:
		return fmt.Errorf("pos is %.20q", pos)
	}
	return nil
}
