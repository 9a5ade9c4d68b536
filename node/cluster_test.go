package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/cluster/membership"
	"rhizome/disk/extentstore"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/net/rpc"
)

// homes are whole nodes in one process, on a network in memory and folders of their own.
type homes struct {
	t   *testing.T
	dir string
	net *rpc.Memory
	all map[string]*home
}

type home struct {
	*Node
	config Config
	stop   context.CancelFunc
	done   chan error
}

// memoryLinks makes Transport of a node of a Memory network.
type memoryLinks struct {
	*rpc.MemoryNode
}

func (memoryLinks) Start([]byte) error                  { return nil }
func (memoryLinks) SetBackground(int)                   {}
func (memoryLinks) Relayed(ident.NodeID) bool           { return false }
func (memoryLinks) SetRelay(int)                        {}
func (memoryLinks) SetAddresses(ident.NodeID, []string) {}

// Try finds nodes at one address.
func (l memoryLinks) Try(_ context.Context, _ ident.NodeID, at []string) error {
	if slices.Contains(at, "/ip4/203.0.113.7/tcp/3901") {
		return nil
	}
	return errs.New(errs.Unavailable, "nobody answers there")
}

func newHomes(t *testing.T, delay time.Duration) *homes {
	h := &homes{t: t, dir: t.TempDir(), all: map[string]*home{}, net: rpc.NewMemory(rpc.MemoryOptions{Seed: 1, Detect: time.Second,
		Way: rpc.Way{Delay: delay}})}
	t.Cleanup(func() {
		for name := range h.all {
			h.kill(name)
		}
		h.net.Close()
	})
	return h
}

func (h *homes) config(name string) Config {
	return Config{
		Data: filepath.Join(h.dir, name), S3: "127.0.0.1:0", Home: name, Capacity: 1 << 30,
		Scrub: 720 * time.Hour, Uploads: 168 * time.Hour, Member: "first", KeyName: "first", Version: "test",
		Clock: clock.System{}, Logger: quiet, Closing: time.Minute,
		Links: func(seed ident.Secret, g rpc.Guard) (Transport, error) {
			return memoryLinks{h.net.Node(NodeOf(seed), g)}, nil
		},
	}
}

// up starts a node, or starts it again; with an invitation it joins.
func (h *homes) up(name string, change ...func(*Config)) *home {
	h.t.Helper()
	x := h.all[name]
	if x == nil {
		x = &home{config: h.config(name)}
	} else {
		x = &home{config: x.config}
	}
	for _, f := range change {
		f(&x.config)
	}
	n, err := Open(h.t.Context(), x.config)
	if err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	x.Node, x.done = n, make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	x.stop = cancel
	go func() { x.done <- n.Run(ctx) }()
	h.all[name] = x
	return x
}

// kill ends a node. Its data stay.
func (h *homes) kill(name string) {
	x := h.all[name]
	if x.stop == nil {
		return
	}
	x.stop()
	if err := <-x.done; err != nil {
		h.t.Errorf("%s ended with %v", name, err)
	}
	x.stop = nil
}

func (h *homes) invite(through *home) string {
	h.t.Helper()
	i, err := through.Invite(h.t.Context(), api.NewInvitation{Uses: 1, Seconds: 3600})
	if err != nil {
		h.t.Fatal(err)
	}
	return i.Text
}

// join brings another home in.
func (h *homes) join(through *home, name string) *home {
	h.t.Helper()
	text := h.invite(through)
	return h.up(name, func(c *Config) { c.Join = text })
}

// settled waits until all nodes that run have the same layout and have taken it up.
func (h *homes) settled(nodes int) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	for name, x := range h.all {
		if x.stop == nil {
			continue
		}
		for !x.settledIn(nodes) {
			x.members.Changed()
			timer := time.NewTimer(50 * time.Millisecond)
			select {
			case <-timer.C:
			case <-ctx.Done():
				all, _ := x.Nodes(h.t.Context())
				h.t.Fatalf("%s does not settle: %+v", name, all)
			}
		}
	}
}

func (x *home) settledIn(nodes int) bool {
	all, err := x.Nodes(context.Background())
	l := x.members.Layout()
	if err != nil || len(all) != nodes {
		return false
	}
	for _, n := range all {
		if n.Draining || !n.Up || n.Imported != l.Version || n.Partitions == 0 || n.Health.ExtentsLeft > 0 {
			return false
		}
	}
	return x.tookUp()
}

func (h *homes) three() (a, b, c *home) {
	h.t.Helper()
	a = h.up("lyon")
	b = h.join(a, "brest")
	h.settled(2)
	c = h.join(b, "lille")
	h.settled(3)
	return a, b, c
}

func (x *home) key(t *testing.T) *account.Key {
	t.Helper()
	all, err := x.accounts.Keys(t.Context())
	if err != nil || len(all) == 0 {
		t.Fatalf("no keys: %v", err)
	}
	return all[0]
}

func (x *home) bucket(t *testing.T, name string) *object.Bucket {
	t.Helper()
	b, err := x.objects.Bucket(t.Context(), name, nil)
	if errors.Is(err, object.ErrNoSuchBucket) {
		b, err = x.objects.CreateBucket(t.Context(), name, x.key(t), false)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (x *home) put(t *testing.T, key string, body []byte) {
	t.Helper()
	b := x.bucket(t, "family")
	if _, err := x.objects.Put(t.Context(), b, object.Put{Key: key, Body: object.Body{Reader: bytes.NewReader(body), Size: int64(len(body))}}); err != nil {
		t.Fatalf("PUT %s: %v", key, err)
	}
}

func (x *home) get(t *testing.T, key string) []byte {
	t.Helper()
	o, err := x.objects.Get(t.Context(), x.bucket(t, "family"), object.Get{Key: key})
	if err != nil {
		t.Fatalf("GET %s: %v", key, err)
	}
	defer o.Body.Close()
	got, err := io.ReadAll(o.Body)
	if err != nil {
		t.Fatalf("GET %s: %v", key, err)
	}
	return got
}

// manyPlaces are links of a machine with many inner networks.
type manyPlaces struct{ Transport }

func (manyPlaces) Addresses() []string {
	var all []string
	for i := range 60 {
		all = append(all, fmt.Sprintf("/ip6/fe80:1111:2222:3333:4444:5555:6666:%04d/udp/47474/quic-v1", i))
	}
	return append(all, "/ip4/203.0.113.7/tcp/47474")
}

// TestAMachineWithManyAddresses: it is heard by the others, and the invitations that it
// makes can be read and name the address that others can use.
func TestAMachineWithManyAddresses(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	many := func(c *Config) {
		inner := c.Links
		c.Links = func(seed ident.Secret, g rpc.Guard) (Transport, error) {
			l, err := inner(seed, g)
			return manyPlaces{l}, err
		}
	}
	text := h.invite(a)
	b := h.up("brest", many, func(c *Config) { c.Join = text })
	h.settled(2)
	ticket, err := account.ParseTicket(h.invite(b))
	if err != nil || ticket.Nodes[0].Addresses[0] != "/ip4/203.0.113.7/tcp/47474" {
		t.Errorf("%+v, %v", ticket, err)
	}
	if n := len(ticket.Nodes[0].Addresses); n > ticketPlaces {
		t.Errorf("the invitation has %d addresses", n)
	}
}

// TestInvitationsNameNoRelays: nobody is relayed before joining.
func TestInvitationsNameNoRelays(t *testing.T) {
	through := "/ip4/203.0.113.7/tcp/3901/p2p/12D3KooWLRPJAA5o6d6f6v6XyzHZgE5rB3YYYwvVgUrmb7NSh6zd/p2p-circuit"
	own := "/ip4/192.168.1.7/tcp/3901"
	if got := direct([]string{through, own, through}); len(got) != 1 || got[0] != own {
		t.Errorf("%q", got)
	}
	if got := direct([]string{through}); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

// TestARestartChangesNoRole: what a node does for the others is not changed by forgetting
// an option, or by one more.
func TestARestartChangesNoRole(t *testing.T) {
	h := newHomes(t, 0)
	a := h.up("lyon")
	texts := []string{h.invite(a), h.invite(a)}
	h.up("attic", func(c *Config) { c.Join, c.Witness, c.Capacity = texts[0], true, 0 })
	h.up("door", func(c *Config) { c.Join, c.Gateway, c.Capacity = texts[1], true, 0 })
	h.eventually("both are in", func() bool {
		l := a.members.Layout()
		w, g := l.Node(h.all["attic"].keys.id()), l.Node(h.all["door"].keys.id())
		return w != nil && g != nil && w.Witness && !w.Draining && !g.Draining
	})
	h.eventually("a gateway is no home, and the witness is one", func() bool { return h.all["door"].Homes() == 2 })
	for name, role := range map[string]string{"attic": api.RoleWitness, "door": api.RoleGateway} {
		if is, asked, _ := h.all[name].Role(); is != role || asked != role {
			t.Errorf("%s is %s, and was asked to be %s", name, is, asked)
		}
		h.kill(name)
		x := h.up(name, func(c *Config) { c.Witness, c.Gateway = false, false })
		if err := x.place(t.Context()); err != nil {
			t.Fatal(err)
		}
		if is, asked, called := x.Role(); is != role || asked != api.RoleStorage || called != name {
			t.Errorf("after a restart without its option %s (%s) is %s, asked to be %s", name, called, is, asked)
		}
	}
	h.kill("door")
	x := h.up("door", func(c *Config) { c.Capacity = 1 << 30 })
	h.eventually("a gateway that is given room keeps data", func() bool {
		is, _, _ := x.Role()
		return is == api.RoleStorage
	})
}

// TestARestartChangesNoHome: a home that nobody names at a start stays what it is called, and
// who names another one is told what holds.
func TestARestartChangesNoHome(t *testing.T) {
	h := newHomes(t, 0)
	h.up("lyon")
	again := func(name string, set func(*Config)) *home {
		t.Helper()
		h.kill(name)
		x := h.up(name, set)
		if err := x.place(t.Context()); err != nil {
			t.Fatal(err)
		}
		if x.home() != name {
			t.Errorf("%s is called %s after a restart", name, x.home())
		}
		return x
	}
	a := again("lyon", func(c *Config) { c.Home, c.Homeless = "home", true })
	text := h.invite(a)
	b := h.up("barn", func(c *Config) { c.Join = text })
	if n := b.Homes(); n != 2 {
		t.Errorf("who just joined sees %d homes", n)
	}
	h.eventually("the other one is in", func() bool { return len(a.members.Layout().Nodes) == 2 && len(b.members.Layout().Nodes) == 2 })
	if is, asked, _ := b.OtherHome(); is != "" || asked != "" {
		t.Errorf("%s is asked to be %s", is, asked)
	}
	b = again("barn", func(c *Config) {
		c.Home = "shed"
		c.Settings = api.Settings{List: []api.Setting{{Name: "home", Value: "shed", From: "flag", Where: "--home"}}}
	})
	if s := b.Facts().Settings.List[0]; s.Value != "barn" || s.From != api.FromLayout || s.Where != "rhizome node zone" {
		t.Errorf("the settings say %+v", s)
	}
	if is, asked, called := b.OtherHome(); is != "barn" || asked != "shed" || called != "barn" {
		t.Errorf("%s, called %s, is asked to be %s", is, called, asked)
	}
}

// TestAnAddressIsTried where it was given, though the node is reached otherwise.
func TestAnAddressIsTried(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	b := h.join(a, "brest")
	h.settled(2)
	for at, want := range map[string]bool{"203.0.113.7:3901": true, "203.0.113.8:3901": false} {
		got, err := a.AddAddress(t.Context(), api.NodeAddress{Node: b.keys.id().String(), Addresses: []string{at}})
		if err != nil || got.Answers != want || !got.Linked || want == (got.Err != nil) {
			t.Errorf("%s: %+v, %v", at, got, err)
		}
	}
}

func TestThreeHomesAreOneStore(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	big := bytes.Repeat([]byte("rhizome "), 400_000)
	a.put(t, "before", big)
	a.put(t, "small", []byte("hello"))
	b := h.join(a, "brest")
	h.settled(2)
	c := h.join(b, "lille")
	h.settled(3)
	for _, x := range []*home{a, b, c} {
		if got := x.get(t, "before"); !bytes.Equal(got, big) {
			t.Errorf("what was stored before others joined has %d bytes through %s", len(got), x.config.Home)
		}
	}
	b.put(t, "after", big)
	c.put(t, "small", []byte("bonjour"))
	if got := a.get(t, "small"); string(got) != "bonjour" {
		t.Errorf("the first home reads %q", got)
	}
	h.kill("lyon")
	for _, x := range []*home{b, c} {
		if !bytes.Equal(x.get(t, "after"), big) || !bytes.Equal(x.get(t, "before"), big) {
			t.Errorf("%s reads something else while another home is away", x.config.Home)
		}
	}
	c.put(t, "meanwhile", big)
	a = h.up("lyon")
	h.settled(3)
	if !bytes.Equal(a.get(t, "meanwhile"), big) {
		t.Error("the home that was away does not read what came meanwhile")
	}
}

func TestInvitationsServeOnce(t *testing.T) {
	h := newHomes(t, 0)
	a := h.up("lyon")
	text := h.invite(a)
	h.up("brest", func(c *Config) { c.Join = text })
	again := h.config("lille")
	again.Join = text
	if n, err := Open(t.Context(), again); !errors.Is(err, errs.Denied) {
		if err == nil {
			_ = n.Close()
		}
		t.Errorf("a second machine joins with the same invitation: %v", err)
	}
	other := h.invite(a)
	list, err := a.Invitations(t.Context())
	if err != nil || len(list) != 2 || list[1].State != "used" || len(list[1].Joined) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := a.RevokeInvitation(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	again.Join = other
	if n, err := Open(t.Context(), again); !errors.Is(err, errs.Denied) {
		if err == nil {
			_ = n.Close()
		}
		t.Errorf("a machine joins with a revoked invitation: %v", err)
	}
}

// TestANodeThatForgotIsNotLetIn: who keeps partitions and lost its rows, with what it had
// promised, does not vote again under its old key.
func TestANodeThatForgotIsNotLetIn(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, _, c := h.three()
	h.kill("lille")
	for _, name := range []string{rowsDir, diskDir, "keyring", "snapshots", rootKeyFile} {
		if err := os.RemoveAll(filepath.Join(c.config.Data, name)); err != nil {
			t.Fatal(err)
		}
	}
	again := c.config
	again.Join = h.invite(a)
	if n, err := Open(t.Context(), again); !errors.Is(err, errs.Denied) {
		if err == nil {
			_ = n.Close()
		}
		t.Errorf("a member that lost its rows is let in: %v", err)
	}
}

// TestAnOlderLayoutIsNotTakenUp: one that was on its way while a newer one came changes
// nothing, the second copy of the layout included.
func TestAnOlderLayoutIsNotTakenUp(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	old := a.members.Layout()
	h.join(a, "brest")
	h.settled(2)
	a.adopt(old)
	l, err := layout.Decode(a.ring.Layout())
	if err != nil || l.Version != a.members.Layout().Version {
		t.Errorf("the keyring has layout %d, %v", l.Version, err)
	}
}

// TestAnotherDoorServes: one that refuses does not end a join.
func TestAnotherDoorServes(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	ticket, err := account.ParseTicket(h.invite(a))
	if err != nil {
		t.Fatal(err)
	}
	shut := h.net.Node(ident.NodeID{9}, nil)
	t.Cleanup(func() { _ = shut.Close() })
	shut.Handle(methodJoin, rpc.Anyone, func(context.Context, ident.NodeID, []byte) ([]byte, error) {
		return nil, errs.New(errs.Denied, "not here")
	})
	ticket.Nodes = append([]account.TicketNode{{Node: ident.NodeID{9}}}, ticket.Nodes...)
	h.up("brest", func(c *Config) { c.Join = ticket.String() })
	h.settled(2)
}

// TestStrangersHearLittle: why the members cannot agree is not for who is none.
func TestStrangersHearLittle(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, b, _ := h.three()
	ticket, err := account.ParseTicket(h.invite(a))
	if err != nil {
		t.Fatal(err)
	}
	ticket.Nodes = ticket.Nodes[:1]
	h.kill("brest")
	h.kill("lille")
	c := h.config("nantes")
	c.Join = ticket.String()
	n, err := Open(t.Context(), c)
	if err == nil {
		_ = n.Close()
		t.Fatal("it joins without a majority")
	}
	if !strings.Contains(err.Error(), "cannot take a node in") || strings.Contains(err.Error(), b.keys.id().String()) {
		t.Error(err)
	}
	if strings.Contains(err.Error(), "no node of the rhizome answers") {
		t.Errorf("one answered, and it is said that none did: %v", err)
	}
}

// crowd lets many nodes in that keep nothing and are never there.
func (h *homes) crowd(through *home, nodes int) {
	h.t.Helper()
	_, err := through.members.Change(h.t.Context(), 0, func(*layout.Layout) (out []layout.Change) {
		for range nodes {
			id, operator := ident.New(), ident.New()
			out = append(out, layout.Add(layout.Node{ID: ident.NodeID(append(id[:], operator[:]...)), Zone: "home of " + id.String(),
				Capacity: 1 << 40, Operator: operator, Draining: true}))
		}
		return out
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// TestALargeRhizomeLetsIn: the answers to a stranger stay within what strangers are sent,
// however many nodes the layout names.
func TestALargeRhizomeLetsIn(t *testing.T) {
	h := newHomes(t, 0)
	a := h.up("lyon")
	h.crowd(a, 1000)
	card := membership.Card{Node: a.members.Layout().Nodes[1].ID}
	for k := range membership.MaxAddresses {
		card.Addresses = append(card.Addresses, fmt.Sprintf("/ip6/fe80:1111:2222:3333:4444:5555:6666:%04d/udp/47474/quic-v1", k))
	}
	first := joinAnswer{Root: make([]byte, 32)}
	first.addLayout(a.members.Layout(), 0)
	first.addCards(slices.Repeat([]membership.Card{card}, 200))
	if n := len(codec.Encode(&first)); n > rpc.MaxStranger || len(first.Cards) < 5 {
		t.Errorf("%d bytes with %d cards", n, len(first.Cards))
	}
	ticket, err := account.ParseTicket(h.invite(a))
	if err != nil {
		t.Fatal(err)
	}
	me := ident.NodeID{77}
	r := joinRequest{Invitation: ticket.Invitation, Secret: ticket.Secret, Home: "tours"}
	var whole []byte
	for parts := 1; ; parts++ {
		raw, err := a.answerJoin(t.Context(), me, codec.Encode(&r))
		if err != nil || len(raw) > rpc.MaxStranger {
			t.Fatalf("part %d: %d bytes, %v", parts, len(raw), err)
		}
		var got joinAnswer
		if err := codec.Decode(raw, &got); err != nil {
			t.Fatal(err)
		}
		if whole = append(whole, got.Layout...); len(whole) == got.Size {
			t.Logf("%d bytes in %d parts", len(whole), parts)
			break
		}
		if r.Version, r.From = got.Version, len(whole); parts == 1 {
			h.crowd(a, 1) // another layout comes meanwhile
		}
	}
	if l, err := layout.Decode(whole); err != nil || l.Version != r.Version || l.Node(me) == nil {
		t.Errorf("the parts make layout %v, %v", l, err)
	}
	for _, bad := range []joinRequest{{Version: r.Version, From: -1}, {Version: r.Version, From: len(whole)}, {Version: r.Version + 9}, {Version: 1}} {
		bad.Invitation, bad.Secret = r.Invitation, r.Secret
		if _, err := a.answerJoin(t.Context(), me, codec.Encode(&bad)); !errors.Is(err, errs.Invalid) {
			t.Errorf("layout %d from %d: %v", bad.Version, bad.From, err)
		}
	}
	b := h.up("brest", func(c *Config) { c.Join = h.invite(a) })
	h.eventually("the newest layout", func() bool { return b.members.Layout().Version == a.members.Layout().Version })
}

// TestAnInvitationTakesThePlaceOfOneThatDidNotServe: who got a new invitation after a
// refusal joins with it, in the same folder.
func TestAnInvitationTakesThePlaceOfOneThatDidNotServe(t *testing.T) {
	h := newHomes(t, 0)
	a := h.up("lyon")
	text := h.invite(a)
	list, err := a.Invitations(t.Context())
	if err == nil {
		err = a.RevokeInvitation(t.Context(), list[0].ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := h.config("brest")
	c.Join = text
	if _, err := Open(t.Context(), c); !errors.Is(err, errs.Denied) {
		t.Fatalf("a machine joins with a revoked invitation: %v", err)
	}
	b := h.join(a, "brest")
	if b.members.Layout().Lineage != a.members.Layout().Lineage {
		t.Error("it joined nobody")
	}
}

// TestARemovedNodeStaysOut: the invitation by which a node came does not bring it back.
func TestARemovedNodeStaysOut(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	text := h.invite(a)
	b := h.up("brest", func(c *Config) { c.Join = text })
	h.settled(2)
	id := b.keys.id()
	h.change(a, api.LayoutChange{Kind: api.ChangeDrain, Node: id.String()}, 2)
	h.emptied(a, id)
	if _, err := a.Change(t.Context(), api.LayoutChange{Kind: api.ChangeRemove, Node: id.String()}); err != nil {
		t.Fatal(err)
	}
	ticket, err := account.ParseTicket(text)
	if err != nil {
		t.Fatal(err)
	}
	request := codec.Encode(&joinRequest{Invitation: ticket.Invitation, Secret: ticket.Secret, Home: "brest"})
	if _, err := a.serveJoin(t.Context(), id, request); !errors.Is(err, errs.Denied) {
		t.Errorf("a node that was removed joins again: %v", err)
	}
	if a.members.Member(id) {
		t.Error("it is a member")
	}
	if _, err := b.Invitations(t.Context()); !errors.Is(err, errs.Unavailable) {
		t.Errorf("while it runs on, what is asked of it ends with %v", err)
	}
	h.eventually("it says that it is refused", func() bool {
		b.members.Changed()
		all, err := b.Nodes(t.Context())
		return err == nil && slices.ContainsFunc(all, func(n api.Node) bool { return n.Refuses })
	})
	h.eventually("S3 refuses there", func() bool { return b.stillIn() != nil })
	if a.stillIn() != nil {
		t.Error("the one that is left refuses too")
	}
	if r, err := http.Get(b.S3().URL); err != nil || r.Body.Close() != nil || r.StatusCode != http.StatusForbidden {
		t.Errorf("S3 on a node that was removed: %v", err)
	}
	if _, err := b.Recover(t.Context(), api.Recover{Gone: []string{a.keys.id().String()}}); !errors.Is(err, errs.Conflict) {
		t.Errorf("it goes on without those who removed it: %v", err)
	}
	h.kill("brest")
	n, err := Open(t.Context(), b.config)
	if err == nil {
		_ = n.Close()
	}
	if !errors.Is(err, errs.Denied) || !strings.Contains(err.Error(), "(so say the homes that answer: lyon)") {
		t.Errorf("a node that was removed starts: %v", err)
	}
}

// TestAnInvitationToAnotherRhizome is refused on a folder that is in use; one to the same
// is only not used.
func TestAnInvitationToAnotherRhizome(t *testing.T) {
	h := newHomes(t, 0)
	a := h.up("lyon")
	b := h.up("brest")
	text, own := h.invite(a), h.invite(b)
	h.kill("brest")
	c := b.config
	c.Join = text
	n, err := Open(t.Context(), c)
	if err == nil {
		_ = n.Close()
	}
	if !errors.Is(err, errs.Conflict) || !strings.Contains(err.Error(), "another rhizome") {
		t.Errorf("a node of one rhizome takes an invitation to another: %v", err)
	}
	b = h.up("brest", func(c *Config) { c.Join = own })
	if asked, did := b.Joined(); !asked || did {
		t.Errorf("asked %v, did %v", asked, did)
	}
	b.config.Join = "rhizome-invitation-of-old"
	h.kill("brest")
	b = h.up("brest", func(c *Config) { c.Join = b.config.Join })
	h.join(a, "lille")
}

// TestWhoJoinsNamesItsHome: two computers that say nothing would be one home.
func TestWhoJoinsNamesItsHome(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	c := h.config("brest")
	c.Join, c.Homeless = h.invite(a), true
	if _, err := Open(t.Context(), c); !errors.Is(err, errs.Invalid) {
		t.Fatalf("it joins: %v", err)
	}
	h.up("brest", func(b *Config) { b.Join = c.Join })
	h.settled(2)
}

// TestAMachineThatFailsWhileItJoinsCostsNothing: the others go on deciding.
func TestAMachineThatFailsWhileItJoinsCostsNothing(t *testing.T) {
	h := newHomes(t, 0)
	a := h.up("lyon")
	for i := range 2 {
		never := layout.Node{ID: ident.NodeID{byte(i + 1)}, Zone: "brest", Capacity: 1 << 30, Draining: true}
		if err := a.admit(t.Context(), never); err != nil {
			t.Fatalf("after %d machines that never came up: %v", i, err)
		}
	}
}

// change makes a change of the layout and waits until the homes that run have taken it up.
func (h *homes) change(x *home, c api.LayoutChange, nodes int) {
	h.t.Helper()
	if _, err := x.Change(h.t.Context(), c); err != nil {
		h.t.Fatalf("%s: %v", c.Kind, err)
	}
	h.eventually(c.Kind, func() bool {
		for _, x := range h.all {
			if x.stop != nil && !x.tookUp() {
				x.members.Changed()
				return false
			}
		}
		return true
	})
}

// tookUp reports whether a node has the rows and bytes that its layout gives it.
func (x *home) tookUp() bool {
	all, err := x.Nodes(context.Background())
	for _, n := range all {
		if n.Up && (n.Imported != x.members.Layout().Version || n.Health.ExtentsLeft > 0) {
			return false
		}
	}
	p := x.extents.Progress()
	return err == nil && p.Queued == 0 && p.Waiting == 0 && !p.Comparing
}

// patience bounds waits for what takes seconds: what exceeds it does not come to an end.
const patience = 5 * time.Minute

func (h *homes) eventually(what string, done func() bool) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	for !done() {
		timer := time.NewTimer(50 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			h.t.Fatalf("%s: it does not come to an end", what)
		}
	}
}

// emptied waits until the others know that a node keeps nothing that they lack.
func (h *homes) emptied(a *home, id ident.NodeID) {
	h.t.Helper()
	h.eventually("the drained node is empty", func() bool {
		a.members.Changed()
		card, _ := a.members.Card(id)
		return card.Used == 0 && card.Health.Kept == 0
	})
}

func TestADrainedNodeLeaves(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, b, c := h.three()
	big := bytes.Repeat([]byte("forest "), 300_000)
	a.put(t, "big", big)
	d := h.join(a, "nantes")
	h.settled(4)
	gone := c.keys.id().String()
	if _, err := a.Change(t.Context(), api.LayoutChange{Kind: api.ChangeRemove, Node: gone}); !errors.Is(err, errs.Conflict) {
		t.Errorf("a node that holds partitions is removed: %v", err)
	}
	h.change(a, api.LayoutChange{Kind: api.ChangeDrain, Node: gone}, 4)
	h.emptied(a, c.keys.id())
	if _, err := b.Change(t.Context(), api.LayoutChange{Kind: api.ChangeRemove, Node: gone}); err != nil {
		t.Fatal(err)
	}
	h.kill("lille")
	h.kill("brest")
	for _, x := range []*home{a, d} {
		if got := x.get(t, "big"); !bytes.Equal(got, big) {
			t.Errorf("%s has %d bytes of it", x.config.Home, len(got))
		}
	}
	if n, err := Open(t.Context(), c.config); !errors.Is(err, errs.Denied) {
		// It does not know yet: it learns from nobody, because it is no member.
		if err != nil {
			t.Errorf("the removed node ends with %v", err)
		} else if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestADrainedNodeLeavesWhenOthersHaveItsRows: of two nodes in one home each has rows alone.
// One that is drained goes only after the other has imported them.
func TestADrainedNodeLeavesWhenOthersHaveItsRows(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 2*time.Millisecond)
	a := h.up("lyon")
	for i := range 40 {
		a.put(t, fmt.Sprint("small", i), []byte("hello"))
	}
	text := h.invite(a)
	b := h.up("cellar", func(c *Config) { c.Join, c.Home = text, "lyon" })
	h.settled(2)
	gone := a.keys.id().String()
	if _, err := b.Change(t.Context(), api.LayoutChange{Kind: api.ChangeDrain, Node: gone}); err != nil {
		t.Fatal(err)
	}
	h.eventually("the drained node leaves", func() bool {
		_, err := b.Change(t.Context(), api.LayoutChange{Kind: api.ChangeRemove, Node: gone})
		if err != nil && !errors.Is(err, errs.Conflict) && !errors.Is(err, errs.Unavailable) {
			t.Fatal(err)
		}
		return err == nil
	})
	h.kill("lyon")
	if !b.tookUp() {
		t.Fatal("it left before the other had its rows")
	}
	for i := range 40 {
		if got := b.get(t, fmt.Sprint("small", i)); string(got) != "hello" {
			t.Errorf("small%d is %q", i, got)
		}
	}
}

func TestALostNodeIsReplaced(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, b, c := h.three()
	big := bytes.Repeat([]byte("meadow "), 300_000)
	c.put(t, "big", big)
	h.kill("lille")
	delete(h.all, "lille")
	h.change(a, api.LayoutChange{Kind: api.ChangeRemove, Node: c.keys.id().String(), Lost: true}, 2)
	d := h.join(b, "rennes")
	h.settled(3)
	h.kill("lyon")
	if got := d.get(t, "big"); !bytes.Equal(got, big) {
		t.Errorf("the new home has %d bytes of it", len(got))
	}
}

func TestAWitnessKeepsTwoHomesGoing(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	b := h.join(a, "brest")
	h.settled(2)
	text := h.invite(a)
	w := h.up("attic", func(c *Config) { c.Join, c.Witness, c.Capacity = text, true, 0 })
	h.settled(3)
	big := bytes.Repeat([]byte("river "), 300_000)
	a.put(t, "big", big)
	h.kill("lyon")
	if got := b.get(t, "big"); !bytes.Equal(got, big) {
		t.Errorf("the home that is left has %d bytes of it", len(got))
	}
	b.put(t, "more", big)
	if got := w.get(t, "more"); !bytes.Equal(got, big) {
		t.Errorf("through the witness %d bytes are read", len(got))
	}
	for _, d := range w.disks.Disks() {
		if d.Live > 0 {
			t.Errorf("the witness keeps %d bytes", d.Live)
		}
	}
	a = h.up("lyon")
	h.settled(3)
	if got := a.get(t, "more"); !bytes.Equal(got, big) {
		t.Error("the home that was away reads something else")
	}
}

func TestGoingOnWithoutAMajority(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, b, c := h.three()
	big := bytes.Repeat([]byte("hill "), 300_000)
	b.put(t, "big", big)
	h.settled(3)
	h.kill("brest")
	h.kill("lille")
	gone := api.Recover{Gone: []string{b.keys.id().String(), c.keys.id().String()}}
	plan, err := a.PreviewRecover(t.Context(), gone)
	if err != nil || plan.Refused != nil || plan.Loss.Doubtful != 1024 || plan.Loss.Rows != 0 {
		t.Fatalf("%+v, %v", plan, err)
	}
	if _, err := a.Recover(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	h.eventually("recover", a.tookUp)
	if got := a.get(t, "big"); !bytes.Equal(got, big) {
		t.Errorf("%d bytes are read", len(got))
	}
	a.put(t, "after", []byte("we go on"))
	h.kill("lyon")
	a = h.up("lyon")
	if got := a.get(t, "after"); string(got) != "we go on" {
		t.Errorf("after a restart it reads %q", got)
	}
	b = h.up("brest")
	if a.members.Member(b.keys.id()) {
		t.Error("a node that was declared lost is a member")
	}
	if b.Refused() != "lyon" {
		t.Errorf("it is refused by %q: one home is no majority, but is to be told of", b.Refused())
	}
}

// TestBytesThatOnlyLostNodesKnewOfStay: after a recovery nothing goes for want of a row
// until a person gives it up.
func TestBytesThatOnlyLostNodesKnewOfStay(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, b, c := h.three()
	if a.disks.Doubtful() {
		t.Fatal("it doubts its rows although nobody was lost")
	}
	stray := ident.New()
	h.kill("brest")
	h.kill("lille")
	w, err := a.disks.Create(t.Context(), stray, 5)
	if err == nil {
		err = errors.Join(w.Append([]byte("hello")), w.Commit(nil))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Recover(t.Context(), api.Recover{Gone: []string{b.keys.id().String(), c.keys.id().String()}}); err != nil {
		t.Fatal(err)
	}
	h.eventually("recover", a.tookUp)
	h.kill("lyon")
	a = h.up("lyon")
	sweep := func() bool {
		t.Helper()
		if _, err := a.extents.Sweep(t.Context(), func(ident.ID) {}); err != nil {
			t.Fatal(err)
		}
		_, err := a.disks.Info(t.Context(), stray)
		return err == nil
	}
	if r, err := a.Repair(t.Context()); err != nil || !r.Doubtful || !sweep() {
		t.Errorf("bytes went that nobody who is left can judge: %+v, %v", r, err)
	}
	if err := a.AcceptLoss(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sweep() {
		t.Error("what was given up stays")
	}
	if err := a.AcceptLoss(t.Context()); !errors.Is(err, errs.Conflict) {
		t.Errorf("there is more to give up: %v", err)
	}
	h.kill("lyon")
	if a = h.up("lyon"); a.disks.Doubtful() {
		t.Error("it doubts again after a restart")
	}
}

// TestTwoHistoriesAreSaid: a home that recovered and one that went on otherwise refuse each
// other, and both say so.
func TestTwoHistoriesAreSaid(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, b, c := h.three()
	h.net.Cut(a.keys.id(), b.keys.id())
	h.net.Cut(a.keys.id(), c.keys.id())
	base := b.members.Layout().Version
	if _, err := b.Change(t.Context(), api.LayoutChange{Kind: api.ChangeCapacity, Node: c.keys.id().String(), Capacity: 2 << 30}); err != nil {
		t.Fatal(err)
	}
	h.eventually("the other learns of it", func() bool { return c.members.Layout().Version > base })
	h.kill("brest")
	if _, err := a.Recover(t.Context(), api.Recover{Gone: []string{b.keys.id().String()}}); err != nil {
		t.Fatal(err)
	}
	h.net.Heal(a.keys.id(), c.keys.id())
	apart := func(x *home, with ident.NodeID) bool {
		x.members.Changed()
		all, err := x.Nodes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range all {
			if n.ID == with.String() {
				return n.Apart > 0 && !n.Up
			}
		}
		return false
	}
	h.eventually("both say so", func() bool { return apart(a, c.keys.id()) && apart(c, a.keys.id()) })
	if _, err := a.Recover(t.Context(), api.Recover{Gone: []string{c.keys.id().String()}}); err != nil {
		t.Fatal(err)
	}
	h.eventually("it goes on alone", a.tookUp)
	a.put(t, "after", []byte("we go on"))
}

func TestReplicasChangeLive(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, b, _ := h.three()
	big := bytes.Repeat([]byte("stone "), 300_000)
	a.put(t, "big", big)
	h.change(a, api.LayoutChange{Kind: api.ChangeReplicas, Replicas: 1}, 3)
	b.put(t, "one", big)
	h.change(b, api.LayoutChange{Kind: api.ChangeReplicas, Replicas: 3}, 3)
	h.kill("lyon")
	for _, key := range []string{"big", "one"} {
		if got := b.get(t, key); !bytes.Equal(got, big) {
			t.Errorf("%s has %d bytes", key, len(got))
		}
	}
}

// TestDamageIsMendedFromAnotherHome: flipped bytes are never served, and go by themselves.
func TestDamageIsMendedFromAnotherHome(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, b, _ := h.three()
	big := make([]byte, 3<<20)
	for i := range big {
		big[i] = byte(i * i >> 3)
	}
	a.put(t, "big", big)
	h.settled(3)
	flipBytes(t, b.config.Data)
	if got := b.get(t, "big"); !bytes.Equal(got, big) {
		t.Errorf("the damaged home serves %d bytes, others than were stored", len(got))
	}
	b.scrubbed(t)
	h.eventually("mending", func() bool {
		lost, err := b.lost(t.Context())
		return err == nil && len(lost) == 0 && b.extents.Progress().Queued == 0
	})
	h.kill("lyon")
	h.kill("lille")
	pieces, err := b.disks.NewScrubber(extentstore.ScrubOptions{Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	if damaged, err := pieces.Whole(t.Context()); err != nil || damaged != 0 {
		t.Errorf("%d extents are still damaged, %v", damaged, err)
	}
}

// scrubbed reads every stored byte once.
func (x *home) scrubbed(t *testing.T) {
	t.Helper()
	if _, err := x.scrubber.Whole(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// flipBytes damages every extent that lies in a file of its own.
func flipBytes(t *testing.T, data string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, diskDir, "extents", "*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no extents: %v", err)
	}
	for _, path := range files {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("damage"), 1<<20+4096); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
