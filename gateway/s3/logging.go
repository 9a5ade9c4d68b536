package s3

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"rhizome/base/errs"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/accesslog"
	"rhizome/model/object"
)

const loggingRoot = "BucketLoggingStatus"

func loggingRoutes() []route {
	return []route{
		{Scope: bucket, Method: http.MethodGet, Sub: "logging", Action: "GetBucketLogging", Need: known, IAM: []string{"s3:GetBucketLogging"}, serve: getLogging},
		{Scope: bucket, Method: http.MethodPut, Sub: "logging", Action: "PutBucketLogging", Partly: "TargetGrants only as what is the case anyway: all for the target's owner", Need: owns, IAM: []string{"s3:PutBucketLogging"}, Changes: true, serve: putLogging},
	}
}

func getLogging(q *request) error {
	d := newDoc(loggingRoot)
	if c := q.bucket.Settings.Logging; c != nil {
		d.begin("LoggingEnabled")
		d.text("TargetBucket", c.To.Name)
		d.text("TargetPrefix", c.To.Prefix)
		d.logFormat(c)
		d.end("LoggingEnabled")
	}
	return q.xml(http.StatusOK, d, loggingRoot)
}

func (d *doc) logFormat(c *object.Logging) {
	const root = "TargetObjectKeyFormat"
	switch {
	case c.Partitioned:
		by := "DeliveryTime"
		if c.ByEvent {
			by = "EventTime"
		}
		d.begin(root)
		d.begin("PartitionedPrefix")
		d.text("PartitionDateSource", by)
		d.end("PartitionedPrefix")
		d.end(root)
	case c.Explicit:
		d.begin(root)
		d.text("SimplePrefix", "")
		d.end(root)
	}
}

func putLogging(q *request) error {
	body, err := q.document(maxSettings, false)
	if err != nil {
		return err
	}
	root, err := parseXML(body, loggingRoot)
	if err != nil {
		return err
	}
	c, grants, err := readLogging(root)
	if err != nil {
		return err
	}
	if c != nil {
		if err := q.mayLog(c, grants); err != nil {
			return err
		}
	}
	return q.change(http.StatusOK, func(s *object.Settings) error {
		s.Logging = c
		return nil
	})
}

// mayLog finds the target and refuses one that could not be written to.
func (q *request) mayLog(c *object.Logging, grants []*node) error {
	to, err := q.lookup(c.To.Name)
	if translated(err) == s3err.NoSuchBucket {
		return s3err.New(s3err.InvalidTargetBucketForLogging, s3err.Field{Name: "TargetBucket", Value: c.To.Name}).Because(err)
	}
	if err != nil {
		return err
	}
	if err := q.exactGrants(to, grants); err != nil {
		return err
	}
	c.To.Bucket = to.ID
	now := q.g.clock.Now()
	owner, err := q.owner(q.bucket)
	if err != nil {
		return err
	}
	key := accesslog.Name(c, accesslog.Source{Owner: owner, Region: q.g.region, Bucket: q.bucketName}, now, now, "0000000000000000")
	if len(key) > object.MaxKey {
		return s3err.New(s3err.KeyTooLongError)
	}
	err = q.g.MayDeliver(q.ctx, accesslog.Service, q.bucket, to, c.To, key)
	if errs.KindOf(err) == errs.Denied && err != nil {
		return s3err.New(s3err.InvalidTargetBucketForLogging, s3err.Field{Name: "TargetBucket", Value: c.To.Name}).Because(err)
	}
	return err
}

// exactGrants refuses grants that change anything: all is the owner's, who has no need of one.
func (q *request) exactGrants(to *object.Bucket, grants []*node) error {
	if len(grants) == 0 {
		return nil
	}
	owner, err := q.owner(to)
	if err != nil {
		return err
	}
	for _, g := range grants {
		same := *g
		same.name = "Grant"
		if g.name != "Grant" || !onlyOwner(&same, owner) {
			return s3err.New(s3err.AccessControlListNotSupported)
		}
	}
	return nil
}

// readLogging reads a BucketLoggingStatus; nil if it turns logging off.
func readLogging(root *node) (*object.Logging, []*node, error) {
	if len(root.kids) == 0 {
		return nil, nil, nil
	}
	if len(root.kids) != 1 || root.kids[0].name != "LoggingEnabled" {
		return nil, nil, malformed(nil)
	}
	c, grants, had := &object.Logging{}, []*node(nil), map[string]bool{}
	for _, k := range root.kids[0].kids {
		if had[k.name] {
			return nil, nil, malformed(nil)
		}
		had[k.name] = true
		switch k.name {
		case "TargetBucket":
			c.To.Name = strings.TrimSpace(k.text)
		case "TargetPrefix":
			if c.To.Prefix = k.text; !utf8.ValidString(k.text) || len(k.text) > object.MaxKey || len(k.kids) > 0 {
				return nil, nil, malformed(nil)
			}
		case "TargetGrants":
			grants = k.kids
		case "TargetObjectKeyFormat":
			if err := readLogFormat(c, k); err != nil {
				return nil, nil, err
			}
		default:
			return nil, nil, malformed(nil)
		}
	}
	if c.To.Name == "" || !had["TargetPrefix"] {
		return nil, nil, malformed(nil)
	}
	if climbs(c.To.Prefix) {
		return nil, nil, s3err.Argument("TargetPrefix", c.To.Prefix, "The target prefix leads above the bucket.")
	}
	return c, grants, nil
}

func readLogFormat(c *object.Logging, n *node) error {
	if len(n.kids) != 1 {
		return malformed(nil)
	}
	switch k := n.kids[0]; k.name {
	case "SimplePrefix":
		if len(k.kids) > 0 {
			return malformed(nil)
		}
		c.Explicit = true
	case "PartitionedPrefix":
		c.Partitioned = true
		by, _ := k.child("PartitionDateSource")
		switch strings.TrimSpace(by) {
		case "EventTime":
			c.ByEvent = true
		case "DeliveryTime", "": // the latter as AWS takes it
		default:
			return malformed(nil)
		}
		if len(k.kids) > 1 || len(k.kids) == 1 && k.kids[0].name != "PartitionDateSource" {
			return malformed(nil)
		}
	default:
		return malformed(nil)
	}
	return nil
}
