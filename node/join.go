package node

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/cluster/membership"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
	"rhizome/net/rpc"
)

// Joining goes in two steps, so that a machine that fails in the midst of it costs the
// others nothing. First it shows its invitation and becomes a member that keeps nothing.
// Once it runs, it asks for its share by a change of layout of its own.
//
// The invitation lies in the data folder until the rows are made, so that a join that
// was interrupted goes on with the next start.

const methodJoin rpc.Method = 0x0501

// joiningFile holds the invitation, 0600; joinMark stands in the rows until the node
// has asked for its share.
//
//	'n' 'j'  empty
const joiningFile = "joining"

var joinMark = []byte("nj")

// joinTime bounds one attempt to join through one node.
const joinTime = 30 * time.Second

// answerTime bounds what the door does about it, so that the machine hears how it ended.
const answerTime = joinTime / 2

// joinRequest is what a machine says that was invited.
type joinRequest struct {
	Invitation ident.ID `cbor:"1,keyasint"`
	Secret     ident.ID `cbor:"2,keyasint"`
	Home       string   `cbor:"3,keyasint"`
	Capacity   int64    `cbor:"4,keyasint,omitempty"`
	Witness    bool     `cbor:"5,keyasint,omitempty"`
	Release    string   `cbor:"6,keyasint"`
	// Version and From ask a member that was let in lately for the rest of the layout of
	// that version, from a byte on.
	Version uint64 `cbor:"7,keyasint,omitempty"`
	From    int    `cbor:"8,keyasint,omitempty"`
}

// joinAnswer makes it a member.
type joinAnswer struct {
	Root []byte `cbor:"1,keyasint"`
	// Layout is as much of the layout's record, from the byte asked for on, as a stranger
	// may be sent: all of it in a rhizome of some hundred nodes.
	Layout []byte            `cbor:"2,keyasint"`
	Cards  []membership.Card `cbor:"3,keyasint"`
	// Version and Size tell of which layout, and how long its record is, if it goes on.
	Version uint64 `cbor:"4,keyasint,omitempty"`
	Size    int    `cbor:"5,keyasint,omitempty"`
}

// joined is what a join brought.
type joined struct {
	root   ident.Secret
	layout *layout.Layout
	cards  []membership.Card
}

// Joined says whether the node was started to join, and whether it did: one that belongs
// to a rhizome already does not use the invitation.
func (n *Node) Joined() (asked, did bool) { return n.config.Join != "", !n.unused }

// Homes is how many homes the layout has that keep something; this one counts by what it is to be.
func (n *Node) Homes() int {
	zones := map[string]bool{}
	l := n.members.Layout()
	for i := range l.Nodes {
		x := &l.Nodes[i]
		role := roles(x)[0]
		if x.ID == n.keys.id() {
			role, _, _ = n.Role()
		}
		if role != api.RoleGateway {
			zones[x.Zone] = true
		}
	}
	return len(zones)
}

// Beside names this node's home, and the other nodes there.
func (n *Node) Beside() (home string, others []string) {
	l := n.members.Layout()
	home = n.home()
	for i := range l.Nodes {
		if x := &l.Nodes[i]; x.Zone == home && x.ID != n.keys.id() {
			others = append(others, nameIn(l, x))
		}
	}
	return home, others
}

// keepInvitation puts the invitation of this start where the next one finds it, unless
// the node is a member already. It takes the place of one that did not serve.
func (n *Node) keepInvitation(fresh bool) error {
	if n.config.Join == "" {
		return nil
	}
	under, err := n.folder.invitation()
	if !fresh && under == nil && err == nil {
		n.unused = true
		return nil
	}
	if _, err := account.ParseTicket(n.config.Join); err != nil {
		return err
	}
	if n.config.Homeless {
		return errHomeless
	}
	if err := writeDurably(n.folder.at(joiningFile), []byte(strings.TrimSpace(n.config.Join)+"\n")); err != nil {
		return errs.Newf(errs.Internal, "the data folder cannot be written: %w", err)
	}
	return nil
}

// invitation returns the ticket of a join under way, nil for none.
func (f *folder) invitation() (*account.Ticket, error) {
	raw, err := os.ReadFile(f.at(joiningFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errs.Newf(errs.Internal, "the invitation cannot be read: %w", err)
	}
	return account.ParseTicket(string(raw))
}

// join shows the invitation to the nodes that it names, one after another, until one
// takes it.
func (n *Node) join(ctx context.Context, t *account.Ticket) (*joined, error) {
	if err := n.startLinks(); err != nil {
		return nil, err
	}
	var ids []ident.NodeID
	for _, tn := range t.Nodes {
		ids = append(ids, tn.Node)
		n.links.SetAddresses(tn.Node, tn.Addresses)
	}
	n.guard.name(ids)
	request := joinRequest{Invitation: t.Invitation, Secret: t.Secret, Home: n.config.Home,
		Capacity: n.config.Capacity, Witness: n.config.Witness, Release: n.config.Version}
	failed := errs.New(errs.Unavailable, "the invitation names no node")
	var refused, answered error
	for _, id := range ids {
		j, err := n.joinThrough(ctx, id, request)
		switch {
		case err == nil:
			return j, nil
		case errors.Is(err, errs.Denied) || errors.Is(err, errs.Invalid):
			refused = err // another door may know more
		case !errors.Is(err, rpc.ErrNoAnswer):
			answered = err
		}
		failed = err
	}
	if err := cmp.Or(refused, answered); err != nil {
		return nil, err // what a node said counts more than that another is silent
	}
	if t.Over(n.config.Clock.Now()) {
		return nil, errs.Newf(errs.Unavailable, "no node of the rhizome answers, and by this computer's clock the invitation is over: ask for another, or set the clock: %w", failed)
	}
	return nil, errs.Newf(errs.Unavailable, "no node of the rhizome answers: is the other home's node running and connected? %w", failed)
}

func (n *Node) joinThrough(ctx context.Context, id ident.NodeID, request joinRequest) (*joined, error) {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	a, err := n.askJoin(ctx, id, &request)
	for err == nil && len(a.Layout) < a.Size {
		var more *joinAnswer
		request.Version, request.From = a.Version, len(a.Layout)
		if more, err = n.askJoin(ctx, id, &request); err != nil {
			break
		}
		if len(more.Layout) == 0 || more.Version != a.Version || more.Size != a.Size || a.Size > layout.MaxRecord {
			return nil, errSense
		}
		a.Layout = append(a.Layout, more.Layout...)
	}
	if err != nil {
		return nil, err
	}
	l, err := layout.Decode(a.Layout)
	if err != nil {
		return nil, err
	}
	if len(a.Root) != len(ident.Secret{}) || l.Node(n.keys.id()) == nil {
		return nil, errSense
	}
	return &joined{ident.Secret(a.Root), l, a.Cards}, nil
}

var errSense = errs.New(errs.Corrupt, "the other node's answer to the invitation makes no sense")

func (n *Node) askJoin(ctx context.Context, id ident.NodeID, request *joinRequest) (*joinAnswer, error) {
	raw, err := n.links.Call(ctx, id, rpc.Control, methodJoin, codec.Encode(request))
	if err != nil {
		return nil, err
	}
	a := new(joinAnswer)
	return a, codec.Decode(raw, a)
}

// takeIn keeps what the join brought: the key, and that a share is to be asked for.
func (n *Node) takeIn(j *joined) error {
	if err := writeKey(n.folder.at(rootKeyFile), j.root); err != nil {
		return err
	}
	n.keys.root = j.root
	return n.rows.Set(joinMark, nil)
}

// finishJoin forgets the invitation once the rows know the layout.
func (n *Node) finishJoin() error {
	if err := os.Remove(n.folder.at(joiningFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errs.Newf(errs.Internal, "the data folder cannot be written: %w", err)
	}
	return nil
}

// serveJoin handles a stranger's joinRequest. What goes wrong among the members is not for
// strangers' ears.
func (n *Node) serveJoin(ctx context.Context, from ident.NodeID, request []byte) ([]byte, error) {
	ctx, leave, err := n.strangers.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	answer, err := n.answerJoin(ctx, from, request)
	if err == nil || errors.Is(err, errs.Denied) || errors.Is(err, errs.Invalid) {
		return answer, err
	}
	n.config.Logger.Warn("a node that was invited could not join", "node", from, "error", err)
	return nil, errs.New(errs.Unavailable, "the rhizome cannot take a node in at present: see rhizome status in the other home, and try again")
}

func (n *Node) answerJoin(ctx context.Context, from ident.NodeID, request []byte) ([]byte, error) {
	var r joinRequest
	if err := codec.Decode(request, &r); err != nil {
		return nil, errs.New(errs.Invalid, "the request to join cannot be read")
	}
	if r.Capacity < 0 || r.Witness && r.Capacity > 0 {
		return nil, errs.New(errs.Invalid, "the request to join makes no sense")
	}
	i, err := n.accounts.Accept(ctx, r.Invitation, r.Secret, from)
	if err != nil {
		return nil, err
	}
	if slices.Contains(i.Admitted, from) && n.members.Layout().Node(from) == nil {
		return nil, errs.New(errs.Denied, "this node was a member and was removed; move its data folder away and join with a new invitation")
	}
	if keeps(n.members.Layout(), from) {
		return nil, errs.New(errs.Denied, "this node is a member that keeps data, and its rows are gone: in another home, say rhizome node remove NAME --lost; then move its data folder away and join with a new invitation")
	}
	if r.Version != 0 {
		return n.answerRest(from, &r)
	}
	node := layout.Node{ID: from, Zone: r.Home, Capacity: r.Capacity, Witness: r.Witness, Operator: i.Operator, Draining: true}
	if err := n.admit(ctx, node); err != nil {
		return nil, err
	}
	if err := n.accounts.Admit(ctx, r.Invitation, from); err != nil {
		return nil, err
	}
	n.config.Logger.Info("a node joined", "node", from, "home", r.Home)
	a := joinAnswer{Root: n.keys.root[:]}
	a.addLayout(n.members.Layout(), 0)
	a.addCards(n.members.Cards())
	return codec.Encode(&a), nil
}

// answerRest answers a node that was let in and asks for the rest of a layout.
func (n *Node) answerRest(from ident.NodeID, r *joinRequest) ([]byte, error) {
	l := n.members.Chain().At(r.Version)
	if l == nil || l.Node(from) == nil {
		return nil, errs.New(errs.Invalid, "the request to join makes no sense")
	}
	a := joinAnswer{Root: n.keys.root[:]}
	if !a.addLayout(l, r.From) {
		return nil, errs.New(errs.Invalid, "the request to join makes no sense")
	}
	return codec.Encode(&a), nil
}

// joinRoom is left in an answer for what stands around layout and cards.
const joinRoom = 4 << 10

// addLayout adds a layout's record from a byte on, or so much of it that cards have room
// too. It reports whether the record goes that far.
func (a *joinAnswer) addLayout(l *layout.Layout, from int) bool {
	raw := l.Encode()
	if from < 0 || from >= len(raw) {
		return false
	}
	room := rpc.MaxStranger - joinRoom - len(a.Root)
	if len(raw) > room {
		a.Version, a.Size = l.Version, len(raw)
		if from == 0 {
			room /= 2
		}
	}
	a.Layout = raw[from:min(len(raw), from+room)]
	return true
}

// addCards adds as many cards as an answer to a stranger may hold; the others come with the
// first exchange.
func (a *joinAnswer) addCards(cards []membership.Card) {
	room := rpc.MaxStranger - joinRoom - len(a.Root) - len(a.Layout)
	for _, c := range cards {
		if room -= len(codec.Encode(&c)); room < 0 {
			return
		}
		a.Cards = append(a.Cards, c)
	}
}

// keeps reports whether a layout gives a node a partition.
func keeps(l *layout.Layout, id ident.NodeID) bool {
	for p := range l.Assigned {
		if slices.Contains(l.Replicas(p), id) {
			return true
		}
	}
	return false
}

// admit makes a node a member that keeps nothing yet, unless it is one.
func (n *Node) admit(ctx context.Context, node layout.Node) error {
	_, err := n.members.Change(ctx, 0, func(l *layout.Layout) []layout.Change {
		if l.Node(node.ID) != nil {
			return nil
		}
		return []layout.Change{layout.Add(node)}
	})
	return err
}
