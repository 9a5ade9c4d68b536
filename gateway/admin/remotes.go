package admin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/model/object"
	"rhizome/model/remote"
)

// Remotes is what the admin server needs of the remotes; *remote.Store implements it.
type Remotes interface {
	Add(ctx context.Context, r remote.Remote) (*remote.Remote, error)
	Change(ctx context.Context, name string, f func(*remote.Remote) error) (*remote.Remote, error)
	Remove(ctx context.Context, name string) error
	Remote(ctx context.Context, name string) (*remote.Remote, error)
	All(ctx context.Context) ([]*remote.Remote, error)
}

// Replication is what an admin server may have beside, about other stores.
type Replication struct {
	Remotes Remotes
	// Check asks a store whether a key is good: which buckets it sees, or with a bucket, whether it
	// may list and write there.
	Check func(ctx context.Context, r *remote.Remote, bucket string) (buckets []string, err error)
	// Changed is told that rules or remotes were changed.
	Changed func()
	// Silent returns the remotes to which nothing could be sent for so long.
	Silent func(long time.Duration) []string
}

// replicators is what a Buckets may have beside, to say how replication is.
type replicators interface {
	Replications(ctx context.Context, b *object.Bucket) ([]object.Replication, error)
}

var styles = []string{remote.Auto: "auto", remote.Path: "path", remote.Host: "host"}

func (s *Server) remoteRoutes() map[string]request {
	return map[string]request{
		"GET /v1/remotes":                         s.listRemotes,
		"POST /v1/remotes":                        s.addRemote,
		"GET /v1/remotes/{name}":                  s.showRemote,
		"PUT /v1/remotes/{name}":                  s.setRemote,
		"DELETE /v1/remotes/{name}":               s.removeRemote,
		"POST /v1/remotes/{name}/check":           s.checkRemote,
		"GET /v1/buckets/{bucket}/replication":    s.showReplication,
		"PUT /v1/buckets/{bucket}/replication":    s.setReplication,
		"DELETE /v1/buckets/{bucket}/replication": s.dropReplication,
	}
}

func (s *Server) wireRemote(r *remote.Remote) api.Remote {
	return api.Remote{Name: r.Name, Endpoint: r.Endpoint, Region: r.Region, Style: styles[r.Style], Key: r.ID, Rate: r.Rate,
		Owner: r.Owner.String(), Own: r.Owner == s.Host.Facts().Member, Created: r.Created}
}

func (s *Server) listRemotes(r *http.Request) (any, error) {
	all, err := s.Replication.Remotes.All(r.Context())
	if err != nil {
		return nil, err
	}
	out := make([]api.Remote, 0, len(all))
	for _, x := range all {
		out = append(out, s.wireRemote(x))
	}
	return out, nil
}

func (s *Server) addRemote(r *http.Request) (any, error) {
	in, err := read[api.NewRemote](r)
	if err != nil {
		return nil, err
	}
	style, err := styleOf(in.Style)
	if err != nil {
		return nil, err
	}
	made, err := s.Replication.Remotes.Add(r.Context(), remote.Remote{Name: in.Name, Endpoint: strings.TrimSuffix(in.Endpoint, "/"), Region: in.Region,
		Style: style, ID: in.Key, Secret: in.Secret, Rate: in.Rate, Owner: s.Host.Facts().Member})
	if err != nil {
		return nil, err
	}
	return s.wireRemote(made), nil
}

func styleOf(name string) (remote.Style, error) {
	if name == "" {
		return remote.Auto, nil
	}
	i := slices.Index(styles, name)
	if i < 0 {
		return 0, errs.Newf(errs.Invalid, "%q is no way to address buckets: auto, path or host", name)
	}
	return remote.Style(i), nil
}

func (s *Server) setRemote(r *http.Request) (any, error) {
	in, err := read[api.SetRemote](r)
	if err != nil {
		return nil, err
	}
	x, err := s.Replication.Remotes.Change(r.Context(), r.PathValue("name"), func(x *remote.Remote) error {
		if x.Owner != s.Host.Facts().Member {
			return remote.ErrOthers
		}
		for to, text := range map[*string]*string{&x.Region: in.Region, &x.ID: in.Key, &x.Secret: in.Secret} {
			if text != nil {
				*to = *text
			}
		}
		if in.Endpoint != nil {
			x.Endpoint = strings.TrimSuffix(*in.Endpoint, "/")
		}
		if in.Rate != nil {
			x.Rate = *in.Rate
		}
		if in.Style == nil {
			return nil
		}
		x.Style, err = styleOf(*in.Style)
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.Replication.Changed != nil {
		s.Replication.Changed()
	}
	return s.wireRemote(x), nil
}

func (s *Server) showRemote(r *http.Request) (any, error) {
	x, err := s.Replication.Remotes.Remote(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return s.wireRemote(x), nil
}

// ownRemote returns a remote that the member who runs the node may use.
func (s *Server) ownRemote(ctx context.Context, name string) (*remote.Remote, error) {
	x, err := s.Replication.Remotes.Remote(ctx, name)
	if err == nil && x.Owner != s.Host.Facts().Member {
		return nil, remote.ErrOthers
	}
	return x, err
}

func (s *Server) removeRemote(r *http.Request) (any, error) {
	x, err := s.ownRemote(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	all, err := s.Buckets.AllBuckets(r.Context())
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		for i := range b.Settings.Replicate {
			if o := &b.Settings.Replicate[i]; o.Remote == x.Name {
				return nil, errs.Newf(errs.Conflict, "the bucket %s is replicated to it: take that away first, with rhizome bucket replicate %s --to %s --off", first(b), first(b), o.Dest())
			}
		}
	}
	return nil, s.Replication.Remotes.Remove(r.Context(), x.Name)
}

// first is a name of a bucket.
func first(b *object.Bucket) string {
	if len(b.Names) > 0 {
		return b.Names[0]
	}
	return b.ID.String()
}

func (s *Server) checkRemote(r *http.Request) (any, error) {
	x, err := s.ownRemote(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	buckets, err := s.Replication.Check(ctx, x, r.URL.Query().Get("bucket"))
	out := api.RemoteCheck{OK: err == nil, Buckets: buckets}
	if err != nil {
		out.Reason = printer(r).Error(err)
	}
	return out, nil
}

func (s *Server) setReplication(r *http.Request) (any, error) {
	in, err := read[api.Replicate](r)
	if err != nil {
		return nil, err
	}
	name, bucket, ok := strings.Cut(in.To, "/")
	if !ok || name == "" || bucket == "" || strings.Contains(bucket, "/") || len(bucket) > maxBucketName {
		return nil, errs.Newf(errs.Invalid, "%q is no destination: write it as REMOTE/BUCKET", in.To)
	}
	if in.ID == "" || len(in.ID) > 255 || len(in.Prefix) > object.MaxKey {
		return nil, errs.New(errs.Invalid, "a rule has an ID of 1 to 255 bytes, and a prefix no longer than a key")
	}
	if _, err := s.ownRemote(r.Context(), name); err != nil {
		return nil, err
	}
	rule := object.Replicate{ID: in.ID, Remote: name, Bucket: bucket, Filter: object.ReplicateFilter{Prefix: in.Prefix}, Deletes: in.Deletes, Existing: !in.New}
	return s.changeReplication(r, func(rules []object.Replicate) ([]object.Replicate, error) {
		for _, o := range rules {
			if o.Old {
				return nil, errs.New(errs.Conflict, "the bucket's rules were written with S3's old schema: change them with PutBucketReplication, or take them away first")
			}
			rule.Priority = max(rule.Priority, o.Priority+1)
		}
		rules = slices.DeleteFunc(rules, func(o object.Replicate) bool {
			if o.ID == rule.ID {
				rule.Priority = o.Priority
			}
			return o.ID == rule.ID
		})
		return append(rules, rule), nil
	})
}

// maxBucketName is how long the name of a bucket elsewhere may be.
const maxBucketName = 255

func (s *Server) dropReplication(r *http.Request) (any, error) {
	to := r.URL.Query().Get("to")
	return s.changeReplication(r, func(rules []object.Replicate) ([]object.Replicate, error) {
		return slices.DeleteFunc(rules, func(o object.Replicate) bool { return to == "" || o.Dest() == to }), nil
	})
}

func (s *Server) changeReplication(r *http.Request, f func([]object.Replicate) ([]object.Replicate, error)) (any, error) {
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	b, err = s.Buckets.ChangeSettings(r.Context(), b, func(set *object.Settings) error {
		rules, err := f(slices.Clone(set.Replicate))
		if err != nil {
			return err
		}
		return set.SetReplicate(set.ReplicateRole, rules)
	})
	if err != nil {
		return nil, err
	}
	if s.Replication.Changed != nil {
		s.Replication.Changed()
	}
	return s.replication(r.Context(), b)
}

func (s *Server) showReplication(r *http.Request) (any, error) {
	b, err := s.findBucket(r)
	if err != nil {
		return nil, err
	}
	return s.replication(r.Context(), b)
}

// replication says how each destination of a bucket is.
func (s *Server) replication(ctx context.Context, b *object.Bucket) (any, error) {
	out := []api.Replication{}
	t, ok := s.Buckets.(replicators)
	if !ok {
		return out, nil
	}
	all, err := t.Replications(ctx, b)
	if err != nil {
		return nil, err
	}
	usage, err := s.Buckets.Usage(ctx, b)
	if err != nil {
		return nil, err
	}
	for i := range all {
		out = append(out, s.wireReplication(b, &all[i], usage))
	}
	return out, nil
}

func (s *Server) wireReplication(b *object.Bucket, r *object.Replication, u object.Usage) api.Replication {
	out := api.Replication{To: r.Dest, Rules: []api.Replicate{}, Objects: r.Waiting, Bytes: r.Bytes, Refused: r.Refused, Key: r.Key, Why: r.Why,
		Error: r.Error, Skipped: r.Skipped, SkippedKeys: r.Names}
	now := s.Clock.Now()
	if !r.Oldest.IsZero() {
		out.Oldest, out.Lag = &r.Oldest, max(0, now.Sub(r.Oldest).Seconds())
	}
	if !r.Failed.IsZero() {
		out.Failed = &r.Failed
	}
	for i := range b.Settings.Replicate {
		o := &b.Settings.Replicate[i]
		if o.Dest() == r.Dest {
			w := api.Replicate{ID: o.ID, To: r.Dest, Prefix: o.Filter.Prefix, Deletes: o.Deletes, New: !o.Existing, Off: o.Off}
			for _, t := range o.Filter.Tags {
				w.Tags = append(w.Tags, t.Key+"="+t.Value)
			}
			out.Rules = append(out.Rules, w)
		}
	}
	first := api.FirstCopy{Done: r.Done, Objects: max(0, r.Listed-r.Waiting), OfObjects: u.Objects, Bytes: max(0, r.ListedBytes-r.Bytes), OfBytes: u.Bytes}
	took := now.Sub(r.Begun).Seconds()
	if !r.Done && took > 0 && !r.Begun.IsZero() {
		first.BytesPerSec, first.ObjectPerSec = float64(first.Bytes)/took, float64(first.Objects)/took
		if first.Bytes > 0 {
			first.SecondsLeft = float64(max(0, u.Bytes-first.Bytes)) / first.BytesPerSec
		}
		if first.Objects > 0 {
			first.SecondsLeft = max(first.SecondsLeft, float64(max(0, u.Objects-first.Objects))/first.ObjectPerSec)
		}
	}
	out.First = first
	return out
}

// silentRemotes are those to which this node could not send for long.
func (s *Server) silentRemotes(p lang.Printer) (out []api.Reason) {
	if s.Replication == nil || s.Replication.Silent == nil {
		return nil
	}
	for _, name := range s.Replication.Silent(silentFor) {
		out = append(out, api.Reason{Kind: api.RiskRemote, About: name, Text: p.T("Nothing could be replicated to %s for more than an hour: rhizome bucket replication says why. What waits is sent once it is back.", name)})
	}
	return out
}
