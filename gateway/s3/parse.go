package s3

import (
	"bytes"
	"encoding/xml"
	"io"

	"rhizome/gateway/s3/checksum"
	"rhizome/gateway/s3/chunked"
	"rhizome/gateway/s3/s3err"
)

// Limits on XML that clients send.
const (
	maxDocument = 4 << 20
	maxDepth    = 6
	maxNodes    = 80000 // 10,000 parts of up to 7 elements
)

// node is an element of a small document. Namespaces and attributes are dropped.
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

// parseXML reads a document whose root is named root.
func parseXML(data []byte, root string) (*node, error) {
	dec := xml.NewDecoder(bytes.NewReader(data))
	var stack []*node
	var top *node
	nodes := 0
	for {
		t, err := dec.Token()
		if err == io.EOF && top != nil && len(stack) == 0 {
			return top, nil
		}
		if err != nil {
			return nil, malformed(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local}
			if nodes++; nodes > maxNodes || len(stack) == maxDepth || len(stack) == 0 && (top != nil || n.name != root) {
				return nil, malformed(nil)
			}
			if len(stack) == 0 {
				top = n
			} else {
				in := stack[len(stack)-1]
				in.kids = append(in.kids, n)
			}
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(t)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return nil, malformed(nil)
			}
		case xml.Directive:
			return nil, malformed(nil)
		}
	}
}

func malformed(cause error) error {
	e := s3err.New(s3err.MalformedXML)
	if cause != nil {
		return e.Because(cause)
	}
	return e
}
