package s3

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// Limits of tags, as AWS has them: lengths are in characters.
const (
	maxBucketTags = 50
	maxTagKey     = 128
	maxTagValue   = 256
	maxTagging    = 64 << 10 // bytes of the document
	tagRoot       = "Tagging"
)

// readTags reads a Tagging document with at most so many tags.
func readTags(root *node, most int) ([]object.Tag, error) {
	if len(root.kids) != 1 || root.kids[0].name != "TagSet" {
		return nil, malformed(nil)
	}
	return readTagList(root.kids[0], most)
}

// readTagList reads the tags in an element.
func readTagList(list *node, most int) ([]object.Tag, error) {
	var out []object.Tag
	for _, n := range list.kids {
		t, err := readTag(n)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, checkTags(out, most)
}

func readTag(n *node) (t object.Tag, err error) {
	if n.name != "Tag" || len(n.kids) != 2 {
		return t, malformed(nil)
	}
	var hasKey, hasValue bool
	t.Key, hasKey = n.child("Key")
	t.Value, hasValue = n.child("Value")
	if !hasKey || !hasValue {
		return t, malformed(nil)
	}
	return t, nil
}

func checkTags(tags []object.Tag, most int) error {
	if len(tags) > most {
		return s3err.Newf(s3err.BadRequest, "Bucket tag count cannot be greater than %d", most)
	}
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case seen[t.Key]:
			return invalidTag("Cannot provide multiple Tags with the same key", t.Key)
		case t.Key == "" || utf8.RuneCountInString(t.Key) > maxTagKey || !isTagText(t.Key):
			return invalidTag("The TagKey you have provided is invalid", t.Key)
		case utf8.RuneCountInString(t.Value) > maxTagValue || !isTagText(t.Value):
			return invalidTag("The TagValue you have provided is invalid", t.Key)
		case len(t.Key) >= 4 && strings.EqualFold(t.Key[:4], "aws:"):
			return invalidTag("System tags cannot be added/updated by requester", t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}

func invalidTag(message, key string) error {
	return s3err.Newf(s3err.InvalidTag, "%s", message).With("TagKey", key)
}

// isTagText reports whether s consists of what AWS allows in tags: letters, digits,
// spaces and some signs.
func isTagText(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.Zs, r) && !strings.ContainsRune("+-=._:/@", r) {
			return false
		}
	}
	return true
}

func (d *doc) tags(tags []object.Tag) {
	d.begin("TagSet")
	for _, t := range tags {
		d.begin("Tag")
		d.text("Key", t.Key)
		d.text("Value", t.Value)
		d.end("Tag")
	}
	d.end("TagSet")
}

func getBucketTags(q *request) error {
	tags := q.bucket.Settings.Tags
	if len(tags) == 0 {
		return s3err.New(s3err.NoSuchTagSet, s3err.Field{Name: "BucketName", Value: q.bucketName})
	}
	d := newDoc(tagRoot)
	d.tags(tags)
	return q.xml(http.StatusOK, d, tagRoot)
}

func putBucketTags(q *request) error {
	body, err := q.document(maxTagging, false)
	if err != nil {
		return err
	}
	root, err := parseXML(body, tagRoot)
	if err != nil {
		return err
	}
	tags, err := readTags(root, maxBucketTags)
	if err != nil {
		return err
	}
	return q.change(http.StatusNoContent, func(s *object.Settings) error {
		s.Tags = tags
		return nil
	})
}

func deleteBucketTags(q *request) error {
	return q.change(http.StatusNoContent, func(s *object.Settings) error {
		s.Tags = nil
		return nil
	})
}
