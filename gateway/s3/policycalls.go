package s3

import (
	"net/http"

	"rhizome/gateway/s3/policy"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

func (q *request) noPolicy() error {
	return s3err.New(s3err.NoSuchBucketPolicy, s3err.Field{Name: "BucketName", Value: q.bucketName})
}

func getPolicy(q *request) error {
	p := q.bucket.Settings.Policy
	if p == nil {
		return q.noPolicy()
	}
	q.set("Content-Type", "application/json")
	q.set("Content-Length", itoa(int64(len(p.Text))))
	q.armWrite(len(p.Text))
	q.reply(http.StatusOK)
	_, _ = q.w.Write(p.Text) // a client that is gone needs no answer
	return nil
}

// putPolicy takes a policy. One that locks the caller out is taken too: the owner may
// always mend it.
func putPolicy(q *request) error {
	text, err := q.document(4*policy.MaxSize, false) // a policy that is a little too long is told so
	if err != nil {
		return err
	}
	p, public, err := readPolicyText(q.ctx, &directory{people: q.g.people, one: q.g.keys}, q.bucketName, text)
	if err != nil {
		return err
	}
	return q.change(http.StatusNoContent, func(s *object.Settings) error {
		if public && s.Block.BlockPolicy {
			return s3err.Newf(s3err.AccessDenied, "Access Denied: the policy is public, which the bucket's public access block forbids.")
		}
		s.Policy = p
		return nil
	})
}

func deletePolicy(q *request) error {
	return q.change(http.StatusNoContent, func(s *object.Settings) error {
		s.Policy = nil
		return nil
	})
}

// change changes the bucket's settings and answers with the status.
func (q *request) change(status int, f func(*object.Settings) error) error {
	if _, err := q.g.objects.ChangeSettings(q.ctx, q.bucket, f); err != nil {
		return err
	}
	q.reply(status)
	return nil
}

func getPolicyStatus(q *request) error {
	p, err := q.g.policies.of(q.bucket)
	if err != nil {
		return err
	}
	if p == nil {
		return q.noPolicy()
	}
	const root = "PolicyStatus"
	d := newDoc(root)
	d.bool("IsPublic", p.Public())
	return q.xml(http.StatusOK, d, root)
}
