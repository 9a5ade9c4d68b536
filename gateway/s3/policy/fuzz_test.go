package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// ids are the principals that tests know.
var ids = map[string]Principal{
	"alice": {Key: "alice"}, "arn:aws:iam::111122223333:user/bob": {Key: "bob"},
	"arn:aws:iam::m2:root": {Member: "m2"}, "m1": {Member: "m1"},
}

var here = Where{Bucket: "garden", Resolve: func(s string, _ bool) (Principal, bool, error) {
	id, ok := ids[s]
	return id, ok, nil
}}

// source takes choices from fuzzed bytes; without more it chooses the first.
type source struct{ b []byte }

func (s *source) n(n int) int {
	if len(s.b) == 0 {
		return 0
	}
	v := int(s.b[0]) % n
	s.b = s.b[1:]
	return v
}

func (s *source) of(list ...string) string { return list[s.n(len(list))] }

func (s *source) list(f func() any) any {
	n := s.n(4)
	if n == 0 {
		return f()
	}
	var out []any
	for range n {
		out = append(out, f())
	}
	return out
}

var (
	someNames = []string{"aws:username", "aws:UserId", "aws:PrincipalArn", "aws:PrincipalType", "s3:prefix", "S3:Delimiter", "aws:Referer", "aws:UserAgent",
		"s3:ExistingObjectTag/Class", "s3:RequestObjectTag/class", "s3:x-amz-acl", "aws:SourceIp", "s3:max-keys", "aws:SecureTransport",
		"aws:CurrentTime", "aws:EpochTime", "s3:RequestObjectTagKeys", "s3:VersionId", "aws:SourceArn", "aws:SourceAccount", "aws:PrincipalIsAWSService"}
	someTexts = []string{"", "a", "A", "home/alice", "home/${aws:username}", "${s3:prefix}", "${aws:username,'x'}*", "h*", "?", "${*}", "${aws:userid}b", "*",
		"a\nb", "arn:aws:iam::m1:user/alice", "arn:aws:iam::*:user/${aws:username}", "arn:*:iam::m?:user/*", "anonymous", "m1", "User", "€", "m1*"}
	someValues = []string{"", "a", "A", "b", "home/alice", "home/bob", "*", "?", "a\nb", "x", "10", "9.5", "007", "true", "False", "10.1.2.3", "192.168.0.7",
		"2001:db8::1", "::ffff:10.1.2.3", "2026-11-22T12:00:00Z", "1795000000", "anonymous", "€", "m1b", "alicex"}
	someNumbers = []string{"10", "9", "1e1", "-3", "9.5"}
	someDates   = []string{"2026-11-22T12:00:00Z", "2026-11-22", "1795000000", "2030-01-01T00:00:00+02:00"}
	someNets    = []string{"10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "192.168.0.0/24", "2001:db8::/32", "::/0", "2001:db8::1", "10.0.0.0/7"}
	someActions = []string{"s3:GetObject", "s3:Get*", "s3:*", "*", "S3:putobject", "s3:ListBucket", "s3:?utObject*", "s3:PutBucketPolicy", "s3:DeleteObject",
		"s3:ListBucket*", "s3:GetObjectVersion"}
	someResources = []string{"arn:aws:s3:::garden", "arn:aws:s3:::garden/*", "*", "arn:aws:s3:::g*", "arn:aws:s3:::garden/home/${aws:username}/*",
		"arn:aws:s3:::garden/?", "arn:aws:s3:::garden/*b*b", "arn:aws:s3:::garden/${s3:prefix,'a'}", "arn:aws:s3:::*/a", "arn:aws:s3:::garden/${*}"}
)

func (s *source) condition() (string, map[string]any) {
	ops := make([]string, 0, len(operators)+1)
	for _, o := range []string{"String", "Numeric", "Date", "Arn", "Bool", "IpAddress", "NotIpAddress", "Null"} {
		switch o {
		case "String":
			ops = append(ops, "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike")
		case "Numeric", "Date":
			for _, c := range []string{"Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"} {
				ops = append(ops, o+c)
			}
		case "Arn":
			ops = append(ops, "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike")
		default:
			ops = append(ops, o)
		}
	}
	op := s.of(ops...)
	values, names := someTexts, someNames
	switch {
	case strings.HasPrefix(op, "Numeric"):
		values, names = someNumbers, []string{"s3:max-keys", "aws:EpochTime", "s3:ExistingObjectTag/Class"}
	case strings.HasPrefix(op, "Date"):
		values, names = someDates, []string{"aws:CurrentTime", "aws:EpochTime"}
	case strings.HasPrefix(op, "Arn"):
		names = []string{"aws:PrincipalArn", "aws:SourceArn"}
	case strings.Contains(op, "Ip"):
		values, names = someNets, []string{"aws:SourceIp"}
	case op == "Bool":
		values, names = []string{"true", "false", "True"}, []string{"aws:SecureTransport", "aws:PrincipalIsAWSService"}
	case op == "Null":
		values = []string{"true", "false", "True"}
	}
	if op != "Null" {
		op = s.of("", "", "ForAllValues:", "ForAnyValue:") + op + s.of("", "", "IfExists")
	}
	keys := map[string]any{}
	for range 1 + s.n(2) {
		keys[s.of(names...)] = s.list(func() any { return s.of(values...) })
	}
	return op, keys
}

func (s *source) statement() map[string]any {
	not := func(name string) string { return s.of("", "", "", "Not") + name }
	st := map[string]any{"Effect": s.of("Allow", "Deny")}
	st[not("Action")] = s.list(func() any { return s.of(someActions...) })
	st[not("Resource")] = s.list(func() any { return s.of(someResources...) })
	name := not("Principal")
	switch s.n(4) {
	case 3:
		st[name] = map[string]any{"Service": s.list(func() any { return s.of(Services...) })}
	case 0:
		st[name] = "*"
	case 1:
		st[name] = map[string]any{"AWS": s.list(func() any {
			return s.of("alice", "arn:aws:iam::111122223333:user/bob", "arn:aws:iam::m2:root", "*")
		})}
	case 2:
		st[name] = map[string]any{"CanonicalUser": "m1"}
	}
	conditions := map[string]any{}
	for range s.n(3) {
		op, keys := s.condition()
		conditions[op] = keys
	}
	if len(conditions) > 0 {
		st["Condition"] = conditions
	}
	return st
}

func (s *source) question() *Question {
	q := &Question{Action: s.of("s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject", "s3:PutBucketPolicy", "s3:GetObjectVersion", "s3:GetBucketAcl")}
	if OnObject(q.Action) {
		q.Key = s.of("a", "home/alice/x", "home/bob/x", "bb", "a/b/c\nb", "*", "€")
	}
	switch s.n(5) {
	case 4:
		q.Caller = &Caller{Service: s.of(Services...)}
	case 1:
		q.Caller = &Caller{Key: "alice", Member: "m1"}
	case 2:
		q.Caller = &Caller{Key: "bob", Member: "m2"}
	case 3:
		q.Caller = &Caller{Key: "*", Member: "m1"}
	}
	q.Grants = Grants{Owner: s.n(4) == 3, Caller: s.n(4) == 3, Anybody: s.n(4) == 3, Known: s.n(2) == 1, Closed: s.n(8) == 7}
	q.Begun = s.n(4) == 3
	q.Block = Block{IgnoreACLs: s.n(2) == 1, Restrict: s.n(2) == 1}
	facts := map[string][]string{}
	for _, name := range someNames {
		if s.n(2) == 1 {
			facts[lowerKey(name)] = []string{s.of(someValues...)}
		}
	}
	if k := "s3:requestobjecttagkeys"; facts[k] != nil {
		facts[k] = append(facts[k], s.of(someValues...))
	}
	q.Value = func(key string) []string { return facts[key] }
	return q
}

// against holds a policy's decision against the second interpreter's.
func against(t *testing.T, doc []byte, p *Policy, q *Question) {
	n := naive{bucket: here.Bucket, ids: ids}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	if err := dec.Decode(&n.doc); err != nil {
		t.Fatalf("%s was taken: %v", doc, err)
	}
	if got, want := Decide(p, q), n.decide(q); got.Allow != want {
		t.Fatalf("%+v (%v), the naive interpreter says %v:\n%s\n%+v %+v", got, got.Why, want, doc, q, q.Caller)
	}
	if p.Public() != n.public() {
		t.Fatalf("public: %v, the naive interpreter says %v:\n%s", p.Public(), n.public(), doc)
	}
}

// agree makes a policy and questions of a few words and holds the decisions against the
// second interpreter's. It reports whether the policy was taken.
func agree(t *testing.T, b []byte) bool {
	s := &source{b}
	doc := map[string]any{"Version": s.of("2012-10-17", "2012-10-17", "2008-10-17")}
	doc["Statement"] = s.list(func() any { return s.statement() })
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(text, here)
	if err != nil {
		return false
	}
	for range 8 {
		against(t, text, p, s.question())
	}
	return true
}

func FuzzDecide(f *testing.F) {
	for i := range 64 {
		f.Add(chance(uint64(i), 200))
	}
	f.Fuzz(func(t *testing.T, b []byte) { agree(t, b) })
}

// chance returns n bytes of a seed.
func chance(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestAgree plays what a fuzzer would take long to find: many policies of a few words.
func TestAgree(t *testing.T) {
	taken := 0
	for seed := range uint64(4000) {
		if agree(t, chance(seed, 300)) {
			taken++
		}
	}
	if taken < 800 {
		t.Errorf("only %d of 4,000 policies were taken: the test shows little", taken)
	}
}

// FuzzParse: whatever is taken decides, and no document makes that fail. Decisions are those of the second
// interpreter, but for documents of many stars, on which it would ponder for ever, and of escapes, which
// may be stars too.
func FuzzParse(f *testing.F) {
	for _, m := range malformed {
		f.Add([]byte(m.doc))
	}
	for i := range 16 {
		s := &source{bytes.Repeat([]byte{byte(i), byte(7 * i), byte(31 * i)}, 60)}
		doc, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": s.statement()})
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := Parse(doc, here)
		if err != nil {
			return
		}
		if !utf8.Valid(doc) || len(p.statements) == 0 {
			t.Fatalf("%q was taken", doc)
		}
		for i := range 6 {
			q := (&source{bytes.Repeat([]byte{byte(i), byte(5 * i), byte(11 * i)}, 40)}).question()
			if bytes.ContainsRune(doc, '\\') || bytes.Count(doc, []byte("*")) > 8 {
				_ = Decide(p, q)
				_ = p.Public()
				continue
			}
			against(t, doc, p, q)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	var st []string
	for i := range 20 {
		st = append(st, fmt.Sprintf(`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::garden/secret-%d/*",
			"Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`, i))
	}
	p, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[`+strings.Join(st, ",")+`]}`), here)
	if err != nil {
		b.Fatal(err)
	}
	q := &Question{Action: "s3:GetObject", Key: "photos/2026/summer/beach.jpg", Caller: &Caller{Key: "alice", Member: "m1"}, Grants: Grants{Caller: true}}
	b.ReportAllocs()
	for b.Loop() {
		if !Decide(p, q).Allow {
			b.Fatal("denied")
		}
	}
}

// BenchmarkWorst is the longest policy that a decision can be made slow with.
func BenchmarkWorst(b *testing.B) {
	res := "arn:aws:s3:::garden/" + strings.Repeat("*a", 9000) + "b"
	p, err := Parse([]byte(`{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"`+res+`"}}`), here)
	if err != nil {
		b.Fatal(err)
	}
	q := &Question{Action: "s3:GetObject", Key: strings.Repeat("a", 1024)}
	for b.Loop() {
		Decide(p, q)
	}
}
