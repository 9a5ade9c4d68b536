package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/fake"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// village is a rhizome of three homes that is not there, and the socket of its node.
type village struct {
	*fake.Cluster
	t    *testing.T
	data string
}

func newVillage(t *testing.T) *village {
	f := fake.Homes(noon, "attic", "barn", "cellar")
	f.Plan = api.Plan{
		Nodes: []api.PlanNode{{ID: f.List[1].ID, Home: "barn", PartitionsBefore: 700, PartitionsAfter: 300, BytesBefore: 5e11, BytesAfter: 2e11}},
		Move:  3e11, Seconds: 7200, Partitions: 400, UsableBefore: 1e12, UsableAfter: 8e11, ReplicasBefore: 3, ReplicasAfter: 3, CopiesBefore: 3, CopiesAfter: 2,
		Warn: []api.Notice{{Reason: "beware"}},
	}
	v := &village{f, t, t.TempDir()}
	ln, err := admin.Listen(v.data)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: admin.New(admin.Config{Cluster: f, Clock: clock.NewManual(noon), Logger: slog.New(slog.DiscardHandler)}).Handler()}
	done := make(chan struct{})
	go func() { _ = srv.Serve(ln); close(done) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return v
}

// says is what a run of a command said.
type says struct {
	out, err string
	code     int
}

// run runs a command line; somebody types answers if there are some.
func (v *village) run(answers string, line ...string) says {
	v.t.Helper()
	a, out, msg := app(lang.English)
	a.In, a.asked = strings.NewReader(answers), answers != ""
	code := a.Run(context.Background(), append(line, "--data", v.data))
	return says{out.String(), msg.String(), code}
}

func (v *village) must(line ...string) string {
	v.t.Helper()
	r := v.run("", line...)
	if r.code != 0 {
		v.t.Fatalf("rhizome %s: exit %d %s", strings.Join(line, " "), r.code, r.err)
	}
	return r.out
}

func (s says) holds(t *testing.T, what string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(s.out+s.err, want) {
			t.Errorf("%s does not say %q:\n%s%s", what, want, s.out, s.err)
		}
	}
}

func TestAnInvitationStandsAlone(t *testing.T) {
	v := newVillage(t)
	r := v.run("", "invite", "--uses", "2", "--for", "3h")
	if r.code != 0 || r.err != "" || strings.Count(r.out, "\n") != 1 || !strings.HasPrefix(r.out, "rhizome-invitation-") {
		t.Errorf("%+v", r)
	}
	if i := v.Invited[0]; i.Uses != 2 || !i.Expires.Equal(noon.Add(3*time.Hour)) {
		t.Errorf("%+v", i)
	}
	var i api.Invitation
	if err := json.Unmarshal([]byte(v.must("invite", "--json")), &i); err != nil || i.Text == "" || i.Uses != 1 {
		t.Errorf("%v %+v", err, i)
	}
	if out := v.must("invite", "list"); strings.Contains(out, "rhizome-invitation") || !strings.Contains(out, "0 of 2") {
		t.Error(out)
	}
	if out := v.must("invite", "revoke", i.ID[:4]); !strings.Contains(out, "is over") || v.Invited[1].State != "revoked" {
		t.Error(out)
	}
	for line, code := range map[string]int{"invite frob": 2, "invite --uses many": 2, "invite --for soon": 2, "invite --uses 0": 1, "invite revoke none": 1} {
		if r := v.run("", strings.Fields(line)...); r.code != code {
			t.Errorf("%s: %+v", line, r)
		}
	}
}

func TestWhatToDoWithAnInvitation(t *testing.T) {
	for l, want := range map[lang.Language]string{lang.English: "for 1 computer, until 2026-03-01 12:00", lang.French: "pour 1 ordinateur, jusqu'au 01/03/2026 12:00"} {
		a, out, msg := app(l)
		(&call{App: a}).inviteHelp(api.Invitation{ID: strings.Repeat("c", 32), Text: "hush-hush", Uses: 1, Expires: noon}, nil)
		says{err: msg.String()}.holds(t, "the help", want, "rhizome up --home", "rhizome invite revoke cccccccc")
		if out.Len() > 0 || strings.Contains(msg.String(), "hush-hush") {
			t.Errorf("%s%s", out, msg)
		}
	}
}

func TestTheCodeIsDrawnWhole(t *testing.T) {
	code, err := qr.Encode("rhizome-invitation-x", qr.L)
	if err != nil {
		t.Fatal(err)
	}
	for _, colours := range []bool{true, false} {
		var b bytes.Buffer
		drawQR(&b, code, colours)
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != (code.Size+2*quietZone+1)/2 {
			t.Errorf("%d lines", len(lines))
		}
		light := "█"
		if colours {
			light = " "
		}
		for _, l := range lines {
			if w := width(l); w != 2+code.Size+2*quietZone {
				t.Errorf("a line of %d characters", w)
			}
		}
		// The first module of the first row is dark, so is the one below it.
		row := strings.NewReplacer("\x1b[38;5;16;48;5;231m", "", "\x1b[0m", "").Replace(lines[1])
		if cells := []rune(row); string(cells[2]) != light || string(cells[2+quietZone]) == light {
			t.Errorf("%q", row)
		}
	}
}

func TestNodesAndLayoutAreShown(t *testing.T) {
	v := newVillage(t)
	away := noon.Add(-1000 * time.Hour)
	v.List[1].Up, v.List[1].Since = false, &away
	v.List[2].Roles, v.List[2].Draining = []string{api.RoleWitness}, true
	says{out: v.must("node", "list")}.holds(t, "node list", "attic", "this one", "away for 41 days", "barn", "22222222", "witness", "being emptied", "2.00\u00a0TB")
	says{out: v.must("layout", "show")}.holds(t, "layout show", "3, each in another home", "1,024 of 1,024", "cellar", "Everything is where it belongs.")
	v.Present.Copies = 2
	says{out: v.must("layout", "show")}.holds(t, "layout show", "2 of large objects; 3 of all else")
	v.Present.Copies, v.Present.Effective, v.Present.Replicas, v.Present.Zones = 3, 3, 5, 2
	v.Present.Moving = &api.LayoutMoves{Partitions: 10, PartitionsLeft: 4, Bytes: 4e9, BytesLeft: 1e9, Rate: 1e6, Seconds: 1000}
	says{out: v.must("layout", "show")}.holds(t, "layout show", "in at least 2 homes (5 are wanted", "[######################--------] 75%", "1.00\u00a0GB of 4.00\u00a0GB left", "1.00\u00a0MB/s", "16 minutes to go", "4 slices left")
	v.Past = []api.LayoutVersion{{Version: 2, Time: &noon, Events: []api.LayoutEvent{{Kind: api.EventAdded, Node: v.List[1].ID, After: "2000000000000"}, {Kind: api.ChangeReplicas, Before: "3", After: "5"}}}, {Version: 1}}
	says{out: v.must("layout", "history")}.holds(t, "layout history", "2026-03-01 12:00", "barn joined with 2.00\u00a0TB", "5 copies")
	for _, line := range []string{"node list", "layout show", "layout history", "limit show", "invite list", "layout preview drain barn"} {
		if out := v.must(append(strings.Fields(line), "--json")...); !json.Valid([]byte(out)) {
			t.Errorf("%s: %s", line, out)
		}
	}
}

func TestChangesShowTheirPlanAndAsk(t *testing.T) {
	v := newVillage(t)
	plan := []string{"Data now", "500\u00a0GB", "200\u00a0GB", "300\u00a0GB, in about 2 hours", "800\u00a0GB, now 1.00\u00a0TB", "Beware."}
	r := v.run("", "node", "drain", "barn")
	r.holds(t, "a change nobody agrees to", append(plan, "--yes")...)
	if r.code != 1 || len(v.Changes) != 0 {
		t.Errorf("%+v %+v", r, v.Changes)
	}
	if r = v.run("n\n", "node", "drain", "barn"); r.code != 1 || len(v.Changes) != 0 {
		t.Errorf("%+v", r)
	}
	r = v.run("y\n", "node", "drain", "barn")
	r.holds(t, "a change", append(plan, "Make this change?", "layout 8", "--watch")...)
	for line, want := range map[string]api.LayoutChange{
		"node capacity 2222 1.5TB":        {Kind: api.ChangeCapacity, Node: v.List[1].ID, Capacity: 1.5e12},
		"node zone cellar barn":           {Kind: api.ChangeZone, Node: v.List[2].ID, Zone: "barn"},
		"node undrain barn":               {Kind: api.ChangeUndrain, Node: v.List[1].ID},
		"node remove barn --lost":         {Kind: api.ChangeRemove, Node: v.List[1].ID, Lost: true},
		"node witness cellar":             {Kind: api.ChangeWitness, Node: v.List[2].ID},
		"layout replicas 3 --zones 2":     {Kind: api.ChangeReplicas, Replicas: 3, Zones: 2},
		"node remove " + v.List[2].ID[:9]: {Kind: api.ChangeRemove, Node: v.List[2].ID},
	} {
		want.Base = v.Present.Version
		v.must(append(strings.Fields(line), "--yes")...)
		if got := v.Changes[len(v.Changes)-1]; got != want {
			t.Errorf("%s: %+v, want %+v", line, got, want)
		}
		words := strings.Fields(line)
		before := len(v.Changes)
		says{out: v.must(append([]string{"layout", "preview"}, words[1:]...)...)}.holds(t, line, "Nothing was changed.", "To move", "2, now 3")
		if len(v.Changes) != before {
			t.Errorf("the preview of %s changed something", line)
		}
	}
	v.Plan.Refused = &api.Notice{Err: errs.New(errs.Conflict, "the homes are still taking over")}
	if r := v.run("", "node", "drain", "barn", "--yes"); r.code != 1 || !strings.Contains(r.err, "still taking over") {
		t.Errorf("%+v", r)
	}
	if r := v.run("", "layout", "preview", "drain", "barn"); r.code != 1 || !strings.Contains(r.err, "Error: ") || !strings.Contains(r.err, "still taking over") || strings.Contains(r.out, "still taking over") {
		t.Errorf("the preview of a change that is refused: %+v", r)
	}
	for _, line := range []string{"node capacity barn lots", "layout replicas many", "node drain"} {
		if r := v.run("", strings.Fields(line)...); r.code != 2 {
			t.Errorf("%s: %+v", line, r)
		}
	}
}

// TestWhatAnswersIsNotGivenUpUnwarned: a node that is up need not be lost.
func TestWhatAnswersIsNotGivenUpUnwarned(t *testing.T) {
	v := newVillage(t)
	warning := []string{"The node barn answers now", "rhizome node drain barn"}
	says{out: v.must("layout", "preview", "remove", "barn", "--lost")}.holds(t, "the preview", warning...)
	r := v.run("n\n", "node", "remove", "barn", "--lost")
	r.holds(t, "the question", append(warning, "The node answers now, and rhizome node drain loses nothing.")...)
	if len(v.Changes) > 0 {
		t.Errorf("%+v", v.Changes)
	}
	v.List[1].Up = false
	r = v.run("n\n", "node", "remove", "barn", "--lost")
	r.holds(t, "of one that is away the question", "What only this node held is given up")
	if strings.Contains(r.out+r.err, "answers now") {
		t.Errorf("one that is away answers: %+v", r)
	}
}

// TestOnesOwnAddressIsShown in the form in which others are told of it.
func TestOnesOwnAddressIsShown(t *testing.T) {
	v := newVillage(t)
	for i := range v.List {
		v.List[i].Addresses = []string{"/ip4/192.0.2.8/udp/3901/quic-v1"}
		if v.List[i].This {
			v.List[i].Addresses = []string{"/ip4/192.0.2.9/udp/3901/quic-v1", "/ip4/192.0.2.9/tcp/3901", "/ip6/2001:db8::1/tcp/3901", "/ip4/192.0.2.8/tcp/1/p2p/x/p2p-circuit"}
		}
	}
	says{out: v.must("node", "list")}.holds(t, "the list", "The other homes find this node at: 192.0.2.9:3901, [2001:db8::1]:3901\n")
}

// TestWhoJoinsHearsWhatBecomesOfIt: a witness and a gateway get no share of the data.
func TestWhoJoinsHearsWhatBecomesOfIt(t *testing.T) {
	for role, want := range map[string]string{api.RoleStorage: "Its share of the data comes by itself", api.RoleWitness: "As a witness it votes", api.RoleGateway: "As a gateway"} {
		a, _, _ := app(lang.English)
		got := (&call{App: a}).joined(role, "2 homes")
		if !strings.Contains(got, want) || strings.Contains(got, "share of the data") != (role == api.RoleStorage) {
			t.Errorf("%s: %s", role, got)
		}
	}
}

// TestTheFirstMemberIsSaidInThePersonsLanguage, whatever language named it.
func TestTheFirstMemberIsSaidInThePersonsLanguage(t *testing.T) {
	for l, want := range map[lang.Language]string{lang.English: "first member", lang.French: "premier membre"} {
		a, _, _ := app(l)
		for name, want := range map[string]string{"first member": want, "premier membre": want, "Marie": "Marie", "": ""} {
			if got := a.member(name); got != want {
				t.Errorf("%s: %q is shown as %q", l, name, got)
			}
		}
	}
}

func TestAnAddressIsSaid(t *testing.T) {
	v := newVillage(t)
	says{out: v.must("node", "address", "barn", "192.0.2.9:3901", "barn.example.org:3901")}.holds(t, "an address", "The node barn answers there.")
	if p := v.Placed; len(p) != 1 || len(p[0].Addresses) != 2 || len(p[0].Node) != 64 {
		t.Errorf("%+v", p)
	}
	for i := range v.List {
		v.List[i].Up = v.List[i].This
	}
	says{out: v.must("node", "address", "barn", "192.0.2.9:3901")}.holds(t, "an address", "is kept and tried again", "does not answer")
	for _, line := range []string{"node address barn", "node address barn 192.0.2.9:3901 --forget"} {
		if r := v.run("", strings.Fields(line)...); r.code != 2 {
			t.Errorf("%s: %+v", line, r)
		}
	}
	says{out: v.must("node", "address", "barn", "--forget")}.holds(t, "an address", "is forgotten")
	if p := v.Placed; len(p) != 3 || len(p[2].Addresses) != 0 {
		t.Errorf("%+v", p)
	}
}

func TestRecoveryAsksNodeByNode(t *testing.T) {
	v := newVillage(t)
	v.Losing = api.RecoverPlan{Partitions: 100, Loss: api.Loss{Bytes: 20, Doubtful: 80}, Nodes: []api.PlanNode{{ID: v.List[1].ID, Home: "barn", Gone: true}}}
	if r := v.run("", "layout", "recover"); r.code != 1 || !strings.Contains(r.err, "every node is up") {
		t.Errorf("%+v", r)
	}
	away := noon.Add(-50 * time.Hour)
	v.List[1].Up, v.List[1].Since, v.List[2].Up = false, &away, false
	if r := v.run("", "layout", "recover"); r.code != 1 || !strings.Contains(r.err, "barn, cellar") || !strings.Contains(r.err, "--gone") {
		t.Errorf("%+v", r)
	}
	if r := v.run("n\nn\n", "layout", "recover"); r.code != 1 || !strings.Contains(r.err, "no node is lost") {
		t.Errorf("%+v", r)
	}
	if r := v.run("y\nn\nn\n", "layout", "recover"); r.code != 1 || len(v.Recovered) != 0 {
		t.Errorf("%+v", r)
	}
	r := v.run("y\nn\nyes\n", "layout", "recover")
	r.holds(t, "recover", "Is the node barn", "Is the node cellar", "20% of the data has no copy left", "of 80% of the data the last changes", "Given up: barn", "This cannot be undone", "layout 8")
	if r.code != 0 || len(v.Recovered) != 1 || len(v.Recovered[0].Gone) != 1 || v.Recovered[0].Gone[0] != v.List[1].ID {
		t.Errorf("%+v %+v", r, v.Recovered)
	}
	v.must("layout", "recover", "--gone", "barn", "--gone", "cellar", "--yes")
	if len(v.Recovered[1].Gone) != 2 {
		t.Errorf("%+v", v.Recovered)
	}
}

func TestLimits(t *testing.T) {
	v := newVillage(t)
	v.must("limit", "set", "--hours", "08:00-23:00=2MB", "--hours", "23:00-02:00=16Mbit", "--relay", "200kB/s")
	if l := v.Limited; len(l.Background) != 2 || l.Background[1] != (api.LimitHours{From: "23:00", To: "02:00", Rate: 2e6}) || l.Relay != 2e5 || l.Default != 0 {
		t.Errorf("%+v", l)
	}
	says{out: v.must("limit", "show")}.holds(t, "limit show", "from 08:00 to 23:00", "at other hours", "no limit", "200\u00a0kB a second")
	v.must("limit", "set", "--background", "1MB")
	if l := v.Limited; len(l.Background) != 2 || l.Default != 1e6 {
		t.Errorf("%+v", l)
	}
	for text, rate := range map[string]int64{"16Mbps": 2e6, "16MBps": 16e6, "800 kbps": 1e5, "8bps": 1, "16Mbit/s": 2e6, "2MB/s": 2e6} {
		v.must("limit", "set", "--background", text)
		if l := v.Limited; l.Default != rate {
			t.Errorf("%s is %d bytes a second", text, l.Default)
		}
	}
	v.must("limit", "set", "--background", "1MB")
	v.must("limit", "set", "--no-hours", "--relay", "0")
	if l := v.Limited; len(l.Background) != 0 || l.Default != 1e6 || l.Relay != 0 {
		t.Errorf("%+v", l)
	}
	for _, line := range []string{"limit set", "limit set --hours 8-9=1", "limit set --hours 08:00-09:00", "limit set --background fast", "limit set --relay -1"} {
		if r := v.run("", strings.Fields(line)...); r.code != 2 {
			t.Errorf("%s: %+v", line, r)
		}
	}
}

func TestNodesAreCompleted(t *testing.T) {
	v := newVillage(t)
	for line, want := range map[string]string{
		"node drain b":            "barn\n:4",
		"node drain 333":          "33333333\n:4",
		"layout preview remove c": "cellar\n:4",
		"node drain barn ":        ":4",
		"layout replicas ":        ":4",
	} {
		a, out, _ := app(lang.English)
		a.Run(context.Background(), append([]string{"__complete", "--data", v.data}, strings.Split(line, " ")...))
		if !strings.HasPrefix(out.String(), want) {
			t.Errorf("%q is completed by %q, want %q", line, out, want)
		}
	}
}

func TestStatusFitsAScreen(t *testing.T) {
	a, out, _ := app(lang.English)
	since, until := noon.Add(-72*time.Hour), noon.Add(time.Hour)
	a.printStatus(api.Status{
		Disks: []api.Disk{{Path: "/d", State: api.DiskOK}}, Node: strings.Repeat("1", 64),
		Homes: []api.Home{{Name: "attic", State: api.HomeUp, Since: &since, This: true, Nodes: 2, Used: 1e12, Free: 2e12},
			{Name: "barn", State: api.HomeAway, Nodes: 1, Away: 1}, {Name: "cellar", State: api.HomePart, Nodes: 2, Away: 1}, {Name: "office", State: api.HomeUp, Nodes: 1, Witness: true}},
		Mending: []api.Mending{{Name: "attic", Bytes: 5e9, Rate: 1e6, Partitions: 3, Until: &until}},
		Health:  api.Health{State: api.Risk, Reasons: []string{"The home barn is away."}},
	})
	says{out: out.String()}.holds(t, "status", "attic (here): up for", "2 nodes, 1.00\u00a0TB used, 2.00\u00a0TB free", "barn: away", "1 node away", "office: up, witness",
		"attic still fetches 5.00\u00a0GB, 3 slices, 1.00\u00a0MB a second, until about 2026-03-01 13:00", "The home barn is away.")
	if strings.Contains(out.String(), "0 objects") || !strings.Contains(out.String(), "not known while") {
		t.Errorf("what was not counted is told:\n%s", out)
	}
	if n := strings.Count(out.String(), "\n"); n > 24 {
		t.Errorf("%d lines:\n%s", n, out)
	}
}

func TestInvitationsComeOverTheStandardInput(t *testing.T) {
	a, _, _ := app(lang.English)
	c := &call{App: a}
	for in, want := range map[string]string{"rhizome-invitation-abc\n": "rhizome-invitation-abc", "  x \r\nmore": "x"} {
		a.In = strings.NewReader(in)
		if got, err := c.invitation("-"); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	a.In = strings.NewReader("")
	if _, err := c.invitation("-"); err == nil {
		t.Error("nothing was taken for an invitation")
	}
	if got, err := c.invitation("word"); err != nil || got != "word" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAnInvitationIsNotShownAmongTheSettings(t *testing.T) {
	for _, line := range [][]string{{"config", "show"}, {"config", "show", "--json"}, {"service", "install", "--print", "--user", "--program", "/usr/bin/rhizome"}} {
		a, out, msg := app(lang.English)
		a.Getenv = func(name string) string {
			return map[string]string{"RHIZOME_JOIN": "rhizome-invitation-hush", "HOME": filepath.Join(t.TempDir())}[name]
		}
		a.Run(context.Background(), line)
		if strings.Contains(out.String()+msg.String(), "hush") {
			t.Errorf("%v shows it:\n%s%s", line, out, msg)
		}
	}
}

// TestWhereAPieceLiesIsSaidOfEachHome, and in one that keeps none of it that too.
func TestWhereAPieceLiesIsSaidOfEachHome(t *testing.T) {
	a := New()
	a.Say = lang.New(lang.English)
	var out strings.Builder
	a.Out = &out
	copies := []api.Copy{{Name: "garden", State: api.CopyWhole, File: "/srv/x"}, {Name: "barn", State: api.CopySilent}}
	a.printPieces([]api.Piece{{Extent: "0123", Size: 1, Healthy: true, Copies: copies}})
	for _, want := range []string{"garden", "/srv/x", "whole", "barn", "no answer", "Nothing of it lies on this node."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	copies[0].This = true
	a.printPieces([]api.Piece{{Extent: "0123", Size: 1, Healthy: true, Copies: copies}})
	if got := out.String(); !strings.Contains(got, "garden (here)") || strings.Contains(got, "Nothing of it") {
		t.Error(got)
	}
}

func FuzzParseHours(f *testing.F) {
	f.Add("08:00-23:00=2MB")
	f.Add("23:00-01:00=16Mbit/s")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHours(text)
		if _, _, ok := h.Minutes(); err == nil && (!ok || h.Rate < 0) {
			t.Errorf("%q was taken for %+v", text, h)
		}
	})
}

// TestNothingThatIsZeroIsListed: what there is none of is not said.
func TestNothingThatIsZeroIsListed(t *testing.T) {
	a := New()
	a.Say = lang.New(lang.English)
	for got, want := range map[string]string{
		a.mending(api.Repair{Pending: 2}):                                                      "2 entries to tidy up",
		a.mending(api.Repair{Orphans: 13}):                                                     "nothing to mend", // they wait for a look, and most are in use
		a.mending(api.Repair{Orphans: 13, Overdue: 1}):                                         "1 piece of which it is not known yet whether it is still used",
		a.holds(api.Status{Counted: true}):                                                     "nothing yet",
		a.mendingRows(api.Status{Mending: []api.Mending{{Name: "barn", Partitions: 1}}})[0][1]: "barn still fetches 1 slice",
		a.mendingRows(api.Status{Mending: []api.Mending{{Name: "barn", Extents: 2}}})[0][1]:    "barn still has 2 pieces to look at",
	} {
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
