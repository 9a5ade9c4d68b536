package s3test

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sent is a request as a client sends it.
type sent struct {
	who               *client // nobody's has no key
	signed            string  // "header", "query", or "" for not at all
	method, key, body string
	query             url.Values
	header            http.Header
	form              bool
}

// ask is an action that must be allowed on the bucket, if key is "", or on an object.
type ask struct{ action, key, version string }

// configured are the parts of a bucket's configuration, after what AWS calls the actions that read
// and write them: "Required permissions for Amazon S3 API operations".
var configured = map[string]string{
	"accelerate": "GetAccelerateConfiguration PutAccelerateConfiguration", "acl": "GetBucketAcl PutBucketAcl",
	"cors": "GetBucketCORS PutBucketCORS", "encryption": "GetEncryptionConfiguration PutEncryptionConfiguration",
	"inventory": "GetInventoryConfiguration PutInventoryConfiguration", "lifecycle": "GetLifecycleConfiguration PutLifecycleConfiguration",
	"location": "GetBucketLocation", "logging": "GetBucketLogging PutBucketLogging", "notification": "GetBucketNotification PutBucketNotification",
	"object-lock":       "GetBucketObjectLockConfiguration PutBucketObjectLockConfiguration",
	"ownershipControls": "GetBucketOwnershipControls PutBucketOwnershipControls", "policy": "GetBucketPolicy PutBucketPolicy DeleteBucketPolicy",
	"policyStatus": "GetBucketPolicyStatus", "publicAccessBlock": "GetBucketPublicAccessBlock PutBucketPublicAccessBlock",
	"replication": "GetReplicationConfiguration PutReplicationConfiguration", "requestPayment": "GetBucketRequestPayment",
	"tagging": "GetBucketTagging PutBucketTagging", "uploads": "ListBucketMultipartUploads", "versioning": "GetBucketVersioning PutBucketVersioning",
	"versions": "ListBucketVersions", "website": "GetBucketWebsite PutBucketWebsite DeleteBucketWebsite",
}

// asks are the actions that a request needs, all of them.
func (s *sent) asks(w *played) []ask {
	if s.form {
		return s.writing(s.key)
	}
	if s.key == "" {
		return s.asksOfBucket()
	}
	return s.asksOfObject(w)
}

func (s *sent) asksOfBucket() (out []ask) {
	for sub, names := range configured {
		if s.query.Has(sub) {
			at := slices.Index([]string{"GET", "PUT", "DELETE"}, s.method)
			of := strings.Fields(names)
			return []ask{{action: of[min(at, len(of)-1)]}} // what is deleted is written
		}
	}
	switch {
	case s.method == "DELETE":
		return []ask{{action: "DeleteBucket"}}
	case s.query.Has("delete"):
		var doc struct {
			Object []struct{ Key, VersionId string }
		}
		_ = xml.Unmarshal([]byte(s.body), &doc)
		for _, o := range doc.Object {
			out = append(out, ofVersion("Delete", "Object", "", o.Key, o.VersionId))
		}
		return out
	}
	return []ask{{action: "ListBucket"}}
}

// ofVersion is the ask for an object, or for the version of it that is named.
func ofVersion(verb, object, what, key, version string) ask {
	if version != "" {
		return ask{verb + object + "Version" + what, key, version}
	}
	return ask{verb + object + what, key, version}
}

func (s *sent) asksOfObject(w *played) []ask {
	v := s.query.Get("versionId")
	verb := map[string]string{"GET": "Get", "HEAD": "Get", "PUT": "Put", "DELETE": "Delete"}[s.method]
	switch q := s.query; {
	case q.Has("tagging"):
		return s.missing(w, ofVersion(verb, "Object", "Tagging", s.key, v))
	case q.Has("acl"):
		return []ask{ofVersion(verb, "Object", "Acl", s.key, v)}
	case q.Has("attributes"):
		return s.missing(w, ofVersion("Get", "Object", "", s.key, v), ofVersion("Get", "Object", "Attributes", s.key, v))
	case q.Has("retention"):
		return s.missing(w, ask{verb + "ObjectRetention", s.key, v})
	case q.Has("legal-hold"):
		return s.missing(w, ask{verb + "ObjectLegalHold", s.key, v})
	case q.Has("uploadId") && s.method == "GET":
		return []ask{{action: "ListMultipartUploadParts", key: s.key}}
	case q.Has("uploadId") && s.method == "DELETE":
		return []ask{{action: "AbortMultipartUpload", key: s.key}}
	case s.method == "GET", s.method == "HEAD":
		return s.missing(w, ofVersion("Get", "Object", "", s.key, v))
	case s.method == "DELETE":
		return []ask{ofVersion("Delete", "Object", "", s.key, v)}
	}
	out := s.writing(s.key)
	if from := s.header.Get("X-Amz-Copy-Source"); from != "" {
		out = append(out, s.copying(w, from)...)
	}
	return out
}

// writing is what giving an object, with tags and a lock, takes.
func (s *sent) writing(key string) []ask {
	out := []ask{{action: "PutObject", key: key}}
	for header, action := range map[string]string{"X-Amz-Tagging": "PutObjectTagging", "X-Amz-Object-Lock-Mode": "PutObjectRetention",
		"X-Amz-Object-Lock-Legal-Hold": "PutObjectLegalHold"} {
		if s.header.Get(header) != "" {
			out = append(out, ask{action: action, key: key})
		}
	}
	return out
}

func (s *sent) copying(w *played, from string) []ask {
	path, v, _ := strings.Cut(strings.TrimPrefix(from, "/"), "?versionId=")
	_, key, _ := strings.Cut(path, "/")
	out := []ask{ofVersion("Get", "Object", "", key, v)}
	if !s.query.Has("uploadId") && s.header.Get("X-Amz-Tagging-Directive") != "REPLACE" && len(w.tags(key, v)) > 0 {
		out = append(out, ofVersion("Get", "Object", "Tagging", key, v))
	}
	return out
}

// missing adds that who may not list a bucket is not told that an object is not there.
func (s *sent) missing(w *played, asks ...ask) []ask {
	if w.versions[s.key] == nil && (s.method == "GET" || s.method == "HEAD") {
		asks = append(asks, ask{action: "ListBucket"})
	}
	return asks
}

// begun reports whether a request is of an upload that was begun before: how the object is made was
// decided then.
func (s *sent) begun() bool {
	return s.query.Has("uploadId") && (s.method == "PUT" || s.method == "POST")
}

var (
	tagPair   = regexp.MustCompile(`<Key>(.*?)</Key><Value>(.*?)</Value>`)
	lockTexts = map[string]*regexp.Regexp{"s3:object-lock-mode": regexp.MustCompile(`<Mode>(.*?)</Mode>`),
		"s3:object-lock-retain-until-date": regexp.MustCompile(`<RetainUntilDate>(.*?)</RetainUntilDate>`),
		"s3:object-lock-legal-hold":        regexp.MustCompile(`<Status>(.*?)</Status>`)}
)

// given are the tags that the request gives to an object.
func (s *sent) given() map[string]string {
	out := map[string]string{}
	if s.method == "PUT" && s.query.Has("tagging") {
		for _, m := range tagPair.FindAllStringSubmatch(s.body, -1) {
			out[m[1]] = m[2]
		}
	} else if s.header.Get("X-Amz-Copy-Source") == "" || s.header.Get("X-Amz-Tagging-Directive") == "REPLACE" {
		of, _ := url.ParseQuery(s.header.Get("X-Amz-Tagging"))
		for name := range of {
			out[name] = of.Get(name)
		}
	}
	return out
}

// fact is what a condition key says of a request: "Condition keys for Amazon S3" in AWS's Service
// Authorization Reference, and the global keys in its guide to IAM.
func (s *sent) fact(w *played, a ask, key string) []string {
	kind, tag, _ := strings.Cut(key, "/")
	switch kind {
	case "aws:SourceIp":
		return []string{"127.0.0.1"}
	case "aws:SecureTransport":
		return []string{"false"}
	case "aws:CurrentTime":
		return []string{w.now().UTC().Format(time.RFC3339)}
	case "aws:UserAgent":
		return some(s.header.Get("User-Agent"))
	case "aws:Referer":
		return some(s.header.Get("Referer"))
	case "aws:username":
		return some(s.who.cred.AccessKey)
	case "aws:PrincipalType":
		if s.signed == "" {
			return []string{"Anonymous"}
		}
		return []string{"User"}
	case "s3:authType":
		return some(map[string]string{"header": "REST-HEADER", "query": "REST-QUERY-STRING"}[s.signed])
	case "s3:signatureversion":
		return some(map[bool]string{true: "AWS4-HMAC-SHA256"}[s.signed != ""])
	case "s3:x-amz-content-sha256":
		if s.signed == "query" {
			return []string{"UNSIGNED-PAYLOAD"}
		}
		return some(map[bool]string{true: hashOf(s.body)}[s.signed != ""])
	case "s3:prefix", "s3:delimiter", "s3:max-keys":
		return s.query[strings.TrimPrefix(kind, "s3:")]
	case "s3:VersionId":
		return some(a.version)
	case "s3:ObjectCreationOperation": // a part creates none, nor does the beginning of an upload
		return []string{strconv.FormatBool(!s.query.Has("uploads") && (!s.query.Has("uploadId") || s.method == "POST"))}
	case "s3:ExistingObjectTag":
		return some(w.tags(a.key, a.version)[tag])
	case "s3:RequestObjectTag":
		return some(s.given()[tag])
	case "s3:RequestObjectTagKeys":
		var names []string
		for name := range s.given() {
			names = append(names, name)
		}
		return names
	}
	return s.made(w, kind)
}

// made is what a request says about how an object is to be made.
func (s *sent) made(w *played, key string) []string {
	if key == "s3:object-lock-remaining-retention-days" {
		until, err := time.Parse(time.RFC3339, strings.Join(s.made(w, "s3:object-lock-retain-until-date"), ""))
		if err != nil {
			return nil
		}
		return []string{strconv.Itoa(int(until.Sub(w.now()).Hours() / 24))}
	}
	if text := lockTexts[key]; text != nil {
		if m := text.FindStringSubmatch(s.body); m != nil {
			return m[1:]
		}
		return some(s.header.Get("X-Amz-" + strings.TrimPrefix(key, "s3:")))
	}
	v := s.header.Get(strings.TrimPrefix(key, "s3:"))
	if key == "s3:x-amz-copy-source" {
		v = strings.TrimPrefix(v, "/")
		v, _, _ = strings.Cut(v, "?")
	}
	return some(v)
}

func some(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
