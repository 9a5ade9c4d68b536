package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/lang"
	"rhizome/cluster/layout"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/fake"
	"rhizome/model/object"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// of serves a rhizome that is not there.
func of(c Cluster) *Server {
	return New(Config{Cluster: c, Clock: clock.NewManual(noon), Logger: slog.New(slog.DiscardHandler)})
}

func TestEveryCallAndItsAnswer(t *testing.T) {
	f := fake.Homes(noon, "attic", "barn", "cellar")
	f.Plan = api.Plan{Nodes: []api.PlanNode{{ID: f.List[1].ID, Home: "barn", Gone: true}}, Warn: []api.Notice{{Err: errs.New(errs.Full, "the bucket does not exist")}}}
	f.Past = []api.LayoutVersion{{Version: 1, Events: []api.LayoutEvent{{Kind: api.EventMade}}}}
	c := serveOn(t, t.TempDir(), of(f).Handler())
	ctx := t.Context()

	i, err := c.Invite(ctx, api.NewInvitation{Uses: 2, Seconds: 3600})
	if err != nil || i.Text == "" || i.Uses != 2 {
		t.Errorf("%v %+v", err, i)
	}
	all, err := c.Invitations(ctx)
	if err != nil || len(all) != 1 || all[0].Text != "" {
		t.Errorf("%v %+v", err, all)
	}
	if err := c.RevokeInvitation(ctx, i.ID[:6]); err != nil || f.Invited[0].State != "revoked" {
		t.Errorf("%v %+v", err, f.Invited)
	}
	nodes, err := c.Nodes(ctx)
	if err != nil || len(nodes) != 3 || nodes[1].Name != "barn" || nodes[1].Short != "22222222" {
		t.Errorf("%v %+v", err, nodes)
	}
	l, err := c.Layout(ctx)
	if err != nil || l.Homes[2].Nodes[0].Name != "cellar" {
		t.Errorf("%v %+v", err, l)
	}
	if h, err := c.History(ctx); err != nil || len(h) != 1 || h[0].Events[0].Text != "the rhizome was made" {
		t.Errorf("%v %+v", err, h)
	}
	change := api.LayoutChange{Kind: api.ChangeDrain, Node: "2222"}
	plan, err := c.Preview(ctx, change)
	if err != nil || plan.Base != 7 || plan.Nodes[0].Name != "barn" || plan.Warn[0].Reason == "" {
		t.Errorf("%v %+v", err, plan)
	}
	change.Base, change.Node = plan.Base, "barn"
	if l, err = c.Change(ctx, change); err != nil || l.Version != 8 || f.Changes[0].Node != f.List[1].ID {
		t.Errorf("%v %+v %+v", err, l, f.Changes)
	}
	if _, err = c.Change(ctx, change); !errors.Is(err, errs.Conflict) {
		t.Errorf("the second of two at once: %v", err)
	}
	lost, err := c.PreviewRecover(ctx, api.Recover{Gone: []string{"barn", "cellar"}})
	if err != nil || lost.Base != 8 {
		t.Errorf("%v %+v", err, lost)
	}
	if _, err := c.Recover(ctx, api.Recover{Base: 8, Gone: []string{"barn", "cellar", "2222"}}); err != nil || len(f.Recovered[0].Gone) != 2 {
		t.Errorf("%v %+v", err, f.Recovered)
	}
	want := api.Limits{Background: []api.LimitHours{{From: "08:00", To: "23:00", Rate: 1e6}}, Relay: 5}
	if got, err := c.SetLimits(ctx, want); err != nil || len(got.Background) != 1 {
		t.Errorf("%v %+v", err, got)
	}
	if got, err := c.Limits(ctx); err != nil || got.Relay != 5 || got.Background[0] != want.Background[0] {
		t.Errorf("%v %+v", err, got)
	}
}

func TestChangesThatMakeNoSense(t *testing.T) {
	s := of(fake.Homes(noon, "attic", "barn", "barn"))
	for body, want := range map[string]string{
		`{"kind":"drain"}`:                                   "which node",
		`{"kind":"drain","node":"none"}`:                     "no node",
		`{"kind":"drain","node":"222"}`:                      "no node",
		`{"kind":"drain","node":"barn"}`:                     "has 2 nodes",
		`{"kind":"paint","node":"attic"}`:                    "newer",
		`{"kind":"drain","node":"attic","lost":true}`:        "only a node that is removed",
		`{"kind":"capacity","node":"attic","capacity":5}`:    "100 MB",
		`{"kind":"capacity","node":"attic","capacity":-5}`:   "100 MB",
		`{"kind":"zone","node":"attic","zone":" x"}`:         "needs a name",
		`{"kind":"zone","node":"attic","zone":"a\u001b[2J"}`: "needs a name",
		`{"kind":"replicas","replicas":2}`:                   "1, 3, 5 or 7",
		`{"kind":"replicas","replicas":9}`:                   "1, 3, 5 or 7",
		`{"kind":"replicas","replicas":3,"zones":4}`:         "4 homes",
		`{"kind":"replicas","replicas":3,"node":"attic"}`:    "which node",
		`{"kind":"drain","node":"attic","x":1}`:              "unknown field",
	} {
		for _, path := range []string{"/v1/layout/preview", "/v1/layout/change"} {
			if w := ask(s, "POST", path, body, "en"); w.Code < 400 || w.Code >= 500 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s %s: %d %s", path, body, w.Code, w.Body)
			}
		}
	}
	for path, bodies := range map[string]map[string]string{
		"POST /v1/layout/change":  {`{"kind":"drain","node":"attic"}`: "which layout"},
		"POST /v1/layout/recover": {`{"gone":["barn"]}`: "has 2 nodes", `{"gone":[]}`: "which nodes", `{"gone":["attic"]}`: "is not gone", `{"gone":["2222"]}`: "which layout"},
		"POST /v1/invitations":    {`{"uses":0,"seconds":60}`: "1 to 100", `{"uses":101,"seconds":60}`: "1 to 100", `{"uses":1,"seconds":59}`: "30 days", `{"uses":1,"seconds":9999999}`: "30 days"},
		"PUT /v1/limits": {
			`{"default":-1}`: "less than 0", `{"background":[{"from":"8","to":"9:00"}]}`: "hours of the day",
			`{"background":[{"from":"08:00","to":"08:00"}]}`:                                           "hours of the day",
			`{"background":[{"from":"08:00","to":"12:00"},{"from":"22:00","to":"08:01"}]}`:             "same time",
			`{"background":[` + strings.Repeat(`{"from":"08:00","to":"09:00"},`, 24) + `{"from":""}]}`: "24 limits",
		},
		"DELETE /v1/invitations/none": {"": "no invitation"},
	} {
		method, route, _ := strings.Cut(path, " ")
		for body, want := range bodies {
			if w := ask(s, method, route, body, "en"); w.Code < 400 || w.Code >= 500 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s %s: %d %s", path, body, w.Code, w.Body)
			}
		}
	}
	if w := ask(New(Config{}), "GET", "/v1/nodes", "", "en"); w.Code != 404 {
		t.Errorf("a node of no cluster: %d", w.Code)
	}
}

func TestShortIDsTellNodesApart(t *testing.T) {
	nodes := []api.Node{{ID: strings.Repeat("a", 64), Home: "x"}, {ID: strings.Repeat("a", 12) + strings.Repeat("b", 52), Home: "x"}, {ID: strings.Repeat("c", 64), Home: "y"}}
	nameNodes(nodes)
	if nodes[0].Short != strings.Repeat("a", 13) || nodes[1].Short != strings.Repeat("a", 12)+"b" || nodes[2].Short != "cccccccc" {
		t.Errorf("%+v", nodes)
	}
	if nodes[0].Name != "x/"+nodes[0].Short || nodes[2].Name != "y" {
		t.Errorf("%+v", nodes)
	}
	if _, err := pickNode(nodes, "aaaa"); !errors.Is(err, errs.Invalid) {
		t.Error(err)
	}
	for _, ref := range []string{nodes[1].ID, nodes[1].Name, strings.ToUpper(nodes[1].Short)} {
		if n, err := pickNode(nodes, ref); err != nil || n.ID != nodes[1].ID {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

// homes are a layout of one partition for each set of nodes, given by their first bytes.
func homes(nodes []layout.Node, sets ...[]uint16) *layout.Layout {
	return &layout.Layout{Version: 2, Nodes: nodes, Assigned: sets}
}

func node(id byte, zone string, witness bool) layout.Node {
	n := layout.Node{ID: ident.NodeID{id}, Zone: zone, Capacity: 1e9, Witness: witness}
	if witness {
		n.Capacity = 0
	}
	return n
}

// taken: all rows are where they belong.
var taken = Rows{Has: func(int, ident.NodeID) bool { return true }, Before: func(int) []ident.NodeID { return nil }}

// TestStandingWhileRowsAreTakenOver: a third home joins two. Until two of them have the
// rows of a partition, both that had them are needed.
func TestStandingWhileRowsAreTakenOver(t *testing.T) {
	l := homes([]layout.Node{node(1, "a", false), node(2, "b", false), node(3, "c", false)}, []uint16{0, 1, 2})
	for name, c := range map[string]struct {
		has, away string
		want      api.Standing
	}{
		"nobody has them":           {"", "", api.Standing{Moving: 1}},
		"one has":                   {"\x01", "", api.Standing{Moving: 1}},
		"one has, the newcomer off": {"\x01", "\x03", api.Standing{Fragile: 1}},
		"one has, the other off":    {"\x01", "\x02", api.Standing{Stopped: 1, Silent: 1, Waiting: 1}},
		"two have":                  {"\x01\x02", "", api.Standing{Moving: 1}},
		"two have, one of them off": {"\x01\x02", "\x02", api.Standing{Stopped: 1, Silent: 1, Waiting: 1}},
		"all have":                  {"\x01\x02\x03", "", api.Standing{}},
	} {
		in := func(set string, id ident.NodeID) bool { return strings.Contains(set, string(id[:1])) }
		rows := Rows{Has: func(_ int, id ident.NodeID) bool { return in(c.has, id) },
			Before: func(int) []ident.NodeID { return []ident.NodeID{{1}, {2}} }}
		if got := StandingOf(l, func(id ident.NodeID) bool { return !in(c.away, id) }, rows); got != c.want {
			t.Errorf("%s: it stands %+v, want %+v", name, got, c.want)
		}
	}
}

func TestStandingAndLoss(t *testing.T) {
	three := homes([]layout.Node{node(1, "a", false), node(2, "b", false), node(3, "c", false), node(4, "a", false)}, []uint16{0, 1, 2}, []uint16{3, 1, 2}, []uint16{0, 3, 1})
	two := homes([]layout.Node{node(1, "a", false), node(2, "b", false)}, []uint16{0, 1})
	witness := homes([]layout.Node{node(1, "a", false), node(2, "b", false), node(3, "c", true)}, []uint16{0, 1, 2})
	one := homes([]layout.Node{node(1, "a", false)}, []uint16{0})
	beside := homes([]layout.Node{node(1, "a", false), node(2, "b", true)}, []uint16{0})
	for name, c := range map[string]struct {
		l    *layout.Layout
		away string
		want api.Standing
		loss api.Loss
	}{
		"one":              {one, "", api.Standing{}, api.Loss{}},
		"one, a witness":   {beside, "", api.Standing{}, api.Loss{}},
		"the witness away": {beside, "\x02", api.Standing{}, api.Loss{}},
		"two":              {two, "", api.Standing{Fragile: 1}, api.Loss{}},
		"two, one away":    {two, "\x02", api.Standing{Stopped: 1, Lone: 1}, api.Loss{Doubtful: 1}},
		"witness":          {witness, "", api.Standing{}, api.Loss{}},
		"witness away":     {witness, "\x03", api.Standing{Fragile: 1}, api.Loss{}},
		"holder away":      {witness, "\x02", api.Standing{Fragile: 1, Lone: 1}, api.Loss{}},
		"both holders":     {witness, "\x01\x02", api.Standing{Stopped: 1, Silent: 1, Unreadable: 1}, api.Loss{Doubtful: 1, Bytes: 1}},
		"three":            {three, "", api.Standing{Fragile: 1}, api.Loss{}},
		"three, one away":  {three, "\x02", api.Standing{Fragile: 3, Lone: 1}, api.Loss{}},
		"three, all":       {three, "\x01\x02\x03\x04", api.Standing{Stopped: 3, Silent: 3, Unreadable: 3}, api.Loss{Rows: 3, Bytes: 3}},
		"three, two homes": {three, "\x01\x02\x04", api.Standing{Stopped: 3, Silent: 3, Unreadable: 1, Lone: 2}, api.Loss{Rows: 1, Bytes: 1, Doubtful: 2}},
	} {
		away := func(id ident.NodeID) bool { return strings.Contains(c.away, string(id[:1])) }
		if got := StandingOf(c.l, func(id ident.NodeID) bool { return !away(id) }, taken); got != c.want {
			t.Errorf("%s stands %+v, want %+v", name, got, c.want)
		}
		if got := LossOf(c.l, away); got != c.loss {
			t.Errorf("%s loses %+v, want %+v", name, got, c.loss)
		}
	}
}

func TestEventsOfALayout(t *testing.T) {
	before := homes([]layout.Node{node(1, "a", false), node(2, "b", false), node(3, "c", true)})
	moved, draining := node(1, "z", false), node(3, "c", false)
	moved.Capacity, draining.Draining = 5e9, true
	after := homes([]layout.Node{moved, draining, node(4, "d", true)})
	after.Settings, after.Lineage = layout.Settings{Replicas: 5, Zones: 3}, ident.ID{1}
	var kinds []string
	for _, e := range EventsOf(before, after) {
		kinds = append(kinds, e.Kind)
	}
	want := []string{api.EventRecovered, api.ChangeZone, api.ChangeCapacity, api.ChangeCapacity, api.EventStorage, api.ChangeDrain, api.EventAdded, api.ChangeWitness, api.EventRemoved, api.ChangeReplicas}
	if !slices.Equal(kinds, want) {
		t.Errorf("%v, want %v", kinds, want)
	}
	for _, e := range EventsOf(before, after) {
		if en, fr := sayEvent(lang.New(lang.English), nil, e), sayEvent(lang.New(lang.French), nil, e); en == e.Kind || en == fr {
			t.Errorf("%+v is said %q, %q", e, en, fr)
		}
	}
	if e := EventsOf(nil, layout.Single(ident.ID{}, node(1, "a", false))); len(e) != 1 || e[0].Kind != api.EventMade {
		t.Errorf("%+v", e)
	}
	if e := EventsOf(before, before); e == nil || len(e) != 0 {
		t.Errorf("%+v", e)
	}
}

// TestNamesOfThoseWhoLeft: people know a node by its home, also when it left, unless several
// stood there; an ID in what goes wrong is a name.
func TestNamesOfThoseWhoLeft(t *testing.T) {
	f := fake.Homes(noon, "attic", "barn")
	gone := func(digit string) string { return strings.Repeat(digit, 64) }
	event := func(id, home string) api.LayoutEvent {
		return api.LayoutEvent{Kind: api.EventRemoved, Node: id, Home: home, Before: "1000000"}
	}
	f.Past = []api.LayoutVersion{{Version: 3, Events: []api.LayoutEvent{event(gone("a"), "cellar"), event(gone("b"), "barn"), event(gone("c"), "shed"), event(gone("d"), "shed")}}}
	f.Plan.Refused = &api.Notice{Err: errs.Newf(errs.Conflict, "node %s still holds slices: empty it first with rhizome node drain, or say that it is lost with rhizome node remove --lost", f.List[1].ID)}
	s := of(f)
	said := ask(s, "GET", "/v1/layout/history", "", "en").Body.String()
	for _, want := range []string{`"cellar left`, `"barn/bbbbbbbb left`, `"shed/cccccccc left`, `"shed/dddddddd left`} {
		if !strings.Contains(said, want) {
			t.Errorf("no %s in %s", want, said)
		}
	}
	if said := ask(s, "POST", "/v1/layout/preview", `{"kind":"remove","node":"barn"}`, "en").Body.String(); !strings.Contains(said, "Node barn still holds slices") {
		t.Error(said)
	}
}

func TestWhatTheStatusSaysOfHomes(t *testing.T) {
	hour := noon.Add(-3 * time.Hour)
	gone := func(n *api.Node) { n.Up, n.Since = false, &hour }
	removedByAll := func(f *fake.Cluster) {
		f.Present.Stand = api.Standing{Stopped: 1024, Silent: 1024, Unreadable: 1024}
		for i := range f.List[1:] {
			gone(&f.List[i+1])
			f.List[i+1].Refuses = true
		}
	}
	for name, c := range map[string]struct {
		homes []string
		stand api.Standing
		do    func(*fake.Cluster)
		want  []string // in this order; none: nothing is at risk
	}{
		"one":                {homes: []string{"a"}},
		"three":              {homes: []string{"a", "b", "c"}},
		"two":                {[]string{"a", "b"}, api.Standing{Fragile: 1024}, func(*fake.Cluster) {}, []string{"Only two homes vote"}},
		"two that compare":   {[]string{"a", "b"}, api.Standing{Fragile: 1024, Unsure: 512}, func(*fake.Cluster) {}, []string{"Only two homes vote", "reads go on in a moment", "50%"}},
		"a third takes over": {[]string{"a", "b", "c"}, api.Standing{Moving: 256}, func(*fake.Cluster) {}, []string{"all homes are needed", "25%"}},
		"a third takes over, one away": {[]string{"a", "b", "c"}, api.Standing{Stopped: 256, Silent: 256, Waiting: 256, Fragile: 768}, func(f *fake.Cluster) { gone(&f.List[1]) },
			[]string{"Reads and writes of 25% of the data have stopped", "(b)", "If one more home", "home b"}},
		"two, one away": {[]string{"a", "b"}, api.Standing{Stopped: 1024, Lone: 1024}, func(f *fake.Cluster) { gone(&f.List[1]) },
			[]string{"Writes have stopped", "Reads go on", "100% of the data is in one single home", "The home b is away, for 3 hours", "rhizome node address b HOST:PORT", "rhizome layout recover"}},
		"two, one away before they compared": {[]string{"a", "b"}, api.Standing{Stopped: 1024, Silent: 512}, func(f *fake.Cluster) { gone(&f.List[1]) },
			[]string{"and reads of 50%"}},
		"three, one away": {[]string{"a", "b", "c"}, api.Standing{Fragile: 1024}, func(f *fake.Cluster) { gone(&f.List[1]) },
			[]string{"If one more home", "catches up by itself. If it is lost for good: rhizome node remove b --lost"}},
		"three, two away": {[]string{"a", "b", "c"}, api.Standing{Stopped: 1, Silent: 1, Unreadable: 1}, func(f *fake.Cluster) { gone(&f.List[1]); gone(&f.List[2]) },
			[]string{"cannot be read", "Writes to 1% of the data have stopped, and reads", "(b, c)", "rhizome layout recover", "home b", "rhizome node address b HOST:PORT", "The home c is away, for 3 hours. Look after its computer and its line; it catches up by itself. If it is lost"}},
		"a home with half of the nodes": {[]string{"a", "b", "b", "c"}, api.Standing{Fragile: 1024}, func(f *fake.Cluster) { gone(&f.List[1]); gone(&f.List[2]) },
			[]string{"The home b is away", "it catches up by itself. If it is lost for good: rhizome layout recover."}},
		"part of a home": {[]string{"a", "b", "b", "c"}, api.Standing{}, func(f *fake.Cluster) { gone(&f.List[1]) },
			[]string{"1 node of the home b is away (b/22222222)"}},
		"removed": {[]string{"a", "b", "c"}, api.Standing{}, func(f *fake.Cluster) { gone(&f.List[1]); gone(&f.List[2]); f.List[1].Refuses = true },
			[]string{"The rhizome refuses this node (b)", "The home c is away"}},
		"removed, one of two says, while the other is away": {[]string{"a", "b", "c"}, api.Standing{Stopped: 1024, Silent: 1024}, func(f *fake.Cluster) { gone(&f.List[1]); gone(&f.List[2]); f.List[1].Refuses = true },
			[]string{"The rhizome refuses this node (b)", "The home c is away"}},
		"just started": {[]string{"a", "b", "c"}, api.Standing{Stopped: 1024, Silent: 1024}, func(f *fake.Cluster) { gone(&f.List[1]); gone(&f.List[2]) },
			[]string{"Writes to 100% of the data have stopped", "They go on by themselves when one is back.", "The home b is away"}},
		"removed, say all": {[]string{"a", "b", "c"}, api.Standing{}, removedByAll, []string{"The rhizome refuses this node (b, c)"}},
		"emptied and removed": {[]string{"a", "b", "c"}, api.Standing{}, func(f *fake.Cluster) {
			removedByAll(f)
			f.List[0].Draining, f.List[0].Partitions = true, 0
		}, []string{"taken out of the rhizome (so say b, c)", "may be switched off"}},
		"two histories": {[]string{"a", "b", "c"}, api.Standing{}, func(f *fake.Cluster) { gone(&f.List[1]); f.List[1].Apart = 1042 },
			[]string{"The node b goes by another layout (number 1,042)"}},
		"an old copy": {[]string{"a", "b", "c"}, api.Standing{}, func(f *fake.Cluster) { gone(&f.List[1]); f.List[1].OlderCopy = true },
			[]string{"The node b came with an old copy", "rhizome node remove b --lost"}},
		"an old copy, of two": {[]string{"a", "b"}, api.Standing{Stopped: 1024}, func(f *fake.Cluster) { gone(&f.List[1]); f.List[1].OlderCopy = true },
			[]string{"of two homes that vote, one is away (b)", "The node b came with an old copy", "rhizome layout recover"}},
		"itself an old copy": {[]string{"a", "b", "c"}, api.Standing{Stopped: 1024}, func(f *fake.Cluster) {
			gone(&f.List[1])
			gone(&f.List[2])
			f.List[0].OlderCopy = true
		}, []string{"The data folder of this node is an old copy"}},
		"a gateway away": {[]string{"a", "b"}, api.Standing{}, func(f *fake.Cluster) { gone(&f.List[1]); f.List[1].Roles = []string{api.RoleGateway} }, nil},
		"clock":          {[]string{"a"}, api.Standing{}, func(f *fake.Cluster) { f.List[0].Health.Skew = -7_200_000 }, []string{"wrong by 2 hours"}},
		"clock, nearly":  {[]string{"a"}, api.Standing{}, func(f *fake.Cluster) { f.List[0].Health.Skew = 10_799_000 }, []string{"wrong by 3 hours"}},
		"two clocks": {[]string{"a", "b", "c"}, api.Standing{}, func(f *fake.Cluster) { f.List[1].Ahead, f.List[2].Ahead = -10_799_700, 60_000 },
			[]string{"The clock of the node a is ahead of that of b by 3 hours: one of them is wrong"}},
		"two clocks, the other ahead": {[]string{"a", "b"}, api.Standing{}, func(f *fake.Cluster) { f.List[1].Ahead = 90_000 },
			[]string{"The clock of the node b is ahead of that of a by 90 seconds"}},
		"away, says a clock behind": {[]string{"a", "b", "c"}, api.Standing{}, func(f *fake.Cluster) {
			later := noon.Add(time.Hour)
			gone(&f.List[1])
			f.List[1].Since = &later
		}, []string{"away, for 0 seconds"}},
		"troubles": {[]string{"a", "b"}, api.Standing{}, func(f *fake.Cluster) {
			f.List[1].Health = api.NodeHealth{Damaged: 2, DisksLost: 1, Full: true}
			f.Present.Warn = []api.Notice{{Err: errs.New(errs.Full, "beware")}, {Err: errs.New(errs.Conflict, "it could be better")}}
		}, []string{"1 disk of the node b", "2 damaged pieces", "is full", "Beware."}},
	} {
		f := fake.Homes(noon, c.homes...)
		f.Present.Stand = c.stand
		if c.do != nil {
			c.do(f)
		}
		around, err := of(f).lookAround(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		around.lone = around.young(noon.Add(-meet), noon) || name == "just started" && around.young(noon.Add(-meet/2), noon)
		said := strings.Join(healthOf(around.risks(lang.New(lang.English))).Reasons, "\n")
		rest := said
		for _, want := range c.want {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("%s: %q is not said, or not in its place:\n%s", name, want, said)
			}
			rest = after
		}
		if (strings.HasPrefix(name, "removed") || name == "just started") && strings.Contains(said, "for good") {
			t.Errorf("%s: it is said to be lost:\n%s", name, said)
		}
		if strings.HasPrefix(name, "removed, say all") || strings.Contains(name, "emptied") {
			if strings.Contains(said, "\n") || strings.Contains(said, "recover") {
				t.Errorf("%s: more is said than that it was removed:\n%s", name, said)
			}
		}
		if strings.Contains(said, "could be better") || len(c.want) == 0 && said != "" {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// TestOneHomeIsAHint and no risk, of which an alarm would tell; a witness keeps no bytes.
func TestOneHomeIsAHint(t *testing.T) {
	p := lang.New(lang.English)
	one := api.Node{ID: "a", Home: "garden", Up: true, This: true, Roles: []string{api.RoleStorage}}
	witness := api.Node{ID: "b", Home: "attic", Up: true, Roles: []string{api.RoleWitness}}
	second := api.Node{ID: "c", Home: "barn", Up: true, Roles: []string{api.RoleStorage}}
	for _, nodes := range [][]api.Node{{one}, {one, witness}} {
		c := cluster{nodes: nodes, homes: homesOf(nodes)}
		if hints := c.hints(p); len(hints) != 1 || !strings.Contains(hints[0], "one home, garden") || !strings.Contains(hints[0], "rhizome invite") {
			t.Errorf("%d nodes: %q", len(nodes), hints)
		}
		if risks := c.risks(p); len(risks) != 0 {
			t.Errorf("%d nodes: it is a risk: %+v", len(nodes), risks)
		}
	}
	if hints := (cluster{nodes: []api.Node{one, second}}).hints(p); hints != nil {
		t.Errorf("two homes: %q", hints)
	}
}

// TestAUsedInvitationIsRevoked: one whose join failed could go on with it; who came by it is
// said, and how to take it out.
func TestAUsedInvitationIsRevoked(t *testing.T) {
	f := fake.Homes(noon, "attic", "barn", "cellar")
	s := of(f)
	for _, c := range []struct {
		joined []string
		want   string
	}{
		{[]string{f.List[1].ID}, "used, by barn, and nobody else"},
		{[]string{f.List[1].ID, f.List[2].ID}, "used, by barn, cellar, and"},
		{[]string{strings.Repeat("9", 64)}, "is not here, or not yet"},
	} {
		f.Invited = []api.Invitation{{ID: "c0ffee", State: "used", Uses: len(c.joined), Joined: c.joined}}
		w := ask(s, "DELETE", "/v1/invitations/c0ffee", "", "en")
		if w.Code != 412 || !strings.Contains(w.Body.String(), c.want) || f.Invited[0].State != "revoked" {
			t.Errorf("%d %s %+v", w.Code, w.Body, f.Invited)
		}
	}
}

// TestWhoIsAwayIsSaid: what fails because homes are away says which, and what to do.
func TestWhoIsAwayIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		homes          []string
		stand          api.Standing
		method, en, fr string
	}{
		"two homes":   {[]string{"a", "b"}, api.Standing{Stopped: 1024}, "POST", "of two homes one is away (b)", "sur deux maisons, une est absente (b)"},
		"three homes": {[]string{"a", "b", "c"}, api.Standing{Stopped: 1024}, "POST", "too many homes are away (b)", "trop de maisons sont absentes (b)"},
		"a move":      {[]string{"a", "b", "c"}, api.Standing{Stopped: 10, Waiting: 10}, "POST", "just taking over data", "en train de reprendre"},
		"a list":      {[]string{"a", "b"}, api.Standing{Stopped: 1024}, "GET", "it takes homes that are away (b)", "il y faut des maisons qui sont absentes (b)"},
		"all there":   {[]string{"a", "b"}, api.Standing{Fragile: 1024}, "POST", "not enough replicas", ""},
	} {
		f := fake.Homes(noon, c.homes...)
		f.Present.Stand = c.stand
		f.List[1].Up = c.stand.Stopped == 0
		s := of(f)
		h := s.serve(func(*http.Request) (any, error) { return nil, errs.New(errs.Unavailable, "not enough replicas") })
		for l, want := range map[string]string{"en": c.en, "fr": c.fr} {
			r, w := httptest.NewRequest(c.method, "/v1/keys", nil), httptest.NewRecorder()
			r.Header.Set("Accept-Language", l)
			if h.ServeHTTP(w, r); w.Code != 503 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
	}
}

// TestTooFewToDecide: a change that the nodes that are left cannot decide is refused before it is tried, and
// the way out is named.
func TestTooFewToDecide(t *testing.T) {
	f := fake.Homes(noon, "house", "house", "lille", "lyon")
	preview := func() string {
		return ask(of(f), "POST", "/v1/layout/preview", `{"kind":"remove","node":"house/22222222","lost":true}`, "en").Body.String()
	}
	f.List[1].Up = false
	if said := preview(); strings.Contains(said, "more than half") {
		t.Errorf("with three of four: %s", said)
	}
	f.List[2].Up = false
	if said := preview(); !strings.Contains(said, "Of the 4 nodes that decide about the layout only 2 are there") || !strings.Contains(said, "rhizome layout recover") {
		t.Errorf("with two of four: %s", said)
	}
	f.List[3].Draining, f.List[3].Partitions = true, 0
	if said := preview(); strings.Contains(said, "more than half") == false {
		t.Errorf("with one of three: %s", said)
	}
	f.List[2].Draining, f.List[2].Partitions = true, 0
	f.List[1].Up = true
	if said := preview(); strings.Contains(said, "more than half") {
		t.Errorf("those that were emptied have no say: %s", said)
	}
}

func TestHomesAndMending(t *testing.T) {
	f := fake.Homes(noon, "b", "a", "a", "w")
	early, late := noon.Add(-2*time.Hour), noon.Add(-time.Hour)
	f.List[1].Up, f.List[1].Since, f.List[3].Roles = false, &late, []string{api.RoleWitness}
	f.List[0].Since = &early
	f.List[2].Health = api.NodeHealth{ExtentsLeft: 3, BytesLeft: 3600e6, Rate: 1e6}
	nameNodes(f.List)
	h := homesOf(f.List)
	if len(h) != 3 || h[0].Name != "a" || h[0].State != api.HomePart || h[0].Away != 1 || !h[0].Since.Equal(late) || h[0].Used != 1e12 ||
		h[1].State != api.HomeUp || !h[1].This || !h[1].Since.Equal(early) || !h[2].Witness || h[1].Witness {
		t.Errorf("%+v", h)
	}
	m := mendingOf(f.List, noon)
	if len(m) != 1 || m[0].Name != "a/33333333" || m[0].Until == nil || !m[0].Until.Equal(noon.Add(time.Hour)) {
		t.Errorf("%+v", m)
	}
}

func TestLimitsByTheHour(t *testing.T) {
	l := api.Limits{Default: 9, Background: []api.LimitHours{{From: "08:00", To: "12:30", Rate: 1}, {From: "22:00", To: "06:00", Rate: 2}}}
	for at, want := range map[string]int64{"07:59": 9, "08:00": 1, "12:29": 1, "12:30": 9, "22:00": 2, "23:59": 2, "00:00": 2, "05:59": 2, "06:00": 9} {
		clock, err := time.Parse("15:04", at)
		if err != nil || l.At(clock) != want {
			t.Errorf("%s: %d, want %d", at, l.At(clock), want)
		}
	}
	if checkLimits(l) != nil {
		t.Error(checkLimits(l))
	}
}

func FuzzChange(f *testing.F) {
	f.Add(`{"kind":"capacity","node":"attic","capacity":1000000}`)
	f.Add(`{"kind":"replicas","replicas":3}`)
	f.Fuzz(func(t *testing.T, body string) {
		w := ask(of(fake.Homes(noon, "attic", "barn")), "POST", "/v1/layout/preview", body, "fr")
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	})
}

// blind are buckets that cannot be asked for, since too few homes answer.
type blind struct{ Buckets }

func (blind) AllBuckets(context.Context) ([]*object.Bucket, error) {
	return nil, errs.New(errs.Unavailable, "not enough replicas answered")
}

// host is a Host whose disks are well.
type host struct{ Host }

func (host) Facts() Facts                              { return Facts{} }
func (host) Disks(context.Context) ([]api.Disk, error) { return nil, nil }
func (host) KitOld() bool                              { return false }

// TestTheStatusIsThereWhenTheOthersAreNot: then above all it is wanted.
func TestTheStatusIsThereWhenTheOthersAreNot(t *testing.T) {
	f := fake.Homes(noon, "attic", "barn")
	f.List[1].Up, f.Present.Stand = false, api.Standing{Stopped: 1024}
	s := New(Config{Cluster: f, Buckets: blind{}, Host: host{}, Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler)})
	w := ask(s, "GET", "/v1/status", "", "en")
	var got api.Status
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got.Counted || len(got.Homes) != 2 || got.Health.State != api.Risk {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
