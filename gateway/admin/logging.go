package admin

import (
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/model/accesslog"
	"rhizome/model/object"
)

// Logs is what the admin server needs of the logs of requests; *accesslog.Log implements it.
type Logs interface {
	State(bucket ident.ID) accesslog.State
	Deliver(ctx context.Context, bucket ident.ID) error
}

var errNoLogs = errs.New(errs.NotFound, "the node writes no logs of requests")

// setLogging says where a bucket's requests are written down. Who runs a node may name any
// bucket that he may have.
func (s *Server) setLogging(r *http.Request) (any, error) {
	in, err := read[api.SetLogging](r)
	if err != nil {
		return nil, err
	}
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	var c *object.Logging
	if !in.Off {
		to, err := s.destination(r.Context(), in.To, in.Prefix)
		if err != nil {
			return nil, err
		}
		c = &object.Logging{To: to, Partitioned: in.Partitioned != "", ByEvent: in.Partitioned == "event"}
		if c.Partitioned && !c.ByEvent && in.Partitioned != "delivery" {
			return nil, errs.New(errs.Invalid, "names of log objects go by the day of the event or of the delivery")
		}
	}
	return s.changed(r)(s.Buckets.ChangeSettings(r.Context(), b, func(now *object.Settings) error {
		now.Logging = c
		return nil
	}))
}

// ownBucket finds a bucket of those whom this node's operator may order about.
func (s *Server) ownBucket(ctx context.Context, ref string) (*object.Bucket, error) {
	b, err := s.bucketNamed(ctx, ref)
	if err == nil && s.Owns != nil {
		err = s.Owns(ctx, b)
	}
	return b, err
}

// destination finds the bucket that reports go to.
func (s *Server) destination(ctx context.Context, ref, prefix string) (object.Destination, error) {
	if ref == "" {
		return object.Destination{}, errs.New(errs.Invalid, "say which bucket to write to: --to BUCKET")
	}
	if !utf8.ValidString(prefix) || len(prefix) > object.MaxKey/2 {
		return object.Destination{}, errs.New(errs.Invalid, "a prefix is UTF-8 text of at most 512 bytes")
	}
	to, err := s.ownBucket(ctx, ref)
	if errors.Is(err, errs.NotFound) {
		err = errs.Newf(errs.NotFound, "there is no bucket %q to write to: make it first, with rhizome bucket create", ref)
	}
	if err != nil {
		return object.Destination{}, err
	}
	return object.Destination{Bucket: to.ID, Name: to.Name(), Prefix: prefix, Ordered: true}, nil
}

// writeLog writes what this node has of a bucket's log.
func (s *Server) writeLog(r *http.Request) (any, error) {
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	if s.Logs == nil {
		return nil, errNoLogs
	}
	if err := s.Logs.Deliver(r.Context(), b.ID); err != nil {
		return nil, err
	}
	return s.describe(r.Context(), b)
}

type speakerKey struct{}

// speaking returns a context that knows in which language the answer is.
func speaking(r *http.Request) context.Context {
	return context.WithValue(r.Context(), speakerKey{}, printer(r))
}

func speaker(ctx context.Context) lang.Printer {
	p, ok := ctx.Value(speakerKey{}).(lang.Printer)
	if !ok {
		p = lang.FromHeader("")
	}
	return p
}

// wireLogging says how the log of a bucket is; nil if there is none.
func (s *Server) wireLogging(ctx context.Context, b *object.Bucket) *api.Logging {
	c := b.Settings.Logging
	if c == nil {
		return nil
	}
	out := &api.Logging{To: c.To.Name, Prefix: c.To.Prefix}
	switch {
	case c.ByEvent:
		out.Partitioned = "event"
	case c.Partitioned:
		out.Partitioned = "delivery"
	}
	if s.Logs == nil {
		return out
	}
	st := s.Logs.State(b.ID)
	out.Written, out.Dropped, out.Waiting = st.Written, st.Dropped, st.Waiting
	if st.Error != nil {
		out.Since, out.Reason = &st.Since, speaker(ctx).Error(st.Error)
	}
	return out
}
