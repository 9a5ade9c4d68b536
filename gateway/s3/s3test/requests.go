package s3test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2" // chance comes from seeds
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rhizome/base/seeds"
	"rhizome/gateway/s3/sigv4"
)

// played is the bucket that the requests of testPolicyOfRequests are about.
type played struct {
	*env
	upload   string
	versions map[string]map[string]map[string]string // tags by key and version; "" is the current one
}

func (w *played) tags(key, version string) map[string]string { return w.versions[key][version] }

func (w *played) now() time.Time { return w.clock.Now() }

const playBucket = "played"

func newPlayed(e *env) *played {
	w := &played{env: e, versions: map[string]map[string]map[string]string{}}
	e.alice.do("PUT", "/"+playBucket, "", "x-amz-bucket-object-lock-enabled", "true").is(200)
	put := func(key, tags string) {
		v := e.alice.do("PUT", "/"+playBucket+"/"+key, "x", "x-amz-tagging", tags).is(200).header.Get("x-amz-version-id")
		of, _ := url.ParseQuery(tags)
		if w.versions[key] == nil {
			w.versions[key] = map[string]map[string]string{}
		}
		all := map[string]string{}
		for name := range of {
			all[name] = of.Get(name)
		}
		w.versions[key][v], w.versions[key][""] = all, all
	}
	put("a/red", "colour=blue")
	put("a/red", "colour=red&size=1")
	put("a/plain", "")
	w.upload = e.alice.do("POST", "/"+playBucket+"/up?uploads", "").is(200).text("UploadId")
	return w
}

// clause is a statement of a policy: for everybody, with one condition or none.
type clause struct {
	effect             string
	actions, resources []string
	op, key, value     string
}

func (c *clause) json() map[string]any {
	out := map[string]any{"Effect": c.effect, "Principal": "*", "Action": c.actions, "Resource": c.resources}
	if c.op != "" {
		out["Condition"] = map[string]any{c.op: map[string]any{c.key: c.value}}
	}
	return out
}

// aboutKey is a condition key, with the actions for which S3 has it ("" for all) and a value.
type aboutKey struct {
	key, actions, value string
	made                bool // it is about how an object is made
}

var about = []aboutKey{
	{key: "aws:SourceIp", value: "127.0.0.0/8"}, {key: "aws:SecureTransport", value: "false"}, {key: "aws:CurrentTime", value: "2027-01-01T00:00:00Z"},
	{key: "aws:UserAgent", value: "kitchen/1"}, {key: "aws:Referer", value: "https://example.org/"}, {key: "aws:username", value: "RZ0123456789ABCDEFbob"},
	{key: "aws:PrincipalType", value: "User"},
	{key: "s3:authType", value: "REST-QUERY-STRING"}, {key: "s3:signatureversion", value: "AWS4-HMAC-SHA256"}, {key: "s3:x-amz-content-sha256", value: "UNSIGNED-PAYLOAD"},
	{key: "s3:prefix", actions: "ListBucket ListBucketVersions", value: "a/"}, {key: "s3:delimiter", actions: "ListBucket ListBucketVersions", value: "/"},
	{key: "s3:max-keys", actions: "ListBucket ListBucketVersions", value: "7"},
	{key: "s3:VersionId", actions: "GetObjectVersion DeleteObjectVersion GetObjectVersionTagging PutObjectVersionTagging DeleteObjectVersionTagging GetObjectVersionAttributes", value: "null"},
	{key: "s3:ExistingObjectTag/colour", actions: "GetObject GetObjectVersion GetObjectTagging GetObjectVersionTagging PutObjectTagging GetObjectAttributes DeleteObjectTagging", value: "red"},
	{key: "s3:ExistingObjectTag/size", actions: "GetObject GetObjectVersion GetObjectAcl", value: "1"},
	{key: "s3:RequestObjectTag/colour", actions: "PutObject PutObjectTagging PutObjectVersionTagging", value: "red", made: true},
	{key: "s3:RequestObjectTagKeys", actions: "PutObject PutObjectTagging PutObjectVersionTagging", value: "colour", made: true},
	{key: "s3:ObjectCreationOperation", actions: "PutObject", value: "true"},
	{key: "s3:x-amz-acl", actions: "PutObject PutObjectAcl", value: "private", made: true},
	{key: "s3:x-amz-copy-source", actions: "PutObject", value: playBucket + "/a/red"}, {key: "s3:x-amz-metadata-directive", actions: "PutObject", value: "REPLACE"},
	{key: "s3:x-amz-storage-class", actions: "PutObject", value: "STANDARD", made: true},
	{key: "s3:x-amz-server-side-encryption", actions: "PutObject", value: "AES256", made: true},
	{key: "s3:x-amz-website-redirect-location", actions: "PutObject", value: "/there", made: true},
	{key: "s3:if-none-match", actions: "PutObject", value: "*"},
	{key: "s3:object-lock-mode", actions: "PutObject PutObjectRetention", value: "GOVERNANCE", made: true},
	{key: "s3:object-lock-remaining-retention-days", actions: "PutObject PutObjectRetention", value: "3", made: true},
	{key: "s3:object-lock-retain-until-date", actions: "PutObject PutObjectRetention", value: "2026-11-23T00:00:00Z", made: true},
	{key: "s3:object-lock-legal-hold", actions: "PutObject PutObjectLegalHold", value: "ON", made: true},
}

// matches reports whether the clause is about an ask of a request.
func (c *clause) matches(w *played, s *sent, a ask) bool {
	name := "arn:aws:s3:::" + playBucket
	if a.key != "" {
		name += "/" + a.key
	}
	resource := func(r string) bool {
		before, starred := strings.CutSuffix(r, "*")
		return r == name || starred && strings.HasPrefix(name, before)
	}
	if !slices.Contains(c.actions, "s3:*") && !slices.Contains(c.actions, "s3:"+a.action) || !slices.ContainsFunc(c.resources, resource) {
		return false
	}
	if c.op == "" {
		return true
	}
	for _, k := range about {
		if k.key == c.key && k.made && s.begun() {
			return c.effect == "Allow"
		}
	}
	return c.holds(s.fact(w, a, c.key))
}

// holds is "Condition operators" of AWS's guide to IAM, as far as clauses use them.
func (c *clause) holds(got []string) bool {
	switch c.op {
	case "Null":
		return strconv.FormatBool(len(got) == 0) == c.value
	case "ForAnyValue:StringEquals":
		return slices.Contains(got, c.value)
	case "ForAllValues:StringEquals":
		return !slices.ContainsFunc(got, func(v string) bool { return v != c.value })
	case "StringNotEquals":
		return len(got) == 0 || got[0] != c.value
	}
	if len(got) == 0 {
		return strings.HasSuffix(c.op, "IfExists")
	}
	switch strings.TrimSuffix(c.op, "IfExists") {
	case "StringLike":
		return strings.HasPrefix(got[0], strings.TrimSuffix(c.value, "*"))
	case "NumericLessThanEquals":
		g, _ := strconv.Atoi(got[0])
		v, _ := strconv.Atoi(c.value)
		return g <= v
	case "DateLessThan":
		g, _ := time.Parse(time.RFC3339, got[0])
		v, _ := time.Parse(time.RFC3339, c.value)
		return g.Before(v)
	case "IpAddress": // of the one address there is
		return strings.HasPrefix(c.value, "127.")
	}
	return got[0] == c.value
}

// allowed is AWS's rule: what a policy denies is refused, the bucket's owner may else do all, others what it allows.
func (w *played) allowed(s *sent, policy []clause) bool {
	owner := s.who == w.alice
	for _, a := range s.asks(w) {
		if owner && strings.HasSuffix(a.action, "BucketPolicy") {
			continue // who can always be mended
		}
		allow := owner
		for _, c := range policy {
			if c.matches(w, s, a) {
				if c.effect == "Deny" {
					return false
				}
				allow = true
			}
		}
		if !allow {
			return false
		}
	}
	return true
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// play sends the request and reports whether it was refused.
func (w *played) play(s *sent) (refused bool, a *answer) {
	target := "/" + playBucket
	if s.key != "" && !s.form {
		target += "/" + s.key
	}
	if len(s.query) > 0 {
		target += "?" + s.query.Encode()
	}
	r := w.alice.request(s.method, target, s.body)
	if s.form {
		r = w.alice.request(s.method, target, w.formOf(s), "Content-Type", "multipart/form-data; boundary=frontier")
	} else {
		r.Header = s.header.Clone()
	}
	var err error
	switch s.signed {
	case "header":
		err = sigv4.Sign(r, s.who.cred, hashOf(s.body), w.now())
	case "query":
		var u string
		if u, err = sigv4.Presign(r, s.who.cred, w.now(), time.Hour); err == nil {
			r.URL, err = url.Parse(u)
		}
	}
	if err != nil {
		w.Fatal(err)
	}
	a = s.who.send(r)
	return a.status == 403 || strings.Contains(a.body, "<Code>AccessDenied</Code>"), a
}

func (w *played) formOf(s *sent) string {
	var b strings.Builder
	field := func(name, value string) {
		fmt.Fprintf(&b, "--frontier\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", name, value)
	}
	field("key", s.key)
	for name := range s.header {
		if strings.HasPrefix(name, "X-Amz-") {
			field(strings.ToLower(name), s.header.Get(name))
		}
	}
	b.WriteString("--frontier\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n" + s.body + "\r\n--frontier--\r\n")
	return b.String()
}

// testPolicyOfRequests: what a policy decides of a request is what AWS's texts say, from the bytes
// that are sent to the answer. Requests of every kind and policies about them are drawn; which
// actions a request asks for, and what condition keys say of it, is derived a second time here,
// without a word of the gateway's.
func testPolicyOfRequests(e *env) {
	w := newPlayed(e)
	plays, taken, count, kinds := 0, 0, map[bool]int{}, map[string]map[bool]bool{}
	for seed := range seeds.Of(e.T, 4000, 60_000) {
		plays++
		d := drawer{w, rand.New(rand.NewPCG(seed, 3))} // chance: from the seed
		s := d.request()
		policy := d.policy(s)
		var all []any
		for _, c := range policy {
			all = append(all, c.json())
		}
		doc, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": all})
		if put := e.alice.do("PUT", "/"+playBucket+"?policy", string(doc)); put.status != 204 {
			put.is(400, "MalformedPolicy") // actions and resources that do not fit each other
			continue
		}
		taken++
		allowed := w.allowed(s, policy)
		refused, a := w.play(s)
		count[refused]++
		if refused == allowed {
			e.Errorf("seed %d: %s signed in %q by %q, headers %v, body %s\nasks %+v\nof %s\nis refused: %v\n%d %s", seed, a.what, s.signed, s.who.cred.AccessKey,
				s.header, s.body, s.asks(w), doc, refused, a.status, a.body)
		}
		for _, x := range s.asks(w) {
			if kinds[x.action] == nil {
				kinds[x.action] = map[bool]bool{}
			}
			kinds[x.action][refused] = true
		}
	}
	e.Logf("%d of %d policies taken, %v, %d actions", taken, plays, count, len(kinds))
	if plays > 1 && (taken < plays/2 || min(count[true], count[false]) < taken/4) {
		e.Errorf("%d policies of %d were taken, refused %v: the test shows little", taken, plays, count)
	}
}
