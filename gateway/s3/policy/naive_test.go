package policy

import (
	"encoding/json"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// naive is a second interpreter, written from AWS's text alone and sharing no code with
// the first: it evaluates the JSON each time. It is for policies that Parse takes.
type naive struct {
	doc    map[string]any
	bucket string
	ids    map[string]Principal
}

func (n naive) decide(q *Question) bool {
	if q.Grants.Owner && strings.HasSuffix(q.Action, "BucketPolicy") {
		return true
	}
	// "By default, all requests are denied. An explicit allow overrides the default. An
	// explicit deny in any policy overrides any allows."
	allowed := false
	for _, s := range many(n.doc["Statement"]) {
		st := s.(map[string]any)
		if !n.applies(st, q) {
			continue
		}
		if st["Effect"] == "Deny" {
			return false
		}
		allowed = true
	}
	granted := q.Grants.Caller
	if q.Grants.Anybody && !q.Block.IgnoreACLs {
		granted = true
	}
	if granted || !allowed {
		return granted
	}
	if q.Grants.Closed && q.Caller == nil {
		return false
	}
	if q.Block.Restrict && n.public() {
		return q.Caller != nil && q.Grants.Known
	}
	return true
}

func many(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

func (n naive) applies(s map[string]any, q *Question) bool {
	if s["Effect"] == "Allow" && n.valueless(s, q) {
		return false
	}
	who, not := s["Principal"], false
	if v, ok := s["NotPrincipal"]; ok {
		who, not = v, true
	}
	if n.principal(who, q) == not {
		return false
	}
	if v, ok := s["Action"]; ok && !n.action(v, q) {
		return false
	}
	if v, ok := s["NotAction"]; ok && n.action(v, q) {
		return false
	}
	if v, ok := s["Resource"]; ok && !n.resource(v, q) {
		return false
	}
	if v, ok := s["NotResource"]; ok && n.resource(v, q) {
		return false
	}
	if c, ok := s["Condition"].(map[string]any); ok {
		for op, keys := range c {
			for key, want := range keys.(map[string]any) {
				about := strings.HasPrefix(strings.ToLower(key), "s3:requestobjecttag") || strings.EqualFold(key, "s3:x-amz-acl")
				if q.Begun && about {
					if s["Effect"] == "Deny" {
						return false
					}
					continue
				}
				if !n.condition(op, key, many(want), q) {
					return false
				}
			}
		}
	}
	return true
}

func (n naive) principal(v any, q *Question) bool {
	if v == "*" {
		return true
	}
	for kind, list := range v.(map[string]any) {
		for _, w := range many(list) {
			if kind == "Service" && q.Caller != nil && w == q.Caller.Service {
				return true
			}
			if w == "*" {
				return true
			}
			id := n.ids[w.(string)]
			if q.Caller != nil && (id.Key != "" && id.Key == q.Caller.Key || id.Member != "" && id.Member == q.Caller.Member) {
				return true
			}
		}
	}
	return false
}

func (n naive) action(v any, q *Question) bool {
	for _, w := range many(v) {
		if regexp.MustCompile("(?is)^" + wildcards(w.(string)) + "$").MatchString(q.Action) {
			return true
		}
	}
	return false
}

func wildcards(s string) string {
	s = regexp.QuoteMeta(s)
	return strings.ReplaceAll(strings.ReplaceAll(s, `\*`, ".*"), `\?`, ".")
}

func (n naive) resource(v any, q *Question) bool {
	name := "arn:aws:s3:::" + n.bucket
	if q.Key != "" {
		name += "/" + q.Key
	}
	for _, w := range many(v) {
		if e, ok := n.expression(w.(string), true, q); ok && regexp.MustCompile("(?s)^"+e+"$").MatchString(name) {
			return true
		}
	}
	return false
}

var variable = regexp.MustCompile(`(?s)\$\{([^}]*)\}`)

// expression makes a regular expression of a text with variables; false if one of them
// has no value.
func (n naive) expression(s string, wild bool, q *Question) (string, bool) {
	quote := regexp.QuoteMeta
	if wild {
		quote = wildcards
	}
	if n.doc["Version"] != "2012-10-17" {
		return quote(s), true
	}
	out := ""
	for {
		at := variable.FindStringSubmatchIndex(s)
		if at == nil {
			return out + quote(s), true
		}
		value, ok := n.variable(s[at[2]:at[3]], q)
		if !ok {
			return "", false
		}
		out += quote(s[:at[0]]) + regexp.QuoteMeta(value)
		s = s[at[1]:]
	}
}

func (n naive) variable(s string, q *Question) (string, bool) {
	if s == "*" || s == "?" || s == "$" {
		return s, true
	}
	name, rest, given := strings.Cut(s, ",")
	if v := n.context(strings.TrimSpace(name), q); len(v) == 1 {
		return v[0], true
	}
	rest = strings.TrimSpace(rest)
	if given {
		return rest[1 : len(rest)-1], true
	}
	return "", false
}

// valueless: a variable in the resources, or in a condition on texts, has no value.
func (n naive) valueless(s map[string]any, q *Question) bool {
	var in []any
	for _, name := range []string{"Resource", "NotResource"} {
		if s[name] != nil {
			in = append(in, many(s[name])...)
		}
	}
	if c, ok := s["Condition"].(map[string]any); ok {
		for op, keys := range c {
			for _, want := range keys.(map[string]any) {
				if strings.Contains(op, "String") || strings.Contains(op, "Arn") {
					in = append(in, many(want)...)
				}
			}
		}
	}
	for _, v := range in {
		if s, ok := v.(string); ok {
			if _, ok := n.expression(s, true, q); !ok {
				return true
			}
		}
	}
	return false
}

func (n naive) context(name string, q *Question) []string {
	head, tail, tag := strings.Cut(name, "/")
	name = strings.ToLower(head)
	if tag {
		name += "/" + tail
	}
	c := q.Caller
	facts := map[string]string{"aws:principaltype": "Anonymous", "aws:userid": "anonymous"}
	if c != nil {
		facts = map[string]string{"aws:principaltype": "User", "aws:userid": c.Member, "aws:username": c.Key,
			"aws:principalaccount": c.Member, "aws:principalarn": "arn:aws:iam::" + c.Member + ":user/" + c.Key}
	}
	if c != nil && c.Service != "" {
		facts = map[string]string{"aws:principaltype": "Service"}
		if name == "aws:userid" {
			return nil
		}
	}
	facts["aws:principalisawsservice"] = strconv.FormatBool(c != nil && c.Service != "")
	if v, ok := facts[name]; ok {
		return []string{v}
	}
	if q.Value == nil || strings.HasPrefix(name, "aws:principal") || name == "aws:username" {
		return nil
	}
	return q.Value(name)
}

func (n naive) condition(op, key string, want []any, q *Question) bool {
	got := n.context(key, q)
	if op == "Null" {
		for _, w := range want {
			if strings.EqualFold(word(w), strconv.FormatBool(len(got) == 0)) {
				return true
			}
		}
		return false
	}
	base := op[strings.Index(op, ":")+1:]
	base, ifExists := strings.CutSuffix(base, "IfExists")
	negated := strings.Contains(base, "Not")
	positive := strings.Replace(base, "Not", "", 1)
	one := func(v string) bool {
		for _, w := range want {
			if n.compare(positive, word(w), v, q) {
				return !negated
			}
		}
		return negated
	}
	if len(got) == 0 && ifExists {
		return true // "If the key is not present, evaluate the condition element as true."
	}
	switch {
	case strings.HasPrefix(op, "ForAllValues:"): // "true if there are no keys in the request"
		for _, v := range got {
			if !one(v) {
				return false
			}
		}
		return true
	case strings.HasPrefix(op, "ForAnyValue:"):
		for _, v := range got {
			if one(v) {
				return true
			}
		}
		return false
	}
	if len(got) == 0 {
		return negated
	}
	return one(got[0])
}

func word(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	}
	return v.(string)
}

func (n naive) compare(op, want, got string, q *Question) bool {
	switch {
	case strings.HasPrefix(op, "String"):
		e, ok := n.expression(want, op == "StringLike", q)
		flags := "(?s)"
		if strings.HasSuffix(op, "IgnoreCase") {
			flags = "(?is)"
		}
		return ok && regexp.MustCompile(flags+"^(?:"+e+")$").MatchString(got)
	case strings.HasPrefix(op, "Arn"):
		e, ok := n.expression(want, true, q)
		if !ok {
			return false
		}
		w, g := strings.SplitN(e, ":", 6), strings.SplitN(got, ":", 6)
		if len(w) != 6 || len(g) != 6 {
			return false
		}
		for i := range w {
			if !regexp.MustCompile("(?s)^" + w[i] + "$").MatchString(g[i]) {
				return false
			}
		}
		return true
	case op == "Bool":
		return strings.EqualFold(want, got)
	case op == "IpAddress":
		if !strings.Contains(want, "/") {
			return net.ParseIP(want).Equal(net.ParseIP(got))
		}
		_, n, err := net.ParseCIDR(want)
		return err == nil && n.Contains(net.ParseIP(got))
	case strings.HasPrefix(op, "Numeric"):
		w, _ := strconv.ParseFloat(want, 64)
		g, err := strconv.ParseFloat(got, 64)
		return err == nil && ordered(strings.TrimPrefix(op, "Numeric"), g-w)
	}
	w, _ := moment(want)
	g, ok := moment(got)
	return ok && ordered(strings.TrimPrefix(op, "Date"), float64(g.Sub(w)))
}

func ordered(op string, difference float64) bool {
	return difference == 0 && strings.HasSuffix(op, "Equals") || difference < 0 && strings.HasPrefix(op, "Less") ||
		difference > 0 && strings.HasPrefix(op, "Greater")
}

func moment(s string) (time.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0), true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// public is "The meaning of public" for bucket policies.
func (n naive) public() bool {
	for _, s := range many(n.doc["Statement"]) {
		st := s.(map[string]any)
		if st["Effect"] != "Allow" {
			continue
		}
		open := st["NotPrincipal"] != nil || st["Principal"] == "*"
		if m, ok := st["Principal"].(map[string]any); ok {
			for _, w := range many(m["AWS"]) {
				open = open || w == "*"
			}
		}
		if open && !n.fixed(st) {
			return true
		}
	}
	return false
}

func (n naive) fixed(st map[string]any) bool {
	c, _ := st["Condition"].(map[string]any)
	for op, keys := range c {
		if strings.Contains(op, "Not") || strings.HasSuffix(op, "IfExists") || strings.HasPrefix(op, "ForAllValues") || op == "Null" {
			continue
		}
		for key, want := range keys.(map[string]any) {
			if n.fixes(op, strings.ToLower(key), many(want)) {
				return true
			}
		}
	}
	return false
}

func (n naive) fixes(op, key string, want []any) bool {
	switch key {
	case "aws:sourceip":
		for _, w := range want {
			if p, err := netip.ParsePrefix(word(w)); strings.Contains(op, "IpAddress") {
				if err == nil && (p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 32) {
					return false
				}
			} else if n.varies(op, word(w)) {
				return false
			}
		}
		return true
	case "aws:userid", "aws:username", "aws:principalarn", "aws:principalaccount":
		for _, w := range want {
			if n.varies(op, word(w)) || key == "aws:userid" && strings.EqualFold(word(w), "anonymous") && (word(w) == "anonymous" || strings.Contains(op, "IgnoreCase")) {
				return false
			}
		}
		return true
	}
	return false
}

func (n naive) varies(op, want string) bool {
	like := strings.Contains(op, "Like") || strings.Contains(op, "Arn")
	if n.doc["Version"] == "2012-10-17" {
		for _, m := range variable.FindAllStringSubmatch(want, -1) {
			if m[1] != "*" && m[1] != "?" && m[1] != "$" {
				return true
			}
		}
		want = variable.ReplaceAllString(want, "")
	}
	return like && strings.ContainsAny(want, "*?")
}
