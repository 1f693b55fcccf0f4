package dashcheck

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// namespace is that of the MPD's schema.
const namespace = "urn:mpeg:dash:schema:mpd:2011"

// node is an element.
type node struct {
	name     xml.Name
	attrs    []xml.Attr
	children []*node
	text     string
	line     int
	prefixed bool // its name has a prefix
}

// attr returns an attribute's value, and whether it is there.
func (n *node) attr(name string) (string, bool) {
	for _, a := range n.attrs {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

// all returns the children of a name.
func (n *node) all(name string) []*node {
	var list []*node
	for _, c := range n.children {
		if c.name.Local == name && c.name.Space == namespace {
			list = append(list, c)
		}
	}
	return list
}

// one returns the first child of a name, or nil.
func (n *node) one(name string) *node {
	if list := n.all(name); len(list) > 0 {
		return list[0]
	}
	return nil
}

// tagName is the name in a start tag as it is written.
func tagName(tag []byte) []byte {
	if n := bytes.IndexAny(tag, " \t\r\n/>"); n > 0 {
		return tag[1:n]
	}
	return nil
}

// readTree reads a document.
func readTree(body []byte) (*node, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("not UTF-8")
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	var root *node
	var open []*node
	for {
		from := d.InputOffset()
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := d.InputPos()
		switch token := token.(type) {
		case xml.Directive:
			return nil, errors.New("a DTD")
		case xml.StartElement:
			n := &node{name: token.Name, line: line, prefixed: bytes.HasSuffix(tagName(body[from:]), []byte(":"+token.Name.Local))}
			for _, a := range token.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					n.attrs = append(n.attrs, a)
				}
			}
			switch {
			case len(open) > 0:
				parent := open[len(open)-1]
				parent.children = append(parent.children, n)
			case root != nil:
				return nil, errors.New("a second root")
			default:
				root = n
			}
			if open = append(open, n); len(open) > maxDepth {
				return nil, errors.New("nested too deep")
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(token)
			} else if strings.TrimSpace(string(token)) != "" {
				return nil, errors.New("text outside the root")
			}
		}
	}
	if root == nil {
		return nil, errors.New("no element")
	}
	return root, nil
}
