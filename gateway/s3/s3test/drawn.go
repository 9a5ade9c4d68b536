package s3test

import (
	"fmt"
	"math/rand/v2" // chance comes from seeds
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// drawer draws requests of every kind, and policies about them.
type drawer struct {
	*played
	*rand.Rand
}

func pick[T any](d drawer, of ...T) T { return of[d.IntN(len(of))] }

func (d drawer) policy(s *sent) (out []clause) {
	for range 1 + d.IntN(3) {
		out = append(out, d.clause(s))
	}
	return out
}

func (d drawer) clause(s *sent) clause {
	c := clause{effect: pick(d, "Deny", "Allow")}
	if len(s.who.cred.AccessKey) == 0 || s.who == d.bob {
		c.effect = pick(d, "Deny", "Allow", "Allow", "Allow")
	}
	asks := s.asks(d.played)
	a := asks[d.IntN(len(asks))]
	arn := "arn:aws:s3:::" + playBucket
	c.resources = pick(d, []string{arn, arn + "/*"}, []string{arn, arn + "/a/*"}, []string{arn, arn + "/" + a.key + "*"}, []string{arn + "/*"}, []string{arn})
	c.actions = pick(d, []string{"s3:*"}, []string{"s3:" + a.action}, []string{"s3:GetObject", "s3:PutObject", "s3:ListBucket"})
	if d.IntN(3) == 0 {
		return c
	}
	k := d.keyAbout(a)
	c.key, c.value = k.key, k.value
	if f := s.fact(d.played, a, k.key); len(f) > 0 && d.IntN(2) == 0 && k.key != "aws:SourceIp" {
		c.value = f[0]
	}
	if k.actions != "" {
		c.actions = nil
		for _, name := range strings.Fields(k.actions) {
			c.actions = append(c.actions, "s3:"+name)
		}
	}
	c.op = d.operator(k.key)
	if c.op == "Null" {
		c.value = pick(d, "true", "false")
	}
	return c
}

// keyAbout draws a condition key, rather one that is there for the action.
func (d drawer) keyAbout(a ask) aboutKey {
	for range d.IntN(2) * 40 {
		if k := about[d.IntN(len(about))]; slices.Contains(strings.Fields(k.actions), a.action) {
			return k
		}
	}
	return about[d.IntN(len(about))]
}

func (d drawer) operator(key string) string {
	switch key {
	case "aws:SourceIp":
		return pick(d, "IpAddress", "Null")
	case "aws:SecureTransport", "s3:ObjectCreationOperation":
		return pick(d, "Bool", "Null")
	case "aws:CurrentTime", "s3:object-lock-retain-until-date":
		return pick(d, "DateLessThan", "DateLessThanIfExists")
	case "s3:max-keys", "s3:object-lock-remaining-retention-days":
		return pick(d, "NumericEquals", "NumericLessThanEquals", "NumericLessThanEqualsIfExists", "Null")
	case "s3:RequestObjectTagKeys":
		return pick(d, "ForAnyValue:StringEquals", "ForAllValues:StringEquals", "Null")
	}
	return pick(d, "StringEquals", "StringEqualsIfExists", "StringNotEquals", "StringLike", "Null")
}

func (d drawer) request() *sent {
	s := &sent{who: pick(d, d.alice, d.alice, d.bob, d.bob, d.nobody), signed: pick(d, "header", "header", "query"), query: url.Values{}, header: http.Header{}}
	s.header.Set("User-Agent", pick(d, "kitchen/1", "cellar/2"))
	if d.IntN(3) == 0 {
		s.header.Set("Referer", pick(d, "https://example.org/", "https://example.net/"))
	}
	if s.who == d.nobody {
		s.signed = ""
	}
	pick(d, d.list, d.ofBucket, d.read, d.read, d.write, d.write, d.partly, d.partly, d.remove, d.tag, d.lock)(s)
	if s.who == d.nobody && d.IntN(4) == 0 {
		*s = sent{who: s.who, query: url.Values{}, header: http.Header{"User-Agent": {"Go-http-client/1.1"}}, method: "POST", form: true, body: "x", key: d.fresh()}
		d.making(s)
		s.header.Del("X-Amz-Tagging") // a form has a field of another kind for that
	}
	return s
}

// fresh is a key that no other request of a run has.
func (d drawer) fresh() string { return fmt.Sprintf("new/%d", d.Int64()) }

func (d drawer) list(s *sent) {
	s.method = "GET"
	if kind := pick(d, "", "list-type", "versions"); kind == "list-type" {
		s.query.Set(kind, "2")
	} else if kind != "" {
		s.query.Set(kind, "")
	}
	for name, values := range map[string][]string{"prefix": {"a/", "b/", ""}, "delimiter": {"/"}, "max-keys": {"7", "9"}} {
		if d.IntN(2) == 0 {
			s.query.Set(name, values[len(name)%len(values)])
		}
	}
	if d.IntN(6) == 0 {
		s.method, s.query = "HEAD", url.Values{}
	}
}

func (d drawer) ofBucket(s *sent) {
	if s.who == d.nobody { // what is the owner's is nobody's, whatever a policy says
		d.list(s)
		return
	}
	names := make([]string, 0, len(configured))
	for name := range configured {
		names = append(names, name)
	}
	slices.Sort(names)
	sub := pick(d, names...)
	s.method = "GET"
	if kinds := len(strings.Fields(configured[sub])); kinds > 1 {
		s.method = pick(d, "GET", "PUT", "DELETE")
	}
	undeleted := []string{"accelerate", "acl", "logging", "notification", "object-lock", "versioning"}
	if s.method == "DELETE" && slices.Contains(undeleted, sub) || sub == "accelerate" {
		s.method = "GET"
	}
	s.query.Set(sub, "")
	if sub == "inventory" && s.method != "GET" {
		s.query.Set("id", "weekly")
	}
	if d.IntN(20) == 0 {
		s.method, s.query = "DELETE", url.Values{}
	}
}

// name makes the request about a version, now and then.
func (d drawer) name(s *sent) {
	if d.IntN(3) > 0 {
		return
	}
	named := []string{"null"}
	for v := range d.versions[s.key] {
		if v != "" {
			named = append(named, v)
		}
	}
	slices.Sort(named)
	s.query.Set("versionId", pick(d, named...))
}

func (d drawer) read(s *sent) {
	s.method, s.key = pick(d, "GET", "GET", "HEAD"), pick(d, "a/red", "a/red", "a/plain", "none")
	if s.key != "none" {
		d.name(s)
	}
	if sub := pick(d, "", "", "attributes", "tagging", "retention", "legal-hold", "acl"); sub != "" && s.method == "GET" && (sub != "acl" || s.key != "none") {
		s.query.Set(sub, "")
		s.header.Set("X-Amz-Object-Attributes", "ETag")
	}
}

// making draws how an object is to be made.
func (d drawer) making(s *sent) {
	for name, values := range map[string][]string{"X-Amz-Acl": {"private", "bucket-owner-full-control"}, "X-Amz-Storage-Class": {"STANDARD"},
		"X-Amz-Server-Side-Encryption": {"AES256"}, "X-Amz-Website-Redirect-Location": {"/there", "/here"}, "X-Amz-Tagging": {"colour=red", "colour=red&size=2", "size=1"},
		"X-Amz-Object-Lock-Legal-Hold": {"ON", "OFF"}} {
		if d.IntN(5) == 0 {
			s.header.Set(name, pick(d, values...))
		}
	}
	if d.IntN(4) == 0 {
		s.header.Set("X-Amz-Object-Lock-Mode", "GOVERNANCE")
		s.header.Set("X-Amz-Object-Lock-Retain-Until-Date", d.in(72*time.Hour+time.Minute))
	}
}

func (d drawer) write(s *sent) {
	s.method, s.key = "PUT", d.fresh()
	d.making(s)
	if d.IntN(3) == 0 {
		s.header.Set("If-None-Match", "*")
	}
	if d.IntN(2) == 0 {
		s.body = "some text"
		return
	}
	s.header.Set("X-Amz-Copy-Source", d.source())
	if d.IntN(2) == 0 {
		s.header.Set("X-Amz-Metadata-Directive", pick(d, "REPLACE", "COPY"))
	}
	if s.header.Get("X-Amz-Metadata-Directive") != "REPLACE" {
		s.header.Del("X-Amz-Website-Redirect-Location") // is not implemented, whoever asks
	}
	if d.IntN(2) == 0 {
		s.header.Set("X-Amz-Tagging-Directive", "REPLACE")
	}
}

func (d drawer) source() string {
	of := &sent{key: pick(d, "a/red", "a/plain"), query: url.Values{}}
	d.name(of)
	from := pick(d, "/", "") + playBucket + "/" + of.key
	if v := of.query.Get("versionId"); v != "" && v != "null" {
		from += "?versionId=" + v
	}
	return from
}

// partly draws what is done with an upload in parts.
func (d drawer) partly(s *sent) {
	s.key = "up"
	s.query.Set("uploadId", d.upload)
	switch d.IntN(5) {
	case 0:
		s.method, s.key, s.query = "POST", d.fresh(), url.Values{"uploads": {""}}
		d.making(s)
	case 1:
		s.method = "GET"
	case 2:
		s.method, s.body = "PUT", "a part"
		s.query.Set("partNumber", "1")
	case 3:
		s.method = "PUT"
		s.query.Set("partNumber", "2")
		s.header.Set("X-Amz-Copy-Source", d.source())
	case 4:
		s.method = pick(d, "POST", "DELETE") // completes it with nothing, or an upload that there is not
		if s.method == "DELETE" {
			s.query.Set("uploadId", strings.Repeat("A", len(d.upload)))
		}
	}
}

func (d drawer) remove(s *sent) {
	s.method, s.key = "DELETE", "gone"
	if d.IntN(2) == 0 {
		s.query.Set("versionId", "null")
	}
	if d.IntN(2) == 0 {
		return
	}
	s.method, s.key, s.query = "POST", "", url.Values{"delete": {""}}
	one := pick(d, "<Object><Key>gone</Key></Object>", "<Object><Key>gone</Key><VersionId>null</VersionId></Object>")
	s.body = "<Delete>" + one + "</Delete>"
	s.header.Set("Content-MD5", md5Of(s.body))
}

func (d drawer) tag(s *sent) {
	s.method, s.key = pick(d, "GET", "PUT", "DELETE"), pick(d, "a/red", "a/plain")
	d.name(s)
	s.query.Set("tagging", "")
	if s.method != "GET" { // of a version that there is not, so that tags stay what they are
		s.query.Set("versionId", "null")
	}
	if s.method == "PUT" {
		s.body = pick(d, tagging("colour", "red"), tagging("size", "2"), tagging("colour", "green", "size", "1"))
	}
}

func (d drawer) lock(s *sent) {
	s.method, s.key = pick(d, "GET", "PUT"), "a/plain"
	sub := pick(d, "retention", "legal-hold")
	s.query.Set(sub, "")
	if s.method == "GET" {
		return
	}
	if s.body = "<LegalHold><Status>ON</Status></LegalHold>"; sub == "retention" {
		s.body = "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>" + d.in(72*time.Hour+time.Minute) + "</RetainUntilDate></Retention>"
	}
}
