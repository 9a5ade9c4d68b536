package s3

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"rhizome/base/errs"
	"rhizome/gateway/s3/postform"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

const tagHeader = "X-Amz-Tagging"

// tagsOf reads the tags that a header gives an object; nil if it is not there.
func tagsOf(h http.Header) ([]object.Tag, error) {
	text := h.Get(tagHeader)
	if text == "" {
		return nil, nil
	}
	tags, ok := readTagQuery(text)
	if !ok {
		return nil, s3err.Argument("x-amz-tagging", text,
			"The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	return tags, checkObjectTags(tags)
}

// readTagQuery reads tags as URLs have parameters, in their order; false if no name may
// stand there or one stands there twice.
func readTagQuery(text string) (tags []object.Tag, ok bool) {
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		k, err := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err != nil || err2 != nil || k == "" || seen[k] {
			return nil, false
		}
		seen[k] = true
		tags = append(tags, object.Tag{Key: k, Value: v})
	}
	return tags, true
}

// tagQuery is what readTagQuery reads.
func tagQuery(tags []object.Tag) string {
	pairs := make([]string, len(tags))
	for i, t := range tags {
		pairs[i] = url.QueryEscape(t.Key) + "=" + url.QueryEscape(t.Value)
	}
	return strings.Join(pairs, "&")
}

func checkObjectTags(tags []object.Tag) error {
	if len(tags) > object.MaxTags {
		return s3err.Newf(s3err.BadRequest, "Object tags cannot be greater than %d", object.MaxTags)
	}
	return checkTags(tags, object.MaxTags)
}

// readObjectTags reads a Tagging document about an object.
func readObjectTags(body []byte) ([]object.Tag, error) {
	root, err := parseXML(body, tagRoot)
	if err != nil {
		return nil, err
	}
	tags, err := readTags(root, maxBucketTags)
	if err != nil {
		return nil, err
	}
	return tags, checkObjectTags(tags)
}

// formHeader returns a form's fields as headers, its tags among them.
func formHeader(f *postform.Form) (http.Header, error) {
	h := f.Header()
	text, ok := f.Fields["tagging"]
	if !ok {
		return h, nil
	}
	tags, err := readObjectTags([]byte(text))
	if err == nil && len(tags) > 0 {
		h.Set(tagHeader, tagQuery(tags))
	}
	return h, err
}

// copyTags returns the tags that replace the source's, nil to keep them. Without REPLACE
// x-amz-tagging does not count, as in S3.
func (q *request) copyTags(from *source) (*[]object.Tag, error) {
	switch d := q.r.Header.Get("X-Amz-Tagging-Directive"); d {
	case "", "COPY":
		return q.keepTags(from)
	case "REPLACE":
		tags, err := tagsOf(q.r.Header)
		return &tags, err
	default:
		return nil, s3err.Argument("x-amz-tagging-directive", d, "Unknown tagging directive.")
	}
}

// keepTags is for a copy that keeps its source's tags, which who may not read them does not.
func (q *request) keepTags(from *source) (*[]object.Tag, error) {
	denied := q.mayTake(from, "s3:GetObjectTagging", "s3:GetObjectVersionTagging")
	if denied == nil {
		return nil, nil
	}
	o, err := q.g.objects.Stat(q.ctx, from.bucket, object.Get{Key: from.key, Version: from.version})
	if err == nil && len(o.Tags) > 0 {
		return nil, denied
	}
	return &[]object.Tag{}, nil // an error shows when the source is read
}

// tagCount says how many tags an object has, to whom may read them.
func (q *request) tagCount(o *object.Object, version string) {
	if n := len(o.Tags); n > 0 && q.maySee(o, versioned(version, "s3:GetObjectTagging", "s3:GetObjectVersionTagging")) {
		q.set("x-amz-tagging-count", itoa(int64(n)))
	}
}

func getObjectTagging(q *request) error {
	o, err := q.g.objects.Stat(q.ctx, q.bucket, object.Get{Key: q.key, Version: q.versionOf()})
	if err != nil {
		return named(err, q.key)
	}
	if again, err := q.judgedOther(o); again {
		return err
	}
	q.versionHeader(o.VersionID)
	d := newDoc(tagRoot)
	d.tags(o.Tags)
	return q.xml(http.StatusOK, d, tagRoot)
}

// putObjectTagging decides again when it knows the tags: a policy may ask which they are.
func putObjectTagging(q *request) error {
	body, err := q.document(maxTagging, false)
	if err != nil {
		return err
	}
	tags, err := readObjectTags(body)
	if err != nil {
		return err
	}
	h := q.r.Header.Clone()
	h.Set(tagHeader, tagQuery(tags))
	err = q.may(q.bucket, q.who, writes, q.key, h, versioned(q.query.get("versionId"), "s3:PutObjectTagging", "s3:PutObjectVersionTagging"))
	if err != nil {
		return err
	}
	return q.setTags(tags, http.StatusOK)
}

func deleteObjectTagging(q *request) error { return q.setTags(nil, http.StatusNoContent) }

func (q *request) setTags(tags []object.Tag, status int) error {
	h, err := q.g.objects.SetTags(q.ctx, q.bucket, q.key, q.versionOf(), tags)
	if err != nil {
		return named(err, q.key)
	}
	q.versionHeader(h.VersionID)
	q.reply(status)
	return nil
}

// maySee reports whether an action is allowed on the object that was opened: what it was decided
// on is that very version.
func (q *request) maySee(o *object.Object, action string) bool {
	there := &existing{b: q.bucket, at: object.Get{Key: q.key, Version: q.query.get("versionId")}, read: true, head: &o.Head}
	return q.decide(q.bucket, q.who, reads, there, q.r.Header, action) == nil
}

// existing are the tags of the object that a request is about, as a policy asks for them.
type existing struct {
	b    *object.Bucket
	at   object.Get
	read bool
	head *object.Head // nil: there is none
	err  error
}

// tags reads the object once; one that is not there has none.
func (x *existing) tags(q *request) []object.Tag {
	if !x.read && x.at.Key != "" {
		x.read = true
		o, err := q.g.objects.Stat(q.ctx, x.b, object.Get{Key: x.at.Key, Version: x.at.Version})
		switch {
		case err == nil:
			x.head = &o.Head
		case !errors.Is(err, errs.NotFound) && !errors.Is(err, object.ErrMarker) && !errors.Is(err, object.ErrVersionID):
			x.err = err
		}
	}
	if x.head == nil {
		return nil
	}
	return x.head.Tags
}

// tagged returns the values of a condition key about tags.
func (f facts) tagged(name string) []string {
	if name == "requestobjecttagkeys" {
		var keys []string
		for _, t := range f.given() {
			keys = append(keys, t.Key)
		}
		return keys
	}
	kind, tag, _ := strings.Cut(name, "/")
	tags := f.given()
	if kind == "existingobjecttag" {
		tags = f.there.tags(f.q)
	}
	for _, t := range tags {
		if t.Key == tag {
			return []string{t.Value}
		}
	}
	return nil
}

// given are the tags that the request gives; what cannot be read is refused later. A copy
// that keeps its source's gives none.
func (f facts) given() []object.Tag {
	if f.h.Get(copySource) != "" && f.h.Get("X-Amz-Tagging-Directive") != "REPLACE" {
		return nil
	}
	tags, err := tagsOf(f.h)
	if err != nil {
		return nil
	}
	return tags
}

// judgedOther reports whether the tags that were asked about were those of another version
// than the one that was opened, and then what the decision is about this one.
func (q *request) judgedOther(o *object.Object) (bool, error) {
	if q.judged == nil || q.judged.Version == o.Version {
		return false, nil
	}
	if err := q.permitted(q.bucket, q.who, q.route); err != nil {
		return true, err
	}
	if q.judged.Version == o.Version {
		return false, nil
	}
	return true, errs.Newf(errs.Unavailable, "the object is being replaced all the time: %w", object.ErrBusy)
}

// taggingToo adds the action that giving tags takes.
func taggingToo(actions []string, h http.Header) []string {
	if h.Get(tagHeader) == "" {
		return actions
	}
	return append(actions[:len(actions):len(actions)], "s3:PutObjectTagging")
}
