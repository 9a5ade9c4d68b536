package s3

import (
	"net/http"

	"rhizome/model/object"
)

// There are no ACLs: who may do what stands in the bucket. What a bucket allows is
// shown as the ACL that says the same, and only the ACL that it has can be set.

func getACL(q *request) error {
	owner, err := q.owner(q.bucket)
	if err != nil {
		return err
	}
	const root = "AccessControlPolicy"
	d := newDoc(root)
	d.owner("Owner", owner)
	d.begin("AccessControlList")
	d.grant("CanonicalUser", "ID", owner, "FULL_CONTROL")
	const everybody = "http://acs.amazonaws.com/groups/global/AllUsers"
	if q.bucket.Anonymous.Read {
		d.grant("Group", "URI", everybody, "READ")
	}
	if q.bucket.Anonymous.Write {
		d.grant("Group", "URI", everybody, "WRITE")
	}
	d.end("AccessControlList")
	return q.xml(http.StatusOK, d, root)
}

func (d *doc) owner(name, id string) {
	d.begin(name)
	d.text("ID", id)
	d.text("DisplayName", id)
	d.end(name)
}

func (d *doc) grant(kind, name, value, permission string) {
	d.begin("Grant")
	d.b = append(d.b, `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="`...)
	d.b = append(d.b, kind...)
	d.b = append(d.b, `">`...)
	d.text(name, value)
	d.end("Grantee")
	d.text("Permission", permission)
	d.end("Grant")
}

func getObjectACL(q *request) error {
	if err := q.present(); err != nil {
		return err
	}
	return getACL(q)
}

// present fails unless the request's object exists.
func (q *request) present() error {
	_, err := q.g.objects.Stat(q.ctx, q.bucket, object.Get{Key: q.key})
	return err
}

// putACL takes the canned ACL "private" where that is the case.
func putACL(q *request) error {
	if q.r.Header.Get("X-Amz-Acl") == "" || q.bucket.Anonymous != (object.Access{}) {
		return notImplemented("Access control lists are not implemented: what a key may do is set on the bucket.")
	}
	if q.scope == anObject {
		if err := q.present(); err != nil {
			return err
		}
	}
	q.reply(http.StatusOK)
	return nil
}

func getObjectTagging(q *request) error {
	if err := q.present(); err != nil {
		return err
	}
	d := newDoc("Tagging")
	d.b = append(d.b, "<TagSet></TagSet>"...)
	return q.xml(http.StatusOK, d, "Tagging")
}

func deleteObjectTagging(q *request) error {
	if err := q.present(); err != nil {
		return err
	}
	return noContent(q)
}
