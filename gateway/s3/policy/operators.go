package policy

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// operator is a condition operator without its prefix and suffix.
type operator struct {
	kind   kind // of the keys that it is for
	negate bool
	like   bool // * and ? are wildcards
	vars   bool // variables may stand in its values
	// read makes of a value what match compares; nil: the value is a text.
	read  func(string) (any, bool)
	match func(want any, got string) bool
	// text compares, if the value is a text.
	text func(want glob, got string) bool
}

func equals(want glob, got string) bool { return want.matches(got) }

func fold(want glob, got string) bool {
	s, ok := want.plain()
	return ok && strings.EqualFold(s, got)
}

// arnLike compares ARNs part by part, so that no wildcard reaches over a colon but in
// the last part.
func arnLike(want glob, got string) bool {
	parts := strings.SplitN(got, ":", 6)
	if len(parts) != 6 {
		return false
	}
	for i, part := range parts {
		n := len(want)
		for j, r := range want {
			if r == ':' && i < 5 {
				n = j
				break
			}
		}
		if n == len(want) && i < 5 || !want[:n].matches(part) {
			return false
		}
		want = want[min(n+1, len(want)):]
	}
	return true
}

// operators are the condition operators of AWS but BinaryEquals, for which there is no
// key, and Null.
var operators = map[string]operator{
	"StringEquals":              {kind: words, vars: true, text: equals},
	"StringNotEquals":           {kind: words, vars: true, text: equals, negate: true},
	"StringEqualsIgnoreCase":    {kind: words, vars: true, text: fold},
	"StringNotEqualsIgnoreCase": {kind: words, vars: true, text: fold, negate: true},
	"StringLike":                {kind: words, vars: true, like: true, text: equals},
	"StringNotLike":             {kind: words, vars: true, like: true, text: equals, negate: true},
	"ArnEquals":                 {kind: arn, vars: true, like: true, text: arnLike},
	"ArnLike":                   {kind: arn, vars: true, like: true, text: arnLike},
	"ArnNotEquals":              {kind: arn, vars: true, like: true, text: arnLike, negate: true},
	"ArnNotLike":                {kind: arn, vars: true, like: true, text: arnLike, negate: true},
	"Bool":                      {kind: boolean, read: readBool, match: sameBool},
	"IpAddress":                 {kind: address, read: readNet, match: inNet},
	"NotIpAddress":              {kind: address, read: readNet, match: inNet, negate: true},

	"NumericEquals":            {kind: number, read: readNumber, match: compareNumbers("=")},
	"NumericNotEquals":         {kind: number, read: readNumber, match: compareNumbers("="), negate: true},
	"NumericLessThan":          {kind: number, read: readNumber, match: compareNumbers("<")},
	"NumericLessThanEquals":    {kind: number, read: readNumber, match: compareNumbers("<=")},
	"NumericGreaterThan":       {kind: number, read: readNumber, match: compareNumbers(">")},
	"NumericGreaterThanEquals": {kind: number, read: readNumber, match: compareNumbers(">=")},

	"DateEquals":            {kind: date, read: readDate, match: compareDates("=")},
	"DateNotEquals":         {kind: date, read: readDate, match: compareDates("="), negate: true},
	"DateLessThan":          {kind: date, read: readDate, match: compareDates("<")},
	"DateLessThanEquals":    {kind: date, read: readDate, match: compareDates("<=")},
	"DateGreaterThan":       {kind: date, read: readDate, match: compareDates(">")},
	"DateGreaterThanEquals": {kind: date, read: readDate, match: compareDates(">=")},
}

// fits reports whether the operator means something for keys of that kind. Every value
// is a text too, a time in seconds a number.
func (o operator) fits(k kind) bool {
	switch {
	case k == epoch:
		return o.kind == words || o.kind == number || o.kind == date
	case k == anyKind:
		return o.kind != address && o.kind != arn
	}
	return o.kind == words || o.kind == k
}

func readBool(s string) (any, bool) {
	switch strings.ToLower(s) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return nil, false
}

func sameBool(want any, got string) bool {
	b, ok := readBool(got)
	return ok && b == want
}

func readNet(s string) (any, bool) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return nil, false
		}
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return nil, false
	}
	return p.Masked(), true
}

func inNet(want any, got string) bool {
	a, err := netip.ParseAddr(got)
	return err == nil && want.(netip.Prefix).Contains(a.Unmap().WithZone(""))
}

// readNumber takes decimal numbers only.
func readNumber(s string) (any, bool) {
	if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
		return nil, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

func holds(compare string, order int) bool {
	switch compare {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return order == 0
}

func compareNumbers(how string) func(any, string) bool {
	return func(want any, got string) bool {
		v, ok := readNumber(got)
		if !ok {
			return false
		}
		a, b := v.(float64), want.(float64)
		switch {
		case a < b:
			return holds(how, -1)
		case a > b:
			return holds(how, 1)
		}
		return holds(how, 0)
	}
}

// readDate takes W3C's forms of ISO 8601, and seconds since 1970.
func readDate(s string) (any, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "20060102T150405Z"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	if len(s) > 0 && len(s) < 13 && strings.Trim(s, "0123456789") == "" {
		n, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(n, 0), err == nil
	}
	return nil, false
}

func compareDates(how string) func(any, string) bool {
	return func(want any, got string) bool {
		t, ok := readDate(got)
		return ok && holds(how, t.(time.Time).Compare(want.(time.Time)))
	}
}
