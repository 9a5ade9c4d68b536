package s3

import (
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"rhizome/base/ident"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

const (
	lifecycleRoot     = "LifecycleConfiguration"
	maxLifecycleRules = 1000
	maxRuleID         = 255
	maxNewer          = 100
	// maxRuleDays is beyond what any clock shows.
	maxRuleDays = 1 << 20
)

func getLifecycle(q *request) error {
	rules := q.bucket.Settings.Lifecycle
	if len(rules) == 0 {
		return s3err.New(s3err.NoSuchLifecycleConfiguration, s3err.Field{Name: "BucketName", Value: q.bucketName})
	}
	d := newDoc(lifecycleRoot)
	for i := range rules {
		d.lifecycleRule(&rules[i])
	}
	return q.xml(http.StatusOK, d, lifecycleRoot)
}

func putLifecycle(q *request) error {
	body, err := q.document(maxDocument, false)
	if err != nil {
		return err
	}
	root, err := parseXML(body, lifecycleRoot)
	if err != nil {
		return err
	}
	rules, err := readLifecycle(root)
	if err != nil {
		return err
	}
	return q.change(http.StatusOK, func(s *object.Settings) error {
		s.Lifecycle = rules
		return nil
	})
}

func deleteLifecycle(q *request) error {
	return q.change(http.StatusNoContent, func(s *object.Settings) error {
		s.Lifecycle = nil
		return nil
	})
}

// expiration says when an object expires, if it is the current version that is answered with.
func (q *request) expiration(h *object.Head) {
	if at, rule, ok := q.bucket.Settings.Expiration(h); ok {
		q.set("x-amz-expiration", `expiry-date="`+at.Format(http.TimeFormat)+`", rule-id="`+encodeMeta(rule)+`"`)
	}
}

func readLifecycle(root *node) (rules []object.LifecycleRule, err error) {
	seen := map[string]bool{}
	for _, n := range root.kids {
		if n.name != "Rule" || len(rules) == maxLifecycleRules {
			return nil, malformed(nil)
		}
		r, err := readLifecycleRule(n)
		if err != nil {
			return nil, err
		}
		if seen[r.ID] {
			return nil, s3err.Newf(s3err.InvalidArgument, "Rule ID must be unique. Found same ID for one or more rules")
		}
		seen[r.ID] = true
		rules = append(rules, r)
	}
	if len(rules) == 0 {
		return nil, malformed(nil)
	}
	return rules, nil
}

func readLifecycleRule(n *node) (r object.LifecycleRule, err error) {
	had := map[string]bool{}
	for _, k := range n.kids {
		if had[k.name] && k.name != "Transition" && k.name != "NoncurrentVersionTransition" {
			return r, malformed(nil)
		}
		had[k.name] = true
		if err := readLifecyclePart(&r, k); err != nil {
			return r, err
		}
	}
	if !had["Status"] || had["Filter"] == had["Prefix"] {
		return r, malformed(nil)
	}
	if r.ID == "" {
		r.ID = ident.New().String()
	}
	return r, checkRule(&r)
}

func readLifecyclePart(r *object.LifecycleRule, k *node) (err error) {
	text := strings.TrimSpace(k.text)
	switch k.name {
	case "ID":
		if r.ID = k.text; utf8.RuneCountInString(r.ID) > maxRuleID {
			return s3err.Newf(s3err.InvalidArgument, "ID length should not exceed allowed limit of %d", maxRuleID)
		}
	case "Status":
		if r.Off = text == "Disabled"; !r.Off && text != "Enabled" {
			return malformed(nil)
		}
	case "Prefix":
		r.Filter.Prefix, r.Filter.Bare = k.text, true
		return checkPrefix(k)
	case "Filter":
		if len(k.kids) > 1 {
			return malformed(nil)
		}
		return readFilter(&r.Filter, k, false)
	case "Expiration":
		return readExpiration(r, k)
	case "NoncurrentVersionExpiration":
		return readNoncurrent(r, k)
	case "AbortIncompleteMultipartUpload":
		if len(k.kids) != 1 || k.kids[0].name != "DaysAfterInitiation" {
			return malformed(nil)
		}
		r.AbortDays, err = readDays(k.kids[0], "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer")
	case "Transition", "NoncurrentVersionTransition":
		class, _ := k.child("StorageClass")
		return s3err.New(s3err.InvalidStorageClass, s3err.Field{Name: "StorageClassRequested", Value: class})
	default:
		return malformed(nil)
	}
	return err
}

func checkPrefix(n *node) error {
	if len(n.kids) > 0 || len(n.text) > object.MaxKey || !utf8.ValidString(n.text) {
		return malformed(nil)
	}
	return nil
}

// readFilter reads a Filter, or the And in one.
func readFilter(f *object.LifecycleFilter, n *node, and bool) error {
	had := map[string]bool{}
	for _, k := range n.kids {
		if had[k.name] && k.name != "Tag" {
			return malformed(nil)
		}
		had[k.name] = true
		switch {
		case k.name == "Prefix":
			if f.Prefix = k.text; checkPrefix(k) != nil {
				return malformed(nil)
			}
		case k.name == "Tag":
			t, err := readTag(k)
			if err != nil {
				return err
			}
			f.Tags = append(f.Tags, t)
		case k.name == "ObjectSizeGreaterThan", k.name == "ObjectSizeLessThan":
			size, err := strconv.ParseInt(strings.TrimSpace(k.text), 10, 64)
			if err != nil || size < 0 || size > object.MaxObject {
				return malformed(err)
			}
			if k.name == "ObjectSizeLessThan" {
				f.Under = &size
			} else {
				f.Over = &size
			}
		case k.name == "And" && !and:
			if len(k.kids) < 2 {
				return malformed(nil)
			}
			return readFilter(f, k, true)
		default:
			return malformed(nil)
		}
	}
	if f.Over != nil && f.Under != nil && *f.Under-*f.Over < 2 {
		return s3err.Newf(s3err.InvalidRequest, "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'")
	}
	return checkTags(f.Tags, maxBucketTags)
}

func readExpiration(r *object.LifecycleRule, n *node) (err error) {
	if len(n.kids) != 1 {
		return malformed(nil)
	}
	k := n.kids[0]
	text := strings.TrimSpace(k.text)
	switch k.name {
	case "Days":
		r.Days, err = readDays(k, "'Days' for Expiration action must be a positive integer")
	case "Date":
		at, perr := readRuleDate(text)
		switch {
		case perr != nil || at.UnixMilli() <= 0:
			return malformed(perr)
		case !at.Equal(at.Truncate(24 * time.Hour)):
			return s3err.Newf(s3err.InvalidArgument, "'Date' must be at midnight GMT")
		}
		r.Date = at.UnixMilli()
	case "ExpiredObjectDeleteMarker":
		if r.Markers = text == "true"; !r.Markers && text != "false" {
			return malformed(nil)
		}
	default:
		return malformed(nil)
	}
	return err
}

func readRuleDate(s string) (time.Time, error) {
	if at, err := time.Parse(time.DateOnly, s); err == nil {
		return at, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	return at.UTC(), err
}

func readNoncurrent(r *object.LifecycleRule, n *node) (err error) {
	for _, k := range n.kids {
		switch k.name {
		case "NoncurrentDays":
			r.NoncurrentDays, err = readDays(k, "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer")
		case "NewerNoncurrentVersions":
			r.Newer, err = strconv.Atoi(strings.TrimSpace(k.text))
			if err != nil || r.Newer < 1 || r.Newer > maxNewer {
				return s3err.Newf(s3err.InvalidArgument, "'NewerNoncurrentVersions' must be a positive integer of at most %d", maxNewer)
			}
		default:
			return malformed(nil)
		}
		if err != nil {
			return err
		}
	}
	if r.NoncurrentDays == 0 {
		return malformed(nil)
	}
	return nil
}

func readDays(n *node, complaint string) (int, error) {
	days, err := strconv.Atoi(strings.TrimSpace(n.text))
	if err != nil {
		return 0, malformed(err)
	}
	if days < 1 || days > maxRuleDays {
		return 0, s3err.Newf(s3err.InvalidArgument, "%s", complaint)
	}
	return days, nil
}

// checkRule checks what the parts of a rule mean together.
func checkRule(r *object.LifecycleRule) error {
	f := &r.Filter
	switch ofContent := len(f.Tags) > 0 || f.Over != nil || f.Under != nil; {
	case ofContent && r.AbortDays > 0:
		return s3err.Newf(s3err.InvalidRequest, "AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes.")
	case ofContent && r.Markers:
		return s3err.Newf(s3err.InvalidRequest, "ExpiredObjectDeleteMarker cannot be specified with Tags or object sizes.")
	case r.Days == 0 && r.Date == 0 && !r.Markers && r.NoncurrentDays == 0 && r.AbortDays == 0:
		return s3err.Newf(s3err.InvalidRequest, "At least one action needs to be specified in a rule.")
	}
	return nil
}

func (d *doc) lifecycleRule(r *object.LifecycleRule) {
	d.begin("Rule")
	d.text("ID", r.ID)
	d.filter(&r.Filter)
	status := "Enabled"
	if r.Off {
		status = "Disabled"
	}
	d.text("Status", status)
	if r.Days > 0 || r.Date > 0 || r.Markers {
		d.begin("Expiration")
		switch {
		case r.Days > 0:
			d.int("Days", int64(r.Days))
		case r.Date > 0:
			d.time("Date", time.UnixMilli(r.Date))
		default:
			d.bool("ExpiredObjectDeleteMarker", true)
		}
		d.end("Expiration")
	}
	if r.NoncurrentDays > 0 {
		d.begin("NoncurrentVersionExpiration")
		d.int("NoncurrentDays", int64(r.NoncurrentDays))
		if r.Newer > 0 {
			d.int("NewerNoncurrentVersions", int64(r.Newer))
		}
		d.end("NoncurrentVersionExpiration")
	}
	if r.AbortDays > 0 {
		d.begin("AbortIncompleteMultipartUpload")
		d.int("DaysAfterInitiation", int64(r.AbortDays))
		d.end("AbortIncompleteMultipartUpload")
	}
	d.end("Rule")
}

func (d *doc) filter(f *object.LifecycleFilter) {
	if f.Bare {
		d.text("Prefix", f.Prefix)
		return
	}
	n := len(f.Tags)
	for _, there := range []bool{f.Prefix != "", f.Over != nil, f.Under != nil} {
		if there {
			n++
		}
	}
	d.begin("Filter")
	if n > 1 {
		d.begin("And")
	}
	d.some("Prefix", f.Prefix)
	for _, t := range f.Tags {
		d.begin("Tag")
		d.text("Key", t.Key)
		d.text("Value", t.Value)
		d.end("Tag")
	}
	if f.Over != nil {
		d.int("ObjectSizeGreaterThan", *f.Over)
	}
	if f.Under != nil {
		d.int("ObjectSizeLessThan", *f.Under)
	}
	if n > 1 {
		d.end("And")
	}
	d.end("Filter")
}
