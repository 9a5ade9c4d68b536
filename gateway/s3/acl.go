package s3

import (
	"net/http"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// There are no ACLs: who may do what stands in the bucket and its policy. What anybody
// may do by the bucket's grants is shown as the ACL that comes next to it. Only the ACL
// that gives all to the owner has an exact meaning, so only this one can be set: READ
// for everybody would let them list a bucket in S3, and here read everything in it too.

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

// present fails unless the request's object exists, in the version that it names.
func (q *request) present() error {
	o, err := q.g.objects.Stat(q.ctx, q.bucket, object.Get{Key: q.key, Version: q.versionOf()})
	if err != nil {
		return named(err, q.key)
	}
	_, err = q.judgedOther(o)
	return err
}

// putACL takes the ACL that says that all is the owner's, canned or as a document: what
// anybody may do to the bucket is then taken away. An object has no ACL of its own: it
// can have this one only where the bucket has it.
func putACL(q *request) error {
	if err := q.ownersACL(); err != nil {
		return err
	}
	open := q.bucket.Anonymous != (object.Access{})
	if q.scope == anObject {
		if err := q.present(); err != nil {
			return err
		}
		if open {
			return s3err.Newf(s3err.AccessControlListNotSupported, "What anybody may do is set for the whole bucket, not for one object.")
		}
	} else if open {
		_, err := q.g.objects.ChangeAccess(q.ctx, q.bucket.ID, "", func(object.Access) object.Access { return object.Access{} })
		if err != nil {
			return err
		}
	}
	q.reply(http.StatusOK)
	return nil
}

// ownersACL refuses every ACL but the one that gives all to the owner.
func (q *request) ownersACL() error {
	if q.r.Header.Get("X-Amz-Acl") != "" {
		return nil // checkHeaders took it
	}
	root, err := q.configuration("AccessControlPolicy")
	if err != nil {
		return err
	}
	owner, err := q.owner(q.bucket)
	if err != nil {
		return err
	}
	for _, n := range root.kids {
		switch n.name {
		case "Owner":
		case "AccessControlList":
			for _, g := range n.kids {
				if !onlyOwner(g, owner) {
					return s3err.New(s3err.AccessControlListNotSupported)
				}
			}
		default:
			return malformed(nil)
		}
	}
	return nil
}

// onlyOwner reports whether a grant gives all to the owner.
func onlyOwner(g *node, owner string) bool {
	what, _ := g.child("Permission")
	for _, k := range g.kids {
		if k.name == "Grantee" {
			id, _ := k.child("ID")
			return g.name == "Grant" && what == "FULL_CONTROL" && id == owner
		}
	}
	return false
}
