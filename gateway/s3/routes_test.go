package s3

import (
	"strings"
	"testing"

	"rhizome/gateway/s3/policy"
)

// TestActions: every route says what a policy must allow for it, and about what.
func TestActions(t *testing.T) {
	for _, r := range table() {
		if r.Action == "-" || r.Need == open {
			continue
		}
		if len(r.IAM) == 0 {
			t.Errorf("%s: no policy can speak of it", r.Action)
		}
		onObject := r.Scope == anObject || r.Each || r.Need == form
		for _, a := range append(r.IAM[:len(r.IAM):len(r.IAM)], r.Versioned...) {
			switch {
			case a == "s3:ListAllMyBuckets" && r.Scope == service: // about no bucket
			case !policy.Known(a):
				t.Errorf("%s: there is no action %s", r.Action, a)
			case policy.OnObject(a) != onObject:
				t.Errorf("%s: %s is about something else", r.Action, a)
			}
		}
		for _, a := range r.Versioned {
			if !strings.Contains(a, "Version") {
				t.Errorf("%s: %s is no action on a version", r.Action, a)
			}
		}
	}
}
