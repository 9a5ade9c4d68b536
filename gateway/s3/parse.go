package s3

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"rhizome/gateway/s3/checksum"
	"rhizome/gateway/s3/chunked"
	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
)

// Limits on XML that clients send.
const (
	maxDocument = 4 << 20
	maxDepth    = 6
	maxNodes    = 80000   // 10,000 parts of up to 7 elements
	maxText     = 8 << 10 // of one element, decoded
)

// node is an element of a small document, with the text of one that has no others in
// it. Namespaces and attributes are dropped.
type node struct {
	name string
	text string
	kids []*node
}

// child returns the text of the first child of that name, and whether there is one.
func (n *node) child(name string) (string, bool) {
	for _, k := range n.kids {
		if k.name == name {
			return k.text, true
		}
	}
	return "", false
}

// document reads the request's body whole and verifies it; with digest, it must
// come with Content-MD5 or an additional checksum. limit is in bytes.
func (q *request) document(limit int64, digest bool) ([]byte, error) {
	want, err := checksum.FromRequest(q.r.Header)
	if err != nil {
		return nil, err
	}
	if digest && want.MD5 == nil && want.Algorithm == checksum.None {
		return nil, s3err.Newf(s3err.InvalidRequest, "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	if q.auth.Payload.Mode == sigv4.StreamUnsignedTrailer {
		return nil, s3err.Newf(s3err.InvalidRequest, "The value of x-amz-content-sha256 header is invalid.")
	}
	if q.r.ContentLength == 0 {
		return nil, nil
	}
	body, err := chunked.Open(q.r, q.auth)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > limit:
		return nil, s3err.New(s3err.MaxMessageLengthExceeded, s3err.Field{Name: "MaxMessageLengthBytes", Value: itoa(limit)})
	}
	h := checksum.NewBody(want)
	_, _ = h.Write(data)
	_, _, err = h.Finish(body.Trailer)
	return data, err
}

// parseXML reads a document whose root is named root. The work is in proportion to its
// length: comments and instructions count as nodes, and text is kept only of elements
// without others in them.
func parseXML(data []byte, root string) (*node, error) {
	p := parser{root: root, top: &node{}}
	p.stack = []*node{p.top}
	dec := xml.NewDecoder(bytes.NewReader(data))
	for {
		t, err := dec.Token()
		if err == io.EOF && len(p.top.kids) == 1 && len(p.stack) == 1 {
			return p.top.kids[0], nil
		}
		if err == nil {
			err = p.take(t)
		}
		if err != nil {
			return nil, malformed(err)
		}
	}
}

// parser makes nodes of tokens. The stack begins with top, which holds the root.
type parser struct {
	root  string
	top   *node
	stack []*node
	text  []byte // of the innermost element so far
	nodes int
}

var (
	errShape = errors.New("a document with this root does not look so")
	errLarge = errors.New("the document has too many elements, too deep ones, or too long a text")
)

func (p *parser) take(t xml.Token) error {
	if text, ok := t.(xml.CharData); ok {
		return p.chars(text)
	}
	if p.nodes++; p.nodes > maxNodes {
		return errLarge
	}
	switch t := t.(type) {
	case xml.StartElement:
		return p.start(t.Name.Local)
	case xml.EndElement:
		p.nodes-- // counted when it began
		n := p.stack[len(p.stack)-1]
		if len(n.kids) == 0 {
			n.text = string(p.text)
		}
		p.text = p.text[:0]
		p.stack = p.stack[:len(p.stack)-1]
	case xml.ProcInst:
		if t.Target != "xml" {
			return errShape
		}
	case xml.Directive:
		return errShape
	}
	return nil
}

func (p *parser) start(name string) error {
	in := p.stack[len(p.stack)-1]
	switch {
	case in == p.top && (len(in.kids) > 0 || name != p.root):
		return errShape
	case len(p.stack) > maxDepth:
		return errLarge
	}
	n := &node{name: name}
	in.kids = append(in.kids, n)
	p.stack = append(p.stack, n)
	p.text = p.text[:0]
	return nil
}

// chars keeps the text of an element that has no others in it so far.
func (p *parser) chars(text []byte) error {
	in := p.stack[len(p.stack)-1]
	switch {
	case in == p.top && len(bytes.TrimSpace(text)) > 0:
		return errShape
	case len(in.kids) > 0, in == p.top:
		return nil
	case len(p.text)+len(text) > maxText:
		return errLarge
	}
	p.text = append(p.text, text...)
	return nil
}

func malformed(cause error) error {
	e := s3err.New(s3err.MalformedXML)
	if cause != nil {
		return e.Because(cause)
	}
	return e
}
