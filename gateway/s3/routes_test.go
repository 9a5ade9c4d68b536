package s3

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"sort"
	"strings"
	"testing"

	"rhizome/gateway/s3/policy"
)

// write has TestPage write the table instead of comparing it.
var write = flag.Bool("write", false, "write the table of calls into docs/s3.md")

const (
	page  = "../../docs/s3.md"
	begin = "<!-- calls: written by TestPage -->\n"
	end   = "<!-- end of calls -->\n"
)

// TestPage: the table of all calls on the page about S3 is that of the routes.
func TestPage(t *testing.T) {
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	was, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", page)
	}
	is := callTable()
	if *write {
		if err := os.WriteFile(page, []byte(before+begin+is+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if was != is {
		t.Errorf("the table of calls in %s is not that of the routes: go test ./gateway/s3 -run TestPage -write", page)
	}
}

// callTable is the table of all calls, by name.
func callTable() string {
	lines, right := map[string]string{}, ""
	for _, r := range table() {
		state, why, actions := "done", r.Partly, strings.Join(append(r.IAM[:len(r.IAM):len(r.IAM)], r.Versioned...), ", ")
		right = r.Need.String()
		switch {
		case r.Action == "-":
			continue
		case r.Refused != "":
			state, why, right = "refused", r.Refused, ""
		case r.Partly != "":
			state = "partly"
		}
		lines[r.Action] = fmt.Sprintf("| %s | %s | %s | %s | %s |\n", r.Action, state, right, actions, why)
	}
	var names []string
	for n := range lines {
		names = append(names, n)
	}
	sort.Strings(names)
	out := "| call | | right | actions in policies | what not, or why |\n| --- | --- | --- | --- | --- |\n"
	for _, n := range names {
		out += lines[n]
	}
	return out
}

// TestRefusedCalls: what is refused by name is not done under another.
func TestRefusedCalls(t *testing.T) {
	x := newIndex(table())
	for _, c := range refusedCalls() {
		r := httptest.NewRequest(c.method, "/?"+c.sub, nil)
		got, err := x.find(c.scope, r, query{{name: c.sub}})
		if err != nil || got.Sub != c.sub || got.Refused == "" { // one path may be two calls
			t.Errorf("%s leads to %v, %v", c.action, got, err)
		}
	}
}

// TestActions: every route says what a policy must allow for it, and about what.
func TestActions(t *testing.T) {
	for _, r := range table() {
		if r.Action == "-" || r.Need == open || r.Refused != "" {
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
