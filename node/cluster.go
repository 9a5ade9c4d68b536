package node

import (
	"context"
	"net"
	"strings"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/cluster/membership"
	"rhizome/cluster/register"
	"rhizome/net/rpc/p2p"
)

// openMembers finds out which rhizome this node is of: its own, or the one it joins.
func (n *Node) openMembers(ctx context.Context) error {
	var first []*layout.Layout
	var cards []membership.Card
	known, err := membership.Known(n.rows)
	if err == nil && !known {
		first, cards, err = n.firstLayout(ctx)
	}
	if err != nil {
		return err
	}
	n.members, err = membership.Open(membership.Config{
		Node: n.keys.id(), Rows: n.rows, Clock: n.config.Clock, Links: n.links,
		Dial: n.links.SetAddresses, Adopt: n.layoutCame, Describe: n.describe, Recheck: n.links.Recheck, MayVote: n.trusted, Logger: n.config.Logger,
	}, first...)
	if err != nil {
		return err
	}
	if err := n.members.KeepCards(cards); err != nil {
		return err
	}
	n.guard.members.Store(n.members)
	if err := n.sameRhizome(); err != nil {
		return err
	}
	if n.members.Layout().Node(n.keys.id()) == nil {
		return n.stranger()
	}
	return n.finishJoin()
}

// stranger explains why this node is in no layout that it knows.
func (n *Node) stranger() error {
	if len(n.members.Layout().Nodes) == 1 {
		return errs.Newf(errs.Conflict, "%s is not the key of the node whose rows these are: it comes from a recovery kit that is older than the last rebuild, or was typed wrongly. Move the file away and restore a newer kit, or make the rows anew with rhizome repair rebuild", nodeKeyFile)
	}
	return errs.New(errs.Denied, "this node was removed from its rhizome. To bring the machine back, move its data folder away and join with a new invitation")
}

// firstLayout returns the layout of a node that has none stored: the one that its join
// brought, the one that an earlier release kept, or one of this node alone.
func (n *Node) firstLayout(ctx context.Context) ([]*layout.Layout, []membership.Card, error) {
	raw, known, err := n.rows.Find(layoutKey)
	if known {
		l, err := layout.Decode(raw)
		return []*layout.Layout{l}, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	t, err := n.folder.invitation()
	if err != nil {
		return nil, nil, err
	}
	if t == nil {
		me := layout.Node{ID: n.keys.id(), Zone: n.config.Home, Capacity: n.config.Capacity}
		first := layout.Single(ident.New(), me)
		n.learned(first)
		return []*layout.Layout{first}, nil, nil
	}
	j, err := n.join(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	n.learned(j.layout)
	return []*layout.Layout{j.layout}, j.cards, n.takeIn(j)
}

// adopt takes up a layout that is in force. Until the stores are open they have none.
func (n *Node) adopt(l *layout.Layout) {
	n.links.Recheck()
	if !n.opened.Load() {
		return
	}
	n.adopting.Lock()
	defer n.adopting.Unlock()
	if l.Version < n.adopted { // a newer one came while this one was on its way
		return
	}
	n.adopted = l.Version
	if err := n.ring.KeepLayout(codec.Encode(l)); err != nil {
		n.config.Logger.Warn("the second copy of the layout could not be written", "error", err)
	}
	if err := n.doubt(l); err != nil {
		n.fail(err)
		return
	}
	if err := n.replica.Adopt(l); err != nil {
		n.fail(err)
	}
	n.limitDisks(l)
	n.extents.Relaid()
	select {
	case n.relaid <- struct{}{}:
	default:
	}
}

// lineageKey holds the lineage whose beginning the disks took note of.
//
//	'n' 'u'  16 bytes
var lineageKey = []byte("nu")

// doubt notes on the disks, before rows go by a layout, that nodes were lost with perhaps
// rows that no other node has.
func (n *Node) doubt(l *layout.Layout) error {
	raw, known, err := n.rows.Find(lineageKey)
	if err != nil || known && string(raw) == string(l.Lineage[:]) {
		return err
	}
	if !known {
		first := n.members.Chain().Oldest().Lineage
		raw = first[:]
	}
	if string(raw) != string(l.Lineage[:]) {
		if err := n.disks.Doubt(true); err != nil {
			return err
		}
	}
	return n.rows.Set(lineageKey, l.Lineage[:])
}

// lookSoon and lookLate bound how long it is between two looks whether a layout was taken
// up: an import may wait for nodes that are away.
const (
	lookSoon = 250 * time.Millisecond
	lookLate = 5 * time.Second
)

// watchMoves tells the others as soon as this node has taken up a layout: the next change
// waits for that.
func (n *Node) watchMoves(ctx context.Context) error {
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		pause, last := lookSoon, -1
		for p := n.replica.Progress(); p.Imported < p.Served; p = n.replica.Progress() {
			if pause = min(2*pause, lookLate); p.Imported != last {
				pause, last = lookSoon, p.Imported
			}
			look.Reset(pause)
			select {
			case <-ctx.Done():
				return nil
			case <-n.relaid:
				pause = lookSoon
			case <-look.C:
			}
		}
		n.members.Changed()
		n.regs.CompareDoubts(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-n.relaid:
		}
	}
}

// settleIn asks for this node's share once it runs, and tells the rhizome of a capacity
// or a home that was changed here, until that is done.
func (n *Node) settleIn(ctx context.Context) error {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err := n.place(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		n.config.Logger.Warn("the node's place in the layout could not be changed; it is tried again", "error", err)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// place makes the change of layout that this node wants of itself, if there is one.
func (n *Node) place(ctx context.Context) error {
	_, joining, err := n.rows.Find(joinMark)
	if err != nil {
		return err
	}
	if joining {
		err := n.members.Await(ctx, func() bool { return n.metSome() })
		if err != nil {
			return err
		}
	}
	var mark capacityMark
	_, err = n.members.Change(ctx, 0, func(l *layout.Layout) (out []layout.Change) {
		out, mark = n.wants(l, joining)
		return out
	})
	if err == nil {
		err = n.noteCapacity(mark)
	}
	if err != nil || !joining {
		return err
	}
	return n.rows.Delete(joinMark)
}

// metSome reports whether a majority of the other members was met: before that, a share
// could not be used.
func (n *Node) metSome() bool {
	up := 1
	peers := n.members.Peers()
	for _, p := range peers {
		if p.Up {
			up++
		}
	}
	return up > (len(peers)+1)/2
}

// wants returns what is to change about this node's place, and what to note of its capacity then.
func (n *Node) wants(l *layout.Layout, joining bool) (out []layout.Change, _ capacityMark) {
	id := n.keys.id()
	me := l.Node(id)
	if me == nil {
		return nil, capacityMark{}
	}
	if joining && me.Draining {
		out = append(out, layout.Drain(id, false))
	}
	if len(l.Nodes) == 1 && !n.config.Homeless && me.Zone != n.config.Home {
		out = append(out, layout.Zone(id, n.config.Home))
	}
	c, mark, changed := n.wantsCapacity(l, me, joining)
	if changed {
		out = append(out, layout.Capacity(id, c))
	}
	return out, mark
}

// offers is how many bytes this node offers: what it was told, or what its disks hold.
func (n *Node) offers() int64 {
	switch {
	case n.config.Witness, n.config.Gateway:
		return 0
	case n.config.Capacity > 0:
		return n.config.Capacity
	}
	disks := n.disks.Disks()
	sum := freeOf(disks)
	for _, d := range disks {
		sum += d.Used
	}
	return sum
}

// addresses are where others may find this node, at most so many: where a person says, then what it
// found itself.
func (n *Node) addresses(found []string, most int) []string {
	var said []string
	for _, at := range n.config.Public {
		places, err := p2p.PlacesOf(withPort(at, n.config.Peer))
		if err != nil {
			n.config.Logger.Warn("an address of --public cannot be used", "address", at, "error", err)
		}
		said = append(said, places...)
	}
	return p2p.Choose(said, found, most)
}

// withPort completes HOST with the port of peer, or the usual one if that is any.
func withPort(at, peer string) string {
	if _, _, err := net.SplitHostPort(at); err == nil || strings.HasPrefix(at, "/") {
		return at
	}
	_, port, err := net.SplitHostPort(peer)
	if err != nil || port == "" || port == "0" {
		port = "3901"
	}
	return net.JoinHostPort(strings.Trim(at, "[]"), port)
}

// describe fills in this node's card.
func (n *Node) describe(c *membership.Card) {
	c.Addresses = n.addresses(n.links.Addresses(), membership.MaxAddresses)
	c.Release, c.Records = n.config.Version, codec.Generation
	c.Started = n.started.Unix()
	if !n.opened.Load() {
		return
	}
	c.Used, c.Health.Lost = 0, 0
	disks := n.disks.Disks()
	c.Free = freeOf(disks)
	c.Health.Full = len(disks) > 0
	for _, d := range disks {
		c.Used += d.Live
		if d.Absent != nil {
			c.Health.Lost++
		}
		c.Health.Full = c.Health.Full && (d.Absent != nil || d.Refusing || d.Free < fullBelow && !d.Unmeasured)
	}
	c.Health.Skew = n.skew()
	c.Imported = n.imported()
	moved := n.replica.Progress()
	c.Health.Rows, c.Health.Kept = int64(moved.Served-moved.Imported), int64(moved.Served+moved.Kept)
	c.Health.Unsure = int64(moved.Unsure)
	p := n.extents.Progress()
	c.Health.Extents, c.Health.Bytes, c.Health.Rate = int64(p.Queued), p.Bytes, int64(p.Rate)
	c.Health.Damaged, c.Health.Comparing = int64(p.Lost), p.Comparing
	n.noteRate(c.Health.Rate)
}

// skew is how far this node's clock is ahead of the agreed time, in milliseconds: whole
// seconds, so that a card is no news each time that clocks are compared.
func (n *Node) skew() int64 {
	ahead, _ := n.members.Clock().Skew()
	return ahead.Round(time.Second).Milliseconds()
}

// imported has a bit for each partition that this node serves whole.
func (n *Node) imported() []byte {
	l := n.members.Layout()
	bits := make([]byte, (len(l.Assigned)+7)/8)
	terms := make([]register.Term, len(l.Assigned))
	for p := range terms {
		terms[p] = register.Term{Partition: p, Term: l.Term(p)}
	}
	got, err := n.replica.Imported(context.Background(), terms)
	if err != nil {
		return bits
	}
	for p, yes := range got {
		if yes {
			bits[p/8] |= 1 << (p % 8)
		}
	}
	return bits
}

// linkChanged is told when a link comes up or goes down.
func (n *Node) linkChanged(id ident.NodeID, up bool) {
	n.members.Linked(id, up)
	if !up {
		return
	}
	n.regs.LinkUp(id)
	n.extents.LinkUp(id)
}
