package postform

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"rhizome/gateway/s3/s3err"
)

// condition is one of a policy.
type condition struct {
	op       string // eq, starts-with or content-length-range
	field    string // lower case, without '$'
	value    string
	min, max int64
	named    bool   // the field was written with '$'; without, it is none, and nothing holds
	text     string // as written
}

// policy is a policy document.
type policy struct {
	expires    time.Time
	conditions []condition
}

func invalid(format string, args ...any) error {
	return s3err.Newf(s3err.InvalidPolicyDocument, "Invalid Policy: "+format, args...)
}

func denied(format string, args ...any) error {
	return s3err.Newf(s3err.AccessDenied, "Invalid according to Policy: "+format, args...)
}

// Authorize checks the policy of a signed form: that it has not expired, that every
// condition holds and that every field is covered by one; as in S3 the bucket counts as a
// field, so that a policy is good for the buckets it names alone. It fails with AccessDenied
// ("Invalid according to Policy: …") or InvalidPolicyDocument. It makes f.File enforce
// content-length-range. A form without a policy is the caller's to refuse.
func (f *Form) Authorize(bucket string, now time.Time) error {
	p, err := parsePolicy(f.Fields["policy"])
	if err != nil {
		return err
	}
	if !now.Before(p.expires) {
		return denied("Policy expired.")
	}
	covered := make(map[string]bool)
	for _, c := range p.conditions {
		covered[c.field] = true
		if c.op == lengthRange {
			f.file.min, f.file.max = max(f.file.min, c.min), min(f.file.max, c.max)
			continue
		}
		value := f.Fields[c.field]
		if c.field == "bucket" {
			value = bucket
		}
		if !c.named || !c.holds(value) {
			return denied("Policy Condition failed: %s", c.text)
		}
	}
	return f.covered(covered)
}

// covered checks that every field is named by a condition, but those that need none.
func (f *Form) covered(by map[string]bool) error {
	if !by["bucket"] {
		return denied("Extra input fields: bucket")
	}
	for name := range f.Fields {
		switch {
		case by[name], name == "policy", name == "x-amz-signature", strings.HasPrefix(name, "x-ignore-"):
		default:
			return denied("Extra input fields: %s", name)
		}
	}
	return nil
}

const lengthRange = "content-length-range"

// holds reports whether a field's value meets c.
func (c condition) holds(value string) bool {
	if c.op == "eq" {
		return value == c.value
	}
	if c.field != "content-type" {
		return strings.HasPrefix(value, c.value)
	}
	for one := range strings.SplitSeq(value, ",") { // a list: each must
		if !strings.HasPrefix(strings.TrimSpace(one), c.value) {
			return false
		}
	}
	return true
}

// parsePolicy reads a policy document in base64.
func parsePolicy(s string) (policy, error) {
	if s == "" {
		return policy{}, invalid("Expecting '{' but found End-of-Input")
	}
	text, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return policy{}, invalid("invalid Base64 encoding.")
	}
	if len(text) > MaxPolicy {
		return policy{}, s3err.New(s3err.MaxMessageLengthExceeded)
	}
	var p policy
	conditions, err := p.document(text)
	if err != nil {
		return policy{}, err
	}
	for _, raw := range conditions {
		c, err := parseCondition(raw)
		if err != nil {
			return policy{}, err
		}
		p.conditions = append(p.conditions, c)
	}
	return p, nil
}

// document reads a policy's two elements and returns the conditions as they stand.
func (p *policy) document(text []byte) ([]json.RawMessage, error) {
	var doc map[string]json.RawMessage
	if json.Unmarshal(text, &doc) != nil || doc == nil {
		return nil, invalid("Invalid JSON.")
	}
	for name := range doc {
		if name != "expiration" && name != "conditions" {
			return nil, invalid("Unexpected: %q", name)
		}
	}
	expiration, ok := doc["expiration"]
	if !ok {
		return nil, invalid("Policy missing expiration.")
	}
	var when string
	if json.Unmarshal(expiration, &when) != nil {
		return nil, invalid("Invalid JSON.")
	}
	var err error
	if p.expires, err = time.Parse(time.RFC3339, when); err != nil {
		return nil, invalid("Invalid 'expiration' value: '%s'", when)
	}
	raw, ok := doc["conditions"]
	if !ok {
		return nil, invalid("Policy missing conditions.")
	}
	var conditions []json.RawMessage
	if json.Unmarshal(raw, &conditions) != nil || conditions == nil {
		return nil, invalid("Invalid 'conditions' value: must be a List.")
	}
	return conditions, nil
}

// parseCondition reads {"field": "value"} or [operator, field, value].
func parseCondition(raw json.RawMessage) (condition, error) {
	c := condition{text: string(raw)}
	if len(raw) > 0 && raw[0] == '{' {
		return c, c.simple(raw)
	}
	if len(raw) == 0 || raw[0] != '[' {
		return c, invalid("Invalid condition test: must be a List or Object.")
	}
	var list []any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&list); err != nil {
		return c, invalid("Invalid JSON.")
	}
	if len(list) == 0 {
		return c, invalid("Invalid Condition: missing operation identifier.")
	}
	op, ok := list[0].(string)
	c.op = strings.ToLower(op)
	switch {
	case !ok:
		return c, invalid("Invalid JSON.")
	case c.op != "eq" && c.op != "starts-with" && c.op != lengthRange:
		return c, invalid("Invalid Condition: unknown operation '%s'.", op)
	case len(list) != 3:
		return c, invalid("Invalid %s: wrong number of arguments.", op)
	case c.op == lengthRange:
		return c, c.setRange(list[1], list[2])
	}
	name, ok1 := list[1].(string)
	value, ok2 := list[2].(string)
	if !ok1 || !ok2 {
		return c, invalid("Invalid JSON.")
	}
	name, c.named = strings.CutPrefix(name, "$")
	c.field, c.value = strings.ToLower(name), value
	return c, nil
}

// simple reads {"field": "value"}.
func (c *condition) simple(raw json.RawMessage) error {
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return invalid("Invalid JSON.")
	}
	if len(fields) != 1 {
		return invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
	}
	for name, v := range fields {
		value, ok := v.(string)
		if !ok {
			return invalid("Invalid Simple-Condition: value must be a string.")
		}
		c.op, c.field, c.value, c.named = "eq", strings.ToLower(name), value, true
		c.text = fmt.Sprintf("[%q, %q, %q]", "eq", "$"+c.field, value)
	}
	return nil
}

// setRange reads the bounds of content-length-range.
func (c *condition) setRange(low, high any) (err error) {
	if c.min, err = bound(low); err == nil {
		c.max, err = bound(high)
	}
	if err != nil {
		return invalid("Invalid JSON.")
	}
	if c.min > c.max {
		return invalid("Invalid content-length-range: %s", c.text)
	}
	return nil
}

// bound reads a whole number that is not negative, written as a number or a string.
func bound(v any) (int64, error) {
	n, err := strconv.ParseUint(fmt.Sprint(v), 10, 64)
	return int64(min(n, math.MaxInt64)), err
}
