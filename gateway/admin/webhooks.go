package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/model/hook"
	"rhizome/model/object"
)

// Webhooks is what the admin server needs of the webhooks; *hook.Store implements it.
type Webhooks interface {
	Add(ctx context.Context, owner ident.ID, name, address, secret string) (*hook.Webhook, error)
	Remove(ctx context.Context, name string) error
	Webhook(ctx context.Context, name string) (*hook.Webhook, error)
	All(ctx context.Context) ([]*hook.Webhook, error)
}

// WebhookState is how a webhook is: the zero one if nothing failed lately.
type WebhookState struct {
	// Failed is how many attempts failed since the last that did not; Error is the last one's.
	Failed int
	Error  string
	// Again is when the next one is made.
	Again time.Time
}

// Tellers is what a Buckets may have beside, to tell webhooks of events.
type Tellers interface {
	ChangeSettings(ctx context.Context, b *object.Bucket, change func(*object.Settings) error) (*object.Bucket, error)
	Backlog(ctx context.Context, b *object.Bucket) (int64, []object.Waiting, error)
}

var errNoWebhooks = errs.New(errs.NotFound, "the node has no webhooks")

func (s *Server) webhookRoutes() map[string]request {
	return map[string]request{
		"GET /v1/webhooks":                   s.listWebhooks,
		"POST /v1/webhooks":                  s.addWebhook,
		"GET /v1/webhooks/{name}":            s.showWebhook,
		"DELETE /v1/webhooks/{name}":         s.removeWebhook,
		"PUT /v1/buckets/{bucket}/notify":    s.setNotify,
		"DELETE /v1/buckets/{bucket}/notify": s.dropNotify,
	}
}

func (s *Server) listWebhooks(r *http.Request) (any, error) {
	all, err := s.Webhooks.All(r.Context())
	if err != nil {
		return nil, err
	}
	out := make([]api.Webhook, 0, len(all))
	for _, w := range all {
		out = append(out, s.wireWebhook(w, false))
	}
	return out, nil
}

func (s *Server) addWebhook(r *http.Request) (any, error) {
	in, err := read[api.NewWebhook](r)
	if err != nil {
		return nil, err
	}
	if err := s.freeName(r.Context(), in.Name); err != nil {
		return nil, err
	}
	w, err := s.Webhooks.Add(r.Context(), s.Host.Facts().Member, in.Name, in.URL, in.Secret)
	if err != nil {
		return nil, err
	}
	return s.wireWebhook(w, true), nil
}

// freeName refuses a name of which rules of others' buckets still speak, since there was a webhook of
// it before: what happens there would be told to whoever took the name.
func (s *Server) freeName(ctx context.Context, name string) error {
	all, err := s.Buckets.AllBuckets(ctx)
	if err != nil {
		return err
	}
	for _, b := range all {
		if !slices.ContainsFunc(b.Settings.Notify, func(n object.Notify) bool { return n.Webhook == name }) {
			continue
		}
		switch err := s.mayOwn(ctx, b); {
		case errors.Is(err, errs.Denied):
			return errs.Newf(errs.Conflict, "rules of a bucket that is not yours tell a former webhook %q: choose another name", name)
		case err != nil:
			return err
		}
	}
	return nil
}

func (s *Server) showWebhook(r *http.Request) (any, error) {
	secret := r.URL.Query().Get("secret") == "true"
	w, err := s.Webhooks.Webhook(r.Context(), r.PathValue("name"))
	if err == nil && secret {
		err = s.mayHook(r.Context(), w)
	}
	if err != nil {
		return nil, err
	}
	return s.wireWebhook(w, secret), nil
}

// ownWebhook finds a webhook that the caller may use and change.
func (s *Server) ownWebhook(ctx context.Context, name string) (*hook.Webhook, error) {
	w, err := s.Webhooks.Webhook(ctx, name)
	if err != nil {
		return nil, err
	}
	return w, s.mayHook(ctx, w)
}

func (s *Server) mayHook(ctx context.Context, w *hook.Webhook) error {
	if s.OwnsWebhook == nil {
		return nil
	}
	return s.OwnsWebhook(ctx, w)
}

func (s *Server) removeWebhook(r *http.Request) (any, error) {
	w, err := s.ownWebhook(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return nil, s.Webhooks.Remove(r.Context(), w.Name)
}

func (s *Server) wireWebhook(w *hook.Webhook, secret bool) api.Webhook {
	out := api.Webhook{Name: w.Name, Created: w.Created, URL: w.URL, Secret: w.Secret}
	if !secret {
		out.Secret, out.URL = "", ""
		if u, err := url.Parse(w.URL); err == nil {
			out.URL = u.Scheme + "://" + u.Host + "/…"
		}
	}
	if s.WebhookState != nil {
		st := s.WebhookState(w.Name)
		out.Failed, out.Reason = st.Failed, st.Error
		if !st.Again.IsZero() {
			again := st.Again.UTC()
			out.Again = &again
		}
	}
	return out
}

// silentFor is for how long a webhook cannot be told before people are.
const silentFor = time.Hour

// silentWebhooks are those that this node could not tell of events for long.
func (s *Server) silentWebhooks(p lang.Printer) (out []api.Reason) {
	if s.WebhooksSilent == nil {
		return nil
	}
	for _, name := range s.WebhooksSilent(silentFor) {
		out = append(out, api.Reason{Kind: api.RiskWebhook, About: name, Text: p.T("The webhook %s has not taken an event for more than an hour: rhizome webhook list says why. What it is to be told waits, up to a million events of a bucket.", name)})
	}
	return out
}

func (s *Server) tellers() (Tellers, error) {
	t, ok := s.Buckets.(Tellers)
	if !ok {
		return nil, errNoWebhooks
	}
	return t, nil
}

func (s *Server) setNotify(r *http.Request) (any, error) {
	in, err := read[api.Notify](r)
	if err != nil {
		return nil, err
	}
	if _, err := s.ownWebhook(r.Context(), in.Webhook); err != nil {
		return nil, err
	}
	if in.ID == "" || len(in.ID) > 255 || len(in.Prefix)+len(in.Suffix) > object.MaxKey {
		return nil, errs.New(errs.Invalid, "a rule has an ID of 1 to 255 bytes, and a prefix and a suffix no longer than a key")
	}
	rule := object.Notify(in)
	return s.changeNotify(r, func(rules []object.Notify) []object.Notify {
		rules = slices.DeleteFunc(slices.Clone(rules), func(n object.Notify) bool { return n.ID == rule.ID })
		return append(rules, rule)
	})
}

func (s *Server) dropNotify(r *http.Request) (any, error) {
	name := r.URL.Query().Get("webhook")
	return s.changeNotify(r, func(rules []object.Notify) []object.Notify {
		return slices.DeleteFunc(slices.Clone(rules), func(n object.Notify) bool { return n.Webhook == name })
	})
}

func (s *Server) changeNotify(r *http.Request, f func([]object.Notify) []object.Notify) (any, error) {
	t, err := s.tellers()
	if err != nil {
		return nil, err
	}
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	return s.changed(r)(t.ChangeSettings(r.Context(), b, func(set *object.Settings) error {
		if set.Notify = f(set.Notify); len(set.Notify) > maxNotify {
			return errs.Newf(errs.Invalid, "a bucket has at most %d rules of what is told", maxNotify)
		}
		return nil
	}))
}

// maxNotify is how many rules S3 lets a bucket have.
const maxNotify = 100

// wireWaiting adds what webhooks were not told of a bucket yet.
func (s *Server) wireWaiting(ctx context.Context, b *object.Bucket, out *api.Bucket) error {
	t, err := s.tellers()
	if errors.Is(err, errNoWebhooks) {
		return nil
	}
	count, by, err := t.Backlog(ctx, b)
	if err != nil || count == 0 {
		return err
	}
	out.Waiting = &api.Waiting{Events: count, By: []api.WaitingFor{}}
	for _, w := range by {
		out.Waiting.By = append(out.Waiting.By, api.WaitingFor(w))
	}
	return nil
}
