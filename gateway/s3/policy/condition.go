package policy

import (
	"encoding/json"
	"strconv"
	"strings"
)

// quantifier says how many of a request's values a condition is about.
type quantifier uint8

const (
	single quantifier = iota
	forAll
	forAny
)

// condition is one operator with one key.
type condition struct {
	operator
	null     bool // the operator is Null
	set      quantifier
	ifExists bool
	name     string // of the key
	made     bool   // as in key
	texts    []text
	values   []any
}

// readConditions reads the element Condition.
func readConditions(v any, vars bool) ([]condition, error) {
	all, ok := v.(object)
	if !ok {
		return nil, fault(badType, "Condition")
	}
	var out []condition
	for _, f := range all {
		c, err := readOperator(f.name)
		if err != nil {
			return nil, err
		}
		of, ok := f.value.(object)
		if !ok {
			return nil, fault(badType, f.name)
		}
		seen := map[string]bool{}
		for _, k := range of {
			one, err := c.with(k.name, k.value, vars)
			if err != nil {
				return nil, err
			}
			if seen[one.name] {
				return nil, fault(duplicateField+" "+k.name, f.name)
			}
			seen[one.name] = true
			out = append(out, one)
		}
	}
	return out, nil
}

// readOperator reads an operator's name with what is before and after it.
func readOperator(name string) (condition, error) {
	c, rest := condition{}, name
	for prefix, set := range map[string]quantifier{"ForAllValues:": forAll, "ForAnyValue:": forAny} {
		if s, ok := strings.CutPrefix(rest, prefix); ok {
			c.set, rest = set, s
			break
		}
	}
	if rest == "Null" {
		c.null = true
		if c.set == single {
			return c, nil
		}
		return c, fault(badOperator+" : "+name, "")
	}
	rest, c.ifExists = strings.CutSuffix(rest, "IfExists")
	o, ok := operators[rest]
	if !ok {
		return c, fault(badOperator+" : "+name, "")
	}
	c.operator = o
	return c, nil
}

// with returns the condition for one key and its values.
func (c condition) with(name string, v any, vars bool) (condition, error) {
	c.name = lowerKey(name)
	k, ok := keyOf(c.name)
	switch {
	case !ok:
		return c, fault(badKey, name)
	case !c.null && !c.fits(k.kind):
		return c, fault(badKey, name+": the operator is not for values of this kind")
	case !c.null && k.many && c.set == single:
		return c, fault(badKey, name+": a request may have several values, so the operator needs ForAllValues: or ForAnyValue:")
	}
	c.made = k.made
	values, err := scalars(name, v)
	if err != nil {
		return c, err
	}
	for _, s := range values {
		if err := c.add(name, s, vars); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *condition) add(name, s string, vars bool) error {
	switch {
	case c.null:
		b, ok := readBool(s)
		if !ok {
			return fault(badValue, name+": "+s)
		}
		c.values = append(c.values, b)
	case c.read != nil:
		v, ok := c.read(s)
		if !ok && c.name == "aws:sourceip" {
			return fault(badAddress, s)
		}
		if !ok {
			return fault(badValue, name+": "+s)
		}
		c.values = append(c.values, v)
	default:
		t, err := readText(s, vars && c.vars, c.like)
		if err != nil {
			return err
		}
		c.texts = append(c.texts, t)
	}
	return nil
}

// scalars returns one value or a list of them as texts.
func scalars(name string, v any) ([]string, error) {
	all, ok := v.(list)
	if !ok {
		all = list{v}
	}
	var out []string
	for _, e := range all {
		switch e := e.(type) {
		case string:
			out = append(out, e)
		case bool:
			out = append(out, strconv.FormatBool(e))
		case json.Number:
			out = append(out, e.String())
		default:
			return nil, fault(badValue, name)
		}
	}
	if len(out) == 0 {
		return nil, fault(badValue, name)
	}
	return out, nil
}

// holds reports whether the request meets the condition.
func (c *condition) holds(q *Question) bool {
	got := q.values(c.name)
	if c.null {
		for _, want := range c.values {
			if want == (len(got) == 0) {
				return true
			}
		}
		return false
	}
	if len(got) == 0 {
		return c.ifExists || c.set == forAll || c.set == single && c.negate
	}
	for _, v := range got {
		if ok := c.meets(q, v); ok != (c.set == forAll) {
			return ok // of forAll one that does not is enough, else one that does
		}
	}
	return c.set == forAll
}

// meets reports whether one value of the request meets the condition.
func (c *condition) meets(q *Question, got string) bool {
	for _, want := range c.values {
		if c.match(want, got) {
			return !c.negate
		}
	}
	for _, t := range c.texts {
		if want, ok := t.fill(q); ok && c.text(want, got) {
			return !c.negate
		}
	}
	return c.negate
}
