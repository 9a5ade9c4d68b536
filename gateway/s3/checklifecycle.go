package s3

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"rhizome/base/errs"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// Lifecycle rules as the aws CLI has them in JSON: the elements of S3's XML by their names, those
// that may come several times in a list under the name's plural.

// ErrLifecycle is what CheckLifecycle finds wrong; its text says what.
var ErrLifecycle = errs.New(errs.Invalid, "the lifecycle rules are not understood")

const (
	maxLifecycleText = 1 << 20
	maxJSONDepth     = 8
)

// jsonLists are the lists in JSON and what each of their entries is in XML.
var jsonLists = map[string]string{"Rules": "Rule", "Tags": "Tag", "Transitions": "Transition", "NoncurrentVersionTransitions": "NoncurrentVersionTransition"}

// CheckLifecycle reads lifecycle rules in the JSON that the aws CLI takes.
func CheckLifecycle(text []byte) ([]object.LifecycleRule, error) {
	if len(text) > maxLifecycleText {
		return nil, errs.Newf(errs.Invalid, "%w: they have more than %d bytes", ErrLifecycle, maxLifecycleText)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	root, err := readJSON(d, lifecycleRoot, 0)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errs.New(errs.Invalid, "something follows them")
		}
	}
	if err != nil {
		return nil, errs.Newf(errs.Invalid, "%w: %w", ErrLifecycle, err)
	}
	if n := len(root.kids); n > 0 && root.kids[n-1].name == "TransitionDefaultMinimumObjectSize" { // the aws CLI shows it
		root.kids = root.kids[:n-1]
	} else if n > 0 && root.kids[0].name == "TransitionDefaultMinimumObjectSize" {
		root.kids = root.kids[1:]
	}
	rules, err := readLifecycle(root)
	if e := s3err.As(err); e != nil {
		err = errs.Newf(errs.Invalid, "%w: %s", ErrLifecycle, e.Message)
	}
	return rules, err
}

// readJSON reads one value as the element of that name.
func readJSON(d *json.Decoder, name string, depth int) (*node, error) {
	t, err := d.Token()
	n := &node{name: name}
	switch v := t.(type) {
	case json.Delim:
		if v != '{' || depth > maxJSONDepth {
			return nil, errs.Newf(errs.Invalid, "%s is no such list", name)
		}
		return n, readFields(d, n, depth)
	case string:
		n.text = v
	case json.Number:
		n.text = v.String()
	case bool:
		n.text = map[bool]string{true: "true", false: "false"}[v]
	default:
		if err == nil {
			err = errs.Newf(errs.Invalid, "%s has no value", name)
		}
		return nil, errs.Newf(errs.Invalid, "the JSON cannot be read: %w", err)
	}
	return n, nil
}

// readFields reads what is in an object, whose brace was read.
func readFields(d *json.Decoder, n *node, depth int) error {
	had := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok || had[name] {
			return errs.Newf(errs.Invalid, "the JSON cannot be read, or something is in it twice: %q", name)
		}
		had[name] = true
		one := jsonLists[name]
		if one == "" {
			k, err := readJSON(d, name, depth+1)
			if err != nil {
				return err
			}
			n.kids = append(n.kids, k)
			continue
		}
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			return errs.Newf(errs.Invalid, "%s is a list", name)
		}
		for d.More() {
			k, err := readJSON(d, one, depth+1)
			if err != nil {
				return err
			}
			n.kids = append(n.kids, k)
		}
		if _, err := d.Token(); err != nil {
			return errs.Newf(errs.Invalid, "the JSON cannot be read: %w", err)
		}
	}
	if _, err := d.Token(); err != nil {
		return errs.Newf(errs.Invalid, "the JSON cannot be read: %w", err)
	}
	return nil
}

// LifecycleText writes rules as CheckLifecycle reads them.
func LifecycleText(rules []object.LifecycleRule) []byte {
	d := newDoc(lifecycleRoot)
	for i := range rules {
		d.lifecycleRule(&rules[i])
	}
	d.end(lifecycleRoot)
	root, err := parseXML(d.b, lifecycleRoot)
	d.free()
	if err != nil {
		return nil // what this server writes it reads
	}
	text, _ := json.MarshalIndent(jsonOf(root), "", "  ") // strings, numbers, maps and lists: it never fails
	return append(text, '\n')
}

// jsonOf is what readJSON reads as a node.
func jsonOf(n *node) any {
	if len(n.kids) == 0 && n.name != "Filter" && n.name != lifecycleRoot {
		switch {
		case n.name == "ExpiredObjectDeleteMarker":
			return n.text == "true"
		case strings.Contains(n.name, "Days"), strings.HasPrefix(n.name, "ObjectSize"), n.name == "NewerNoncurrentVersions":
			return json.Number(n.text)
		}
		return n.text
	}
	out := map[string]any{}
	for _, k := range n.kids {
		if k.name == "Rule" || k.name == "Tag" && n.name == "And" {
			list, _ := out[k.name+"s"].([]any)
			out[k.name+"s"] = append(list, jsonOf(k))
			continue
		}
		out[k.name] = jsonOf(k)
	}
	return out
}
