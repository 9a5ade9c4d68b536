package policy

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"
)

// maxDeep is how deep a policy nests: policy, statements, statement, condition,
// operator, values.
const maxDeep = 6

// field is a member of a JSON object. Objects are kept in the order written, and a name
// that comes twice is refused: encoding/json would take the last.
type field struct {
	name  string
	value any
}

// object is a JSON object, list a JSON array; other values are string, json.Number,
// bool and nil.
type (
	object []field
	list   []any
)

// readJSON reads a document that is one object.
func readJSON(text []byte) (object, error) {
	if len(text) == 0 || text[0] != '{' || !utf8.Valid(text) {
		return nil, fault(notJSON, "")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	v, err := readValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fault(brokenJSON, "")
	}
	return v.(object), nil
}

func readValue(dec *json.Decoder, deep int) (any, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, fault(brokenJSON, "")
	}
	delim, ok := t.(json.Delim)
	switch {
	case !ok:
		return t, nil
	case deep == maxDeep:
		return nil, fault(badType, "the document nests too deep")
	case delim == '{':
		return readObject(dec, deep+1)
	}
	out := list{}
	for dec.More() {
		v, err := readValue(dec, deep+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, closed(dec)
}

func readObject(dec *json.Decoder, deep int) (any, error) {
	out, seen := object{}, map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, fault(brokenJSON, "")
		}
		if seen[name] {
			return nil, fault(duplicateField+" "+name, "")
		}
		seen[name] = true
		v, err := readValue(dec, deep)
		if err != nil {
			return nil, err
		}
		out = append(out, field{name, v})
	}
	return out, closed(dec)
}

func closed(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return fault(brokenJSON, "")
	}
	return nil
}

// texts returns a string, or a list of strings, as a list that is not empty.
func texts(name string, v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		return []string{v}, nil
	case list:
		var out []string
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, fault(badType, name)
			}
			out = append(out, s)
		}
		if len(out) > 0 {
			return out, nil
		}
		return nil, fault(emptyList(name), name)
	}
	return nil, fault(badType, name)
}
