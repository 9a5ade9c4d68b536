package admin

import (
	"context"
	"net/http"
	"slices"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/model/object"
)

// Policies and CORS configurations, as the owner of a bucket has them in S3. Who runs a
// node can mend a policy that locks everybody out.

// policyName is the name that a policy calls the bucket by: the one it was asked for, if
// that is one, else its first.
func policyName(b *object.Bucket, ref string) string {
	if slices.Contains(b.Names, ref) {
		return ref
	}
	return append(kitNames(b), ref)[0]
}

func (s *Server) getPolicy(r *http.Request) (any, error) {
	b, err := s.findBucket(r)
	if err != nil {
		return nil, err
	}
	p := b.Settings.Policy
	if p == nil {
		return nil, errs.Newf(errs.NotFound, "the bucket %s has no policy", r.PathValue("bucket"))
	}
	return api.Document{Bucket: r.PathValue("bucket"), Text: string(p.Text), Public: s.opens(r.Context(), p)}, nil
}

// opens reports whether a policy opens its bucket to everybody. One that nobody understands does not.
func (s *Server) opens(ctx context.Context, p *object.Policy) bool {
	_, public, _ := s.Documents.Policy(ctx, p.Bucket, p.Text)
	return public
}

func (s *Server) setPolicy(r *http.Request) (any, error) {
	in, b, err := s.document(r)
	if err != nil {
		return nil, err
	}
	p, public, err := s.Documents.Policy(r.Context(), policyName(b, r.PathValue("bucket")), []byte(in.Text))
	if err != nil {
		return nil, err
	}
	_, err = s.Buckets.ChangeSettings(r.Context(), b, func(now *object.Settings) error {
		if public && now.Block.BlockPolicy {
			return errs.New(errs.Denied, "the policy is public, which the bucket's public access block forbids")
		}
		now.Policy = p
		return nil
	})
	return api.Document{Bucket: r.PathValue("bucket"), Text: in.Text, Public: public}, err
}

func (s *Server) deletePolicy(r *http.Request) (any, error) {
	return s.drop(r, func(now *object.Settings) { now.Policy = nil })
}

func (s *Server) getCORS(r *http.Request) (any, error) {
	b, err := s.findBucket(r)
	if err != nil {
		return nil, err
	}
	if len(b.Settings.CORS) == 0 {
		return nil, errs.Newf(errs.NotFound, "the bucket %s has no CORS configuration", r.PathValue("bucket"))
	}
	return api.Document{Bucket: r.PathValue("bucket"), Text: string(s.Documents.CORSText(b.Settings.CORS))}, nil
}

func (s *Server) setCORS(r *http.Request) (any, error) {
	in, b, err := s.document(r)
	if err != nil {
		return nil, err
	}
	rules, err := s.Documents.CORS([]byte(in.Text))
	if err != nil {
		return nil, err
	}
	_, err = s.Buckets.ChangeSettings(r.Context(), b, func(now *object.Settings) error {
		now.CORS = rules
		return nil
	})
	return api.Document{Bucket: r.PathValue("bucket"), Text: in.Text}, err
}

func (s *Server) deleteCORS(r *http.Request) (any, error) {
	return s.drop(r, func(now *object.Settings) { now.CORS = nil })
}

// document reads the document and the bucket that a request of its owner is about.
func (s *Server) document(r *http.Request) (in api.SetDocument, b *object.Bucket, err error) {
	if in, err = read[api.SetDocument](r); err == nil {
		b, err = s.ownBucket(r.Context(), r.PathValue("bucket"))
	}
	return in, b, err
}

// drop takes a document away; that there is none is no error.
func (s *Server) drop(r *http.Request, change func(*object.Settings)) (any, error) {
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	_, err = s.Buckets.ChangeSettings(r.Context(), b, func(now *object.Settings) error {
		change(now)
		return nil
	})
	return nil, err
}
