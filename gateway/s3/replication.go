package s3

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// S3 replicates to buckets of AWS. Here the other store is a remote, which its member
// registered under a name; the ARN of a destination holds it and the bucket's.
const (
	maxReplication  = 2 << 20 // bytes of the document
	replicationRoot = "ReplicationConfiguration"
	remoteBefore    = "arn:rhizome:remote::"
)

func getReplication(q *request) error {
	rules := q.bucket.Settings.Replicate
	if len(rules) == 0 {
		return s3err.New(s3err.ReplicationConfigurationNotFoundError, s3err.Field{Name: "BucketName", Value: q.bucketName})
	}
	d := newDoc(replicationRoot)
	d.text("Role", q.bucket.Settings.ReplicateRole)
	for i := range rules {
		d.replicate(&rules[i])
	}
	return q.xml(http.StatusOK, d, replicationRoot)
}

func (d *doc) replicate(r *object.Replicate) {
	d.begin("Rule")
	d.text("ID", r.ID)
	if r.Old {
		d.text("Prefix", r.Filter.Prefix)
	} else {
		d.int("Priority", int64(r.Priority))
		d.filter(&object.LifecycleFilter{Prefix: r.Filter.Prefix, Tags: r.Filter.Tags})
	}
	d.text("Status", enabled(!r.Off))
	if r.Existing {
		d.begin("ExistingObjectReplication")
		d.text("Status", enabled(true))
		d.end("ExistingObjectReplication")
	}
	d.begin("Destination")
	d.text("Bucket", remoteBefore+r.Remote+":"+r.Bucket)
	d.end("Destination")
	if !r.Old {
		d.begin("DeleteMarkerReplication")
		d.text("Status", enabled(r.Deletes))
		d.end("DeleteMarkerReplication")
	}
	d.end("Rule")
}

func enabled(on bool) string {
	if on {
		return "Enabled"
	}
	return "Disabled"
}

func putReplication(q *request) error {
	body, err := q.document(maxReplication, false)
	if err != nil {
		return err
	}
	root, err := parseXML(body, replicationRoot)
	if err != nil {
		return err
	}
	role, rules, err := readReplication(root)
	if err != nil {
		return err
	}
	for i := range rules {
		if err := q.knowsRemote(rules[i].Remote); err != nil {
			return err
		}
	}
	err = q.change(http.StatusOK, func(s *object.Settings) error { return s.SetReplicate(role, rules) })
	if err == nil && q.g.started != nil {
		q.g.started()
	}
	return err
}

func deleteReplication(q *request) error {
	return q.change(http.StatusNoContent, func(s *object.Settings) error { return s.SetReplicate("", nil) })
}

// knowsRemote refuses the name of no remote, and of one that is not the caller's.
func (q *request) knowsRemote(name string) error {
	err := error(errs.NotFound)
	if q.g.remotes != nil {
		var member ident.ID
		if q.who != nil {
			member = q.who.Member
		}
		err = q.g.remotes(q.ctx, name, member)
	}
	if errors.Is(err, errs.NotFound) || errors.Is(err, errs.Denied) {
		return noRemote()
	}
	return err
}

func noRemote() error {
	return s3err.Newf(s3err.InvalidRequest, "Destination bucket must exist: it is the ARN %sNAME:BUCKET of a bucket at a remote of yours that was made with rhizome remote add.", remoteBefore)
}

func readReplication(root *node) (role string, rules []object.Replicate, err error) {
	for _, n := range root.kids {
		switch n.name {
		case "Role":
			if role = strings.TrimSpace(n.text); len(role) > 2048 {
				return "", nil, malformed(nil)
			}
		case "Rule":
			r, err := readReplicate(n)
			if err != nil {
				return "", nil, err
			}
			rules = append(rules, r)
		default:
			return "", nil, malformed(nil)
		}
	}
	if len(rules) == 0 || len(rules) > object.MaxReplicate {
		return "", nil, malformed(nil)
	}
	return role, rules, checkReplicates(rules)
}

// checkReplicates checks what rules mean together.
func checkReplicates(rules []object.Replicate) error {
	for i := range rules {
		r := &rules[i]
		for j := range i {
			o := &rules[j]
			switch {
			case o.ID == r.ID:
				return s3err.Newf(s3err.InvalidArgument, "Rule Id must be unique. Found same Id for more than one rules.")
			case o.Old != r.Old:
				return malformed(nil)
			case r.Old && (strings.HasPrefix(o.Filter.Prefix, r.Filter.Prefix) || strings.HasPrefix(r.Filter.Prefix, o.Filter.Prefix)):
				return s3err.Newf(s3err.InvalidRequest, "Found overlapping prefixes '%s' and '%s'", o.Filter.Prefix, r.Filter.Prefix)
			case !r.Old && o.Priority == r.Priority:
				return s3err.Newf(s3err.InvalidRequest, "Found duplicate priority %d. Priority of each rule must be unique.", r.Priority)
			}
		}
	}
	return nil
}

func readReplicate(n *node) (r object.Replicate, err error) {
	had := map[string]bool{}
	for _, k := range n.kids {
		if had[k.name] {
			return r, malformed(nil)
		}
		had[k.name] = true
		if err := readReplicatePart(&r, k); err != nil {
			return r, err
		}
	}
	if !had["Status"] || !had["Destination"] || had["Filter"] && had["Prefix"] {
		return r, malformed(nil)
	}
	if r.ID == "" {
		r.ID = ident.New().String()
	}
	if r.Old = !had["Filter"]; r.Old {
		if had["Priority"] || had["DeleteMarkerReplication"] {
			return r, s3err.Newf(s3err.InvalidRequest, "Priority and DeleteMarkerReplication cannot be used for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.")
		}
		r.Deletes = true // as S3 has it for such rules
		return r, nil
	}
	switch {
	case !had["Priority"]:
		return r, s3err.Newf(s3err.InvalidRequest, "Priority must be specified for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.")
	case !had["DeleteMarkerReplication"]:
		return r, s3err.Newf(s3err.InvalidRequest, "DeleteMarkerReplication must be specified for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.")
	case r.Deletes && len(r.Filter.Tags) > 0:
		return r, s3err.Newf(s3err.InvalidRequest, "Delete marker replication is not supported if any Tag filter is specified. Please refer to S3 Developer Guide for more information.")
	}
	return r, nil
}

func readReplicatePart(r *object.Replicate, k *node) (err error) {
	switch k.name {
	case "ID":
		if r.ID = strings.TrimSpace(k.text); utf8.RuneCountInString(r.ID) > maxRuleID {
			return s3err.Newf(s3err.InvalidArgument, "ID length should not exceed allowed limit of %d", maxRuleID)
		}
	case "Status":
		on, err := readStatus(k)
		r.Off = !on
		return err
	case "Priority":
		if r.Priority, err = strconv.Atoi(strings.TrimSpace(k.text)); err != nil || r.Priority < 0 || r.Priority > 1<<31-1 {
			return malformed(err)
		}
	case "Prefix":
		r.Filter.Prefix = k.text
		return checkPrefix(k)
	case "Filter":
		return readReplicateFilter(r, k)
	case "Destination":
		return readReplicaPlace(r, k)
	case "DeleteMarkerReplication":
		r.Deletes, err = readInner(k)
	case "ExistingObjectReplication":
		r.Existing, err = readInner(k)
	case "SourceSelectionCriteria":
		for _, c := range k.kids {
			if on, err := readInner(c); err != nil || c.name != "ReplicaModifications" && c.name != "SseKmsEncryptedObjects" {
				return malformed(err)
			} else if on {
				return notImplemented("SourceSelectionCriteria that are enabled are not implemented.")
			}
		}
	default:
		return malformed(nil)
	}
	return err
}

// readStatus reads an element that says Enabled or Disabled, readInner one that has such a
// Status in it.
func readStatus(k *node) (bool, error) {
	switch strings.TrimSpace(k.text) {
	case "Enabled":
		return true, nil
	case "Disabled":
		return false, nil
	}
	return false, malformed(nil)
}

func readInner(k *node) (bool, error) {
	if len(k.kids) != 1 || k.kids[0].name != "Status" {
		return false, malformed(nil)
	}
	return readStatus(k.kids[0])
}

func readReplicateFilter(r *object.Replicate, k *node) error {
	if len(k.kids) > 1 {
		return malformed(nil)
	}
	var f object.LifecycleFilter
	if err := readFilter(&f, k, false); err != nil {
		return err
	}
	if f.Over != nil || f.Under != nil {
		return malformed(nil)
	}
	r.Filter = object.ReplicateFilter{Prefix: f.Prefix, Tags: f.Tags}
	return nil
}

func readReplicaPlace(r *object.Replicate, k *node) error {
	for _, n := range k.kids {
		switch v := strings.TrimSpace(n.text); n.name {
		case "Bucket":
			rest, ok := strings.CutPrefix(v, remoteBefore)
			name, bucket, both := strings.Cut(rest, ":")
			if !ok || !both || name == "" || bucket == "" || r.Remote != "" || len(v) > maxRemote || strings.ContainsAny(rest, "/\x00") {
				return noRemote()
			}
			r.Remote, r.Bucket = name, bucket
		case "StorageClass":
			if v != plainClass {
				return s3err.New(s3err.InvalidStorageClass, s3err.Field{Name: "StorageClassRequested", Value: v})
			}
		case "Account", "AccessControlTranslation", "EncryptionConfiguration", "ReplicationTime", "Metrics":
			if on := slices.ContainsFunc(n.kids, func(c *node) bool { return c.name != "Status" || strings.TrimSpace(c.text) != "Disabled" }); on || len(n.kids) == 0 {
				return notImplemented("The element " + n.name + " of a Destination is not implemented.")
			}
		default:
			return malformed(nil)
		}
	}
	if r.Remote == "" {
		return malformed(nil)
	}
	return nil
}

// maxRemote is how long the ARN of a destination is at most.
const maxRemote = 256

// replicator is what a service may do beside, to say what is replicated.
type replicator interface {
	ReplicationStatus(ctx context.Context, b *object.Bucket, h *object.Head) (string, error)
}

// replicationStatus says whether other stores have what is answered with.
func (q *request) replicationStatus(h *object.Head) error {
	if h.Attrs.Replica {
		q.set("x-amz-replication-status", object.ReplicaStatus)
		return nil
	}
	if len(q.bucket.Settings.Replicate) == 0 {
		return nil
	}
	r, ok := q.g.objects.(replicator)
	if !ok {
		return nil
	}
	status, err := r.ReplicationStatus(q.ctx, q.bucket, h)
	if err != nil {
		return err
	}
	q.some("x-amz-replication-status", status)
	return nil
}
