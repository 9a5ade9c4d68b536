package postform

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
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
// condition holds and that every field is covered by one. It fails with AccessDenied
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
		if !c.holds(value) {
			return denied("Policy Condition failed: %s", c.text)
		}
	}
	return f.covered(covered)
}

// covered checks that every field is named by a condition, but those that need none.
func (f *Form) covered(by map[string]bool) error {
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
	text, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return policy{}, invalid("the policy is not base64.")
	}
	if len(text) > MaxPolicy {
		return policy{}, s3err.New(s3err.MaxMessageLengthExceeded)
	}
	var doc struct {
		Expiration *string            `json:"expiration"`
		Conditions *[]json.RawMessage `json:"conditions"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return policy{}, invalid("Invalid JSON: %v.", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return policy{}, invalid("Invalid JSON: text behind the document.")
	}
	switch {
	case doc.Expiration == nil:
		return policy{}, invalid("Policy missing expiration.")
	case doc.Conditions == nil:
		return policy{}, invalid("Policy missing conditions.")
	}
	var p policy
	if p.expires, err = time.Parse(time.RFC3339, *doc.Expiration); err != nil {
		return policy{}, invalid("Invalid 'expiration' value: '%s'", *doc.Expiration)
	}
	for _, raw := range *doc.Conditions {
		c, err := parseCondition(raw)
		if err != nil {
			return policy{}, err
		}
		p.conditions = append(p.conditions, c)
	}
	return p, nil
}

// parseCondition reads {"field": "value"} or [operator, field, value].
func parseCondition(raw json.RawMessage) (condition, error) {
	c := condition{text: string(raw)}
	if len(raw) > 0 && raw[0] == '{' {
		var simple map[string]string
		if err := json.Unmarshal(raw, &simple); err != nil || len(simple) != 1 {
			return c, invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified, a string: %s", raw)
		}
		for name, value := range simple {
			c.op, c.field, c.value = "eq", strings.ToLower(name), value
		}
		return c, nil
	}
	var list []any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&list); err != nil || len(list) != 3 {
		return c, invalid("Invalid Condition: a condition is an object or a list of three: %s", raw)
	}
	op, ok := list[0].(string)
	c.op = strings.ToLower(op)
	if ok && c.op == lengthRange {
		return c, c.setRange(list[1], list[2])
	}
	name, ok1 := list[1].(string)
	value, ok2 := list[2].(string)
	name, ok3 := strings.CutPrefix(name, "$")
	if c.op != "eq" && c.op != "starts-with" || !ok || !ok1 || !ok2 || !ok3 || name == "" {
		return c, invalid("Invalid Condition: %s", raw)
	}
	c.field, c.value = strings.ToLower(name), value
	return c, nil
}

// setRange reads the bounds of content-length-range.
func (c *condition) setRange(low, high any) (err error) {
	if c.min, err = bound(low); err == nil {
		c.max, err = bound(high)
	}
	if err != nil || c.min > c.max {
		return invalid("Invalid content-length-range: %s", c.text)
	}
	return nil
}

// bound reads a whole number that is not negative, written as a number or a string.
func bound(v any) (int64, error) {
	n, err := strconv.ParseUint(fmt.Sprint(v), 10, 64)
	return int64(min(n, math.MaxInt64)), err
}
