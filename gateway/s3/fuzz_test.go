package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/model/object/memobject"
	"rhizome/model/object/objecttest"
)

var testTime = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

func FuzzXML(f *testing.F) {
	f.Add([]byte("<Delete><Quiet>true</Quiet><Object><Key>a</Key></Object></Delete>"))
	f.Add([]byte(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>`))
	f.Add([]byte("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"))
	f.Add([]byte("<Delete><![CDATA[x]]></Delete>"))
	for _, doc := range hostile() {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, root := range []string{"Delete", "CompleteMultipartUpload", "CreateBucketConfiguration"} {
			n, err := parseXML(b, root)
			if err != nil {
				continue
			}
			if n.name != root {
				t.Fatalf("root is %q", n.name)
			}
			if list, _, err := readDelete(n); err == nil && (len(list) == 0 || len(list) > maxDeletes) {
				t.Fatalf("%d keys", len(list))
			}
			if parts, err := readParts(n, &completion{}); err == nil && (len(parts) == 0 || len(parts) > object.MaxParts) {
				t.Fatalf("%d parts", len(parts))
			}
		}
	})
}

// FuzzTags: what is taken as an object's tags is within the limits, and is written as it is read.
func FuzzTags(f *testing.F) {
	f.Add("a=1&b=%C3%A9+x&c", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>")
	f.Add("a=1&a=2", "<Tagging><TagSet/></Tagging>")
	f.Add("%zz=&;=1&aws:x=%00", "<Tagging><TagSet><Tag><Value/><Key>aws:</Key></Tag></TagSet></Tagging>")
	f.Fuzz(func(t *testing.T, header, text string) {
		for _, read := range []func() ([]object.Tag, error){
			func() ([]object.Tag, error) { return tagsOf(http.Header{tagHeader: {header}}) },
			func() ([]object.Tag, error) { return readObjectTags([]byte(text)) },
		} {
			tags, err := read()
			if err != nil {
				continue
			}
			if len(tags) > object.MaxTags {
				t.Fatalf("%d tags", len(tags))
			}
			for _, tag := range tags {
				if tag.Key == "" || utf8.RuneCountInString(tag.Key) > maxTagKey || utf8.RuneCountInString(tag.Value) > maxTagValue {
					t.Fatalf("%+v", tag)
				}
			}
			again, err := tagsOf(http.Header{tagHeader: {tagQuery(tags)}})
			if err != nil || !slices.Equal(again, tags) {
				t.Fatalf("%+v, %v; want %+v", again, err, tags)
			}
			d := newDoc(tagRoot)
			d.tags(tags)
			d.end(tagRoot)
			if again, err := readObjectTags(d.b); err != nil || !slices.Equal(again, tags) {
				t.Fatalf("%s: %+v, %v; want %+v", d.b, again, err, tags)
			}
		}
	})
}

// FuzzLock: what is taken as a lock is one, and is written as it is read.
func FuzzLock(f *testing.F) {
	f.Add("<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>3</Days></DefaultRetention></Rule></ObjectLockConfiguration>", "GOVERNANCE", "2027-01-01T00:00:00Z", "ON")
	f.Add("<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2027-01-01T00:00:00+02:00</RetainUntilDate></Retention>", "COMPLIANCE", "0000-01-01T00:00:00Z", "OFF")
	f.Add("<LegalHold><Status>OFF</Status></LegalHold>", "", "9999-12-31T23:59:59.9999Z", "on")
	f.Fuzz(func(t *testing.T, text, mode, until, hold string) {
		if root, err := parseXML([]byte(text), lockRoot); err == nil {
			if l, err := readLock(root); err == nil && (!l.On || l.Days < 0 || l.Days > object.MaxLockDays || l.Years > object.MaxLockYears ||
				(l.Mode == object.LockNone) != (l.Days+l.Years == 0) || l.Days > 0 && l.Years > 0) {
				t.Fatalf("%s: %+v", text, l)
			}
		}
		if root, err := parseXML([]byte(text), holdRoot); err == nil {
			if l, err := readHoldOf(root); err == nil && l.Hold == object.HoldUnset {
				t.Fatalf("%s: %+v", text, l)
			}
		}
		if root, err := parseXML([]byte(text), retentionRoot); err == nil {
			if l, err := readRetentionOf(root); err == nil && (l.Mode == object.LockNone) != (l.Until == 0) {
				t.Fatalf("%s: %+v", text, l)
			}
		}
		h := http.Header{}
		for name, v := range map[string]string{lockModeHeader: mode, lockUntilHeader: until, lockHoldHeader: hold} {
			h.Set(name, v)
		}
		l, err := lockOf(h)
		if err != nil {
			return
		}
		said := http.Header{}
		sayLock(said, l)
		if again, err := lockOf(said); err != nil || again != l {
			t.Fatalf("%+v, %v; want %+v", again, err, l)
		}
	})
}

// FuzzLifecycle: rules that are taken are written as they are read.
func FuzzLifecycle(f *testing.F) {
	f.Add("<LifecycleConfiguration><Rule><ID>a</ID><Filter><And><Prefix>a/</Prefix><Tag><Key>t</Key><Value>1</Value></Tag><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></And></Filter>" +
		"<Status>Disabled</Status><Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration></Rule></LifecycleConfiguration>")
	f.Add("<LifecycleConfiguration><Rule><ID>a</ID><Prefix/><Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>" +
		"<NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays><NewerNoncurrentVersions>3</NewerNoncurrentVersions></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>")
	f.Add("<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule></LifecycleConfiguration>")
	f.Fuzz(func(t *testing.T, text string) {
		root, err := parseXML([]byte(text), lifecycleRoot)
		if err != nil {
			return
		}
		rules, err := readLifecycle(root)
		if err != nil {
			return
		}
		d := newDoc(lifecycleRoot)
		for i := range rules {
			d.lifecycleRule(&rules[i])
		}
		d.end(lifecycleRoot)
		again, err := parseXML(d.b, lifecycleRoot)
		if err != nil {
			t.Fatal(err)
		}
		if now, err := readLifecycle(again); err != nil || !reflect.DeepEqual(now, rules) {
			t.Fatalf("%s: %+v %v, want %+v", d.b, now, err, rules)
		}
	})
}

// FuzzCORS: what is taken is written as it is read, and allows what its patterns say.
func FuzzCORS(f *testing.F) {
	f.Add("<CORSConfiguration><CORSRule><ID>a</ID><AllowedMethod>PUT</AllowedMethod><AllowedOrigin>https://*.example</AllowedOrigin><AllowedHeader>*</AllowedHeader>"+
		"<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>5</MaxAgeSeconds></CORSRule></CORSConfiguration>", "https://a.example", "x-a")
	f.Add("<CORSConfiguration><CORSRule><AllowedMethod>PUT</AllowedMethod><AllowedOrigin>aba*ab</AllowedOrigin></CORSRule></CORSConfiguration>", "abab", "")
	f.Fuzz(func(t *testing.T, text, origin, header string) {
		root, err := parseXML([]byte(text), corsRoot)
		if err != nil || !utf8.ValidString(origin+header) {
			return
		}
		rules, err := readCORS(root)
		if err != nil {
			return
		}
		d := newDoc(corsRoot)
		for i := range rules {
			d.rule(&rules[i])
		}
		d.end(corsRoot)
		again, err := parseXML(d.b, corsRoot)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := readCORS(again); err != nil || !reflect.DeepEqual(back, rules) {
			t.Fatalf("%+v is written as %+v, %v", rules, back, err)
		}
		got, _ := object.FindCORS(rules, origin, "PUT", []string{strings.ToLower(header)})
		for i := range rules {
			if r := &rules[i]; allows(r, origin, header) {
				if got != r {
					t.Fatalf("%+v, want %+v", got, r)
				}
				return
			}
		}
		if got != nil {
			t.Fatalf("%+v allows %q %q", got, origin, header)
		}
	})
}

// allows is a rule read a second time, as AWS describes it.
func allows(r *object.CORSRule, origin, header string) bool {
	stands := func(patterns []string, s string) bool {
		for _, p := range patterns {
			if regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*") + "$").MatchString(s) {
				return true
			}
		}
		return false
	}
	low := strings.Split(strings.ToLower(strings.Join(r.Headers, "\n")), "\n")
	return slices.Contains(r.Methods, "PUT") && stands(r.Origins, origin) && len(r.Headers) > 0 && stands(low, strings.ToLower(header))
}

func FuzzNotification(f *testing.F) {
	f.Add("<NotificationConfiguration><QueueConfiguration><Id>a</Id><Queue>arn:rhizome:webhook::a:</Queue><Event>s3:ObjectCreated:*</Event>" +
		"<Filter><S3Key><FilterRule><Name>prefix</Name><Value> a</Value></FilterRule></S3Key></Filter></QueueConfiguration></NotificationConfiguration>")
	f.Add("<NotificationConfiguration><TopicConfiguration/></NotificationConfiguration>")
	f.Fuzz(func(t *testing.T, text string) {
		root, err := parseXML([]byte(text), notifyRoot)
		if err != nil {
			return
		}
		rules, err := readNotification(root)
		if err != nil {
			return
		}
		d := newDoc(notifyRoot)
		for i := range rules {
			d.notify(&rules[i])
		}
		d.end(notifyRoot)
		again, err := parseXML(d.b, notifyRoot)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := readNotification(again); err != nil || !reflect.DeepEqual(back, rules) {
			t.Fatalf("%+v is written as %+v, %v", rules, back, err)
		}
	})
}

func FuzzReplication(f *testing.F) {
	f.Add("<ReplicationConfiguration><Role>r</Role><Rule><ID>a</ID><Priority>1</Priority><Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter><Status>Enabled</Status>" +
		"<Destination><Bucket>arn:rhizome:remote::a:b</Bucket></Destination><DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication></Rule></ReplicationConfiguration>")
	f.Add("<ReplicationConfiguration><Role/><Rule><Prefix>p</Prefix><Status>Disabled</Status><Destination><Bucket>arn:rhizome:remote::a:b</Bucket></Destination></Rule></ReplicationConfiguration>")
	f.Fuzz(func(t *testing.T, text string) {
		root, err := parseXML([]byte(text), replicationRoot)
		if err != nil {
			return
		}
		_, rules, err := readReplication(root)
		if err != nil {
			return
		}
		d := newDoc(replicationRoot)
		for i := range rules {
			d.replicate(&rules[i])
		}
		d.end(replicationRoot)
		again, err := parseXML(d.b, replicationRoot)
		if err != nil {
			t.Fatal(err)
		}
		if _, back, err := readReplication(again); err != nil || !reflect.DeepEqual(back, rules) {
			t.Fatalf("%+v is written as %+v, %v", rules, back, err)
		}
	})
}

// FuzzQuery holds the query reader against net/url.
func FuzzQuery(f *testing.F) {
	f.Add("a=b&c&d=%20+&a=2")
	f.Add("list-type=2&prefix=%ff")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(raw)
		if err != nil {
			return
		}
		want, err := url.ParseQuery(raw)
		if err != nil {
			return // net/url refuses semicolons
		}
		for name, values := range want {
			if q.get(name) != values[0] {
				t.Fatalf("%q: %q is %q, want %q", raw, name, q.get(name), values[0])
			}
		}
	})
}

// FuzzEscape: what is appended to XML reads back as it was, if XML can carry it.
func FuzzEscape(f *testing.F) {
	f.Add("a<b>&\"'\r\n\t")
	f.Add("\x00\ufffe\uffff")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		out := string(appendEscaped(nil, s))
		if back, err := url.PathUnescape(urlEncode(s)); err != nil || back != s {
			t.Fatalf("%q: %q %v", s, back, err)
		}
		var v struct {
			Text string `xml:",chardata"`
		}
		if err := xml.Unmarshal([]byte("<v>"+out+"</v>"), &v); err == nil && v.Text != s {
			t.Fatalf("%q reads back as %q", s, v.Text)
		} else if err != nil && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0xFFFE || r == 0xFFFF }) {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

func FuzzHeaders(f *testing.F) {
	f.Add(`"a", W/"b,c" , *`, "bytes=1-2", "/bucket/key?versionId=null", "=?UTF-8?B?w6k=?=")
	f.Fuzz(func(t *testing.T, tags, span, from, meta string) {
		for _, e := range etags([]string{tags}) {
			if e == "" {
				t.Fatal("an empty ETag")
			}
		}
		if r := parseRange(span); r != nil && r.First >= 0 && r.Last >= 0 && r.Last < r.First {
			t.Fatalf("%q: %+v", span, r)
		}
		if b, k, _, err := parseSource(from); err == nil && (b == "" || k == "" || len(k) > object.MaxKey) {
			t.Fatalf("%q: %q %q", from, b, k)
		}
		text := decodeMeta(meta)
		if !utf8.ValidString(text) || decodeMeta(encodeMeta(text)) != text && !strings.Contains(text, "=?") {
			t.Fatalf("%q is %q, then %q", meta, text, decodeMeta(encodeMeta(text)))
		}
	})
}

// openable is an object service whose rights can be set.
type openable interface {
	object.Service
	ChangeAccess(ctx context.Context, bucket ident.ID, key string, change func(object.Access) object.Access) (*object.Bucket, error)
}

// front is a gateway over an empty store in memory, with one bucket that anybody may
// read and write.
func front(t testing.TB) (http.Handler, *memobject.Store) {
	store := memobject.New(clock.NewManual(testTime))
	return frontOf(t, store), store
}

func frontOf(t testing.TB, store openable) http.Handler {
	k := &account.Key{ID: "RZ0123456789ABCDEF012345", Secret: "a secret", CreateBuckets: true, Member: ident.New()}
	b, err := store.CreateBucket(context.Background(), "open", k, false)
	if err == nil {
		_, err = store.ChangeAccess(context.Background(), b.ID, "", func(object.Access) object.Access { return object.Access{Read: true, Write: true} })
	}
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Objects: store, Clock: clock.NewManual(testTime), Domains: []string{"s3.example.org"},
		Keys: func(_ context.Context, id string) (*account.Key, error) {
			if id == k.ID {
				return k, nil
			}
			return nil, errs.New(errs.NotFound, "no such key")
		}})
}

// FuzzRequest sends any request; whatever it is, the answer is whole, and an error is
// well-formed XML.
func FuzzRequest(f *testing.F) {
	h, _ := front(f)
	fuzzRequest(f, h)
}

// FuzzStored is FuzzRequest over the real store, which encodes what it keeps.
func FuzzStored(f *testing.F) {
	home := objecttest.Open(f, vfs.NewCrashable(), objecttest.NewIdentity())
	f.Cleanup(func() { home.Close(f) })
	fuzzRequest(f, frontOf(f, home.Objects))
}

func fuzzRequest(f *testing.F, h http.Handler) {
	f.Add("GET", "/open?list-type=2&prefix=a", "", "", "")
	f.Add("PUT", "/open/k", "X-Amz-Copy-Source", "/open/k", "body")
	f.Add("POST", "/open?delete", "Content-MD5", "x", "<Delete/>")
	f.Add("POST", "/open", "Content-Type", "multipart/form-data; boundary=b", "--b\r\n\r\n--b--")
	f.Add("PUT", "/open/k?uploadId=0&partNumber=1", "X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "0\r\n\r\n")
	f.Add("GET", "/open/k?partNumber=1", "Range", "bytes=0-", "")
	f.Add("GET", "/open/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0", "Authorization", "AWS4-HMAC-SHA256 x", "")
	f.Add("PUT", "/open/k", "Content-Disposition", "\xe9", "body")
	f.Add("PUT", "/open/k", "X-Amz-Meta-\xe9", "x", "body")
	f.Add("POST", "/open/k?uploads", "Content-Type", "\xe9", "")
	f.Add("POST", "/open", "Content-Type", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=key\r\n\r\n\xff\r\n"+
		"--b\r\nContent-Disposition: form-data; name=file; filename=f\r\n\r\nx\r\n--b--")
	f.Fuzz(func(t *testing.T, method, target, name, value, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || strings.ContainsAny(method, " \r\n\x00") || method == "" {
			return
		}
		r := &http.Request{Method: method, URL: u, RequestURI: target, Host: "s3.example.org", Header: http.Header{},
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
		if name != "" {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code < 200 || w.Code > 599 || w.Code == 500 {
			t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
		}
		if w.Code >= 400 && method != "HEAD" && !bytes.HasPrefix(w.Body.Bytes(), []byte(xmlHead+"<Error><Code>")) {
			t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
		}
		if w.Code < 300 && (method == "PUT" || method == "POST") {
			readable(t, h, u.Path)
		}
	})
}

// readable checks that what was written, and what it was written into, can be read and listed.
func readable(t *testing.T, h http.Handler, path string) {
	for _, target := range []*url.URL{{Path: path}, {Path: "/open"}, {Path: "/open", RawQuery: "uploads"}} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, &http.Request{Method: "GET", URL: target, Host: "s3.example.org", Header: http.Header{}, Body: http.NoBody})
		if w.Code >= 500 && w.Code != 501 {
			t.Fatalf("GET %s: %d %s", target, w.Code, w.Body)
		}
	}
}
