package admin

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/model/object"
)

// maxRuleDays is beyond what any clock shows.
const maxRuleDays = 1 << 20

// ruleID begins the IDs of rules that are made here.
const ruleID = "rhizome bucket lifecycle "

func (s *Server) getLifecycle(r *http.Request) (any, error) {
	b, err := s.findBucket(r)
	if err != nil {
		return nil, err
	}
	if len(b.Settings.Lifecycle) == 0 {
		return nil, errs.Newf(errs.NotFound, "the bucket %s has no lifecycle rules", r.PathValue("bucket"))
	}
	return api.Document{Bucket: r.PathValue("bucket"), Text: string(s.Documents.LifecycleText(b.Settings.Lifecycle))}, nil
}

// replaceLifecycle puts all rules, as they are written.
func (s *Server) replaceLifecycle(r *http.Request, text string) (any, error) {
	rules, err := s.Documents.Lifecycle([]byte(text))
	if err != nil {
		return nil, err
	}
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	return s.changed(r)(s.Buckets.ChangeSettings(r.Context(), b, func(st *object.Settings) error {
		st.Lifecycle = rules
		return nil
	}))
}

// unsure refuses what cannot be taken back once it was done, or is lost, if nobody said that it is
// meant.
func unsure(in api.SetLifecycle, rules []object.LifecycleRule) error {
	foreign := slices.ContainsFunc(rules, func(r object.LifecycleRule) bool { return !strings.HasPrefix(r.ID, ruleID) })
	switch {
	case in.Sure:
	case in.Off && foreign:
		return errs.New(errs.Denied, "some of the rules were not made here, and would be lost: add --yes if that is meant")
	case !in.Off && in.Prefix == "" && in.Expire+in.Noncurrent > 0:
		return errs.New(errs.Denied, "without --prefix that is all there is in the bucket: add --yes if that is meant")
	}
	return nil
}

// setLifecycle changes the one rule of a prefix that is made here; its ID says so.
func (s *Server) setLifecycle(r *http.Request) (any, error) {
	in, err := read[api.SetLifecycle](r)
	if err != nil {
		return nil, err
	}
	if in.Text != "" {
		return s.replaceLifecycle(r, in.Text)
	}
	for _, n := range []int{in.Expire, in.Noncurrent, in.Keep, in.Abort} {
		if n < 0 || n > maxRuleDays {
			return nil, errs.New(errs.Invalid, "days are counted from 1 on")
		}
	}
	if !in.Off && in.Expire+in.Noncurrent+in.Abort == 0 || in.Keep > 0 && in.Noncurrent == 0 || len(in.Prefix) > object.MaxKey {
		return nil, errs.New(errs.Invalid, "say what is to go after how many days: --expire, --noncurrent or --abort")
	}
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	return s.changed(r)(s.Buckets.ChangeSettings(r.Context(), b, func(st *object.Settings) error {
		if err := unsure(in, st.Lifecycle); err != nil {
			return err
		}
		if in.Off {
			st.Lifecycle = nil
			return nil
		}
		id := ruleID + in.Prefix
		if runes := []rune(id); len(runes) > 255 {
			id = string(runes[:255])
		}
		rule := object.LifecycleRule{ID: id, Filter: object.LifecycleFilter{Prefix: in.Prefix}, Days: in.Expire, NoncurrentDays: in.Noncurrent,
			Newer: in.Keep, AbortDays: in.Abort, Markers: in.Noncurrent > 0 && in.Expire == 0}
		rules := slices.DeleteFunc(slices.Clone(st.Lifecycle), func(r object.LifecycleRule) bool { return r.ID == id })
		if len(rules) >= 1000 {
			return errs.New(errs.TooLarge, "a bucket has at most 1,000 lifecycle rules")
		}
		st.Lifecycle = append(rules, rule)
		return nil
	}))
}

func wireRules(rules []object.LifecycleRule) (out []api.LifecycleRule) {
	for _, r := range rules {
		f := r.Filter
		w := api.LifecycleRule{ID: r.ID, Off: r.Off, Prefix: f.Prefix, Narrowed: len(f.Tags) > 0 || f.Over != nil || f.Under != nil,
			Expire: r.Days, Noncurrent: r.NoncurrentDays, Keep: r.Newer, Abort: r.AbortDays, Markers: r.Markers}
		if r.Date > 0 {
			at := time.UnixMilli(r.Date).UTC()
			w.Date = &at
		}
		out = append(out, w)
	}
	return out
}
