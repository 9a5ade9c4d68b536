package s3

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/gateway/s3/policy"
	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/account"
	"rhizome/model/object"
)

// meets reports whether rights on a bucket are what an operation needs; keyed says that
// there is a key.
func (n need) meets(a object.Access, keyed bool) bool {
	switch n {
	case reads:
		return a.Read
	case writes:
		return a.Write
	case uploads:
		return a.Read || a.Write || a.Owner
	case owns:
		return a.Owner
	case known:
		return keyed && a != object.Access{}
	}
	return false
}

// permitted returns why a key, or anybody if nil, may not do what a route does to the
// request's bucket or object; nil if it may.
func (q *request) permitted(b *object.Bucket, k *account.Key, r *route) error {
	if r.Each && b.Settings.Policy != nil {
		return q.mayBegin(b, k, r)
	}
	actions := r.IAM
	if r.Versioned != nil && q.query.get("versionId") != "" {
		actions = r.Versioned
	}
	if r.uses("tagging") {
		actions = locksToo(taggingToo(actions, q.r.Header), q.r.Header)
	}
	return q.may(b, k, r.Need, q.key, q.r.Header, actions...)
}

// versioned is the action for an object, or for a version of it that the caller names.
func versioned(version, current, named string) string {
	if version == "" {
		return current
	}
	return named
}

// may is mayAt for the version that the request names.
func (q *request) may(b *object.Bucket, k *account.Key, n need, key string, h http.Header, actions ...string) error {
	return q.mayAt(b, k, n, object.Get{Key: key, Version: q.query.get("versionId")}, h, actions...)
}

// mayAt returns why actions on a bucket or its object are not allowed; nil if all are. h
// are the headers that conditions of a policy are held against.
func (q *request) mayAt(b *object.Bucket, k *account.Key, n need, at object.Get, h http.Header, actions ...string) error {
	there := &existing{b: b, at: at}
	if err := q.decide(b, k, n, there, h, actions...); err != nil {
		return err
	}
	if there.read && b == q.bucket && at.Key == q.key {
		q.judged = &object.Head{}
		if there.head != nil {
			q.judged = there.head
		}
	}
	return nil
}

// decide is mayAt, about what there is.
func (q *request) decide(b *object.Bucket, k *account.Key, n need, there *existing, h http.Header, actions ...string) error {
	a, at := ask(b, k, n), there.at
	if n == writes && strings.HasPrefix(at.Key, object.OwnPrefix) && !a.Grants.Owner {
		return s3err.New(s3err.AccessDenied)
	}
	if b.Settings.Policy == nil {
		if policy.Decide(nil, &a).Allow {
			return nil
		}
		return s3err.New(s3err.AccessDenied)
	}
	p, err := q.g.policies.of(b)
	a.Key, a.Value = at.Key, facts{q, h, there}.value
	a.Begun = q.route.Sub == "uploadId" && (q.route.Method == http.MethodPut || q.route.Method == http.MethodPost)
	for _, action := range actions {
		a.Action = action
		d := policy.Decide(p, &a)
		switch {
		case there.err != nil:
			return there.err // tags that cannot be read may deny everything
		case err != nil && d.Why != policy.Mends:
			return err // a policy that cannot be read may deny everything
		case !d.Allow && d.Why == policy.Denied && k != nil:
			return s3err.Newf(s3err.AccessDenied, "User: %s is not authorized to perform: %s on resource: \"%s\" with an explicit deny in a resource-based policy",
				k.ID, action, q.resource(action, at.Key))
		case d.Why == policy.Unsigned && q.route.Sub == "policy": // as S3 answers whom a policy allows what is the owner's
			return s3err.New(s3err.MethodNotAllowed)
		case !d.Allow:
			return s3err.New(s3err.AccessDenied)
		}
	}
	return nil
}

// resource is what an action is about, as a policy names it.
func (q *request) resource(action, key string) string {
	name := "arn:aws:s3:::" + q.bucketName
	if key != "" && policy.OnObject(action) {
		name += "/" + key
	}
	return name
}

// mayBegin is permitted for a route of which the body says what it does: it refuses who may
// do it to nothing.
func (q *request) mayBegin(b *object.Bucket, k *account.Key, r *route) error {
	p, err := q.g.policies.of(b)
	a := ask(b, k, r.Need)
	could := func(action string) bool { return p.Could(action, a.Caller) }
	if err != nil || policy.Decide(nil, &a).Allow || slices.ContainsFunc(slices.Concat(r.IAM, r.Versioned), could) {
		return err
	}
	return s3err.New(s3err.AccessDenied)
}

// ask is the question of a key, or of anybody, as far as bucket and need tell.
func ask(b *object.Bucket, k *account.Key, n need) policy.Question {
	block := b.Settings.Block
	a := policy.Question{Block: policy.Block{IgnoreACLs: block.IgnoreACLs, Restrict: block.Restrict}}
	a.Grants.Closed = n == owns
	a.Grants.Anybody = n.meets(b.Anonymous, k != nil)
	if k != nil {
		own := b.Grants[k.ID]
		a.Caller = &policy.Caller{Key: k.ID, Member: memberID(k)}
		a.Grants.Owner, a.Grants.Known, a.Grants.Caller = own.Owner, own != object.Access{}, n.meets(own, true)
	}
	return a
}

// hide answers AccessDenied for an object that is not there to who may not list the
// bucket, as S3 does. Only a policy allows to read what may not be listed.
func (q *request) hide(err error) error {
	if q.bucket == nil || q.bucket.Settings.Policy == nil || q.scope != anObject ||
		q.r.Method != http.MethodGet && q.r.Method != http.MethodHead || translated(err) != s3err.NoSuchKey {
		return err
	}
	if q.may(q.bucket, q.who, reads, "", q.r.Header, "s3:ListBucket") == nil {
		return err
	}
	return s3err.New(s3err.AccessDenied).Because(err)
}

func translated(err error) s3err.Code {
	if err == nil {
		return ""
	}
	return translate(err).Code
}

// facts are what a request says for the condition keys of a policy.
type facts struct {
	q     *request
	h     http.Header
	there *existing
}

// value implements policy.Question.Value.
func (f facts) value(key string) []string {
	switch kind, name, _ := strings.Cut(key, ":"); {
	case kind == "aws":
		return f.global(name)
	case strings.HasPrefix(name, "x-amz-"), name == "if-match", name == "if-none-match":
		return f.header(name)
	case strings.HasPrefix(name, "existingobjecttag/"), strings.HasPrefix(name, "requestobjecttag"):
		return f.tagged(name)
	case strings.HasPrefix(name, "object-lock-"):
		return f.lockFact(name)
	default:
		return f.ofS3(name)
	}
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (f facts) global(name string) []string {
	switch now := f.q.g.clock.Now().UTC(); name {
	case "currenttime":
		return one(now.Format(time.RFC3339))
	case "epochtime":
		return one(itoa(now.Unix()))
	case "referer":
		return one(f.q.r.Header.Get("Referer"))
	case "useragent":
		return one(f.q.r.Header.Get("User-Agent"))
	case "securetransport":
		return one(strconv.FormatBool(f.q.r.TLS != nil))
	case "sourceip":
		host, _, err := net.SplitHostPort(f.q.r.RemoteAddr)
		if err != nil {
			return nil
		}
		return one(host)
	}
	return nil
}

// header returns a header. The source of a copy is given as bucket/key, whatever way it
// was written.
func (f facts) header(name string) []string {
	v := f.h.Get(name)
	if a := f.q.auth; name == "x-amz-content-sha256" && a != nil && a.Kind != sigv4.Anonymous {
		return one(a.ContentSHA256()) // a header may say what nobody signed
	}
	if v != "" && name == "x-amz-copy-source" {
		b, key, _, err := parseSource(v)
		if err != nil {
			return nil
		}
		v = b + "/" + key
	}
	return one(v)
}

func (f facts) ofS3(name string) []string {
	q := f.q
	switch name {
	case "prefix", "delimiter", "max-keys":
		if q.scope == bucket && q.query.has(name) {
			return []string{q.query.get(name)}
		}
	case "objectcreationoperation":
		return one(strconv.FormatBool(q.route.Sub != "uploads" && (q.route.Sub != "uploadId" || q.r.Method == http.MethodPost)))
	case "versionid": // the version that is decided on, which a body or a copy's source may name
		return one(f.there.at.Version)
	case "tlsversion":
		if q.r.TLS != nil {
			return one("1." + strconv.Itoa(int(q.r.TLS.Version&0xff)-1))
		}
	}
	if q.auth == nil || q.auth.Kind == sigv4.Anonymous {
		return nil
	}
	switch name {
	case "authtype":
		return one(map[sigv4.Kind]string{sigv4.Header: "REST-HEADER", sigv4.Query: "REST-QUERY-STRING", sigv4.Form: "POST"}[q.auth.Kind])
	case "signatureversion":
		return one("AWS4-HMAC-SHA256")
	case "signatureage":
		return one(itoa(q.g.clock.Now().Sub(q.auth.Time).Milliseconds()))
	}
	return nil
}

// errNewer is a policy that this release does not understand.
var errNewer = errs.New(errs.Denied, "the bucket's policy was put by another release and is not understood: only its owner may do something, which is to mend it")

// of returns the policy of a bucket, nil if it has none.
func (c *policies) of(b *object.Bucket) (*policy.Policy, error) {
	src := b.Settings.Policy
	if src == nil {
		return nil, nil
	}
	if p := c.last(b.ID, src); p != nil {
		return p, nil
	}
	p, err := policy.Parse(src.Text, policy.Where{Bucket: src.Bucket, Resolve: resolved(src)})
	if err != nil {
		return nil, errors.Join(errNewer, err)
	}
	c.keep(b.ID, src, p)
	return p, nil
}

// resolved finds principals as they were found when the policy was put.
func resolved(src *object.Policy) func(string, bool) (policy.Principal, bool, error) {
	return func(written string, canonical bool) (policy.Principal, bool, error) {
		for _, p := range src.Principals {
			if p.Written == written && p.Canonical == canonical {
				return principalOf(p), true, nil
			}
		}
		return policy.Principal{}, false, nil
	}
}

func principalOf(p object.Principal) policy.Principal {
	if p.Key != "" {
		return policy.Principal{Key: p.Key}
	}
	return policy.Principal{Member: p.Member.String()}
}
