package node

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/lang"
	"rhizome/cluster/layout"
	"rhizome/cluster/membership"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
	"rhizome/net/rpc/p2p"
)

// ticketNodes is how many nodes an invitation names.
const ticketNodes = 3

// ticketPlaces is how many addresses it names of each: what is longer is hard to hand on.
const ticketPlaces = 4

// Invite implements admin.Cluster.
func (n *Node) Invite(ctx context.Context, want api.NewInvitation) (api.Invitation, error) {
	if err := n.startLinks(); err != nil {
		return api.Invitation{}, err
	}
	operator, err := n.invited(ctx, want.Operator)
	if err != nil {
		return api.Invitation{}, err
	}
	i, secret, err := n.accounts.Invite(ctx, n.member, operator, want.Uses, time.Duration(want.Seconds)*time.Second)
	if err != nil {
		return api.Invitation{}, err
	}
	t := account.Ticket{Rhizome: n.members.Layout().Lineage, Invitation: i.ID, Secret: secret,
		Expires: i.Expires.Unix(), Nodes: n.doors()}
	out := n.invitationRecord(i, n.names(ctx))
	out.Text = t.String()
	out.Near = !slices.ContainsFunc(t.Nodes, func(d account.TicketNode) bool { return slices.ContainsFunc(d.Addresses, p2p.Wide) })
	return out, nil
}

// doors returns nodes that a machine which joins can ask: this one, and others that are up.
func (n *Node) doors() []account.TicketNode {
	own := n.addresses(direct(n.links.Addresses()), ticketPlaces)
	out := []account.TicketNode{{Node: n.keys.id(), Addresses: own}}
	for _, p := range n.members.Peers() {
		if p.Up && len(out) < ticketNodes {
			out = append(out, account.TicketNode{Node: p.Node, Addresses: p2p.Choose(nil, direct(p.Addresses), ticketPlaces)})
		}
	}
	return out
}

// direct are the addresses of a node that do not lead through another one, for nobody but a member
// is relayed; if there is none, one that does.
func direct(all []string) []string {
	out := slices.DeleteFunc(slices.Clone(all), func(a string) bool { return strings.HasSuffix(a, "/p2p-circuit") })
	if len(out) == 0 {
		return all[:min(len(all), 1)]
	}
	return out
}

func (n *Node) invitationRecord(i *account.Invitation, names map[ident.ID]string) api.Invitation {
	out := api.Invitation{ID: i.ID.String(), State: i.State(n.members.Clock().Now()), Created: i.Created, Expires: i.Expires,
		Uses: i.Uses, Operator: names[i.Operator], Joined: []string{}}
	for _, id := range i.Joined {
		out.Joined = append(out.Joined, id.String())
	}
	return out
}

// Invitations implements admin.Cluster.
func (n *Node) Invitations(ctx context.Context) ([]api.Invitation, error) {
	all, err := n.accounts.Invitations(ctx)
	out := []api.Invitation{}
	names := n.names(ctx)
	for _, i := range all {
		out = append(out, n.invitationRecord(i, names))
	}
	return out, err
}

// RevokeInvitation implements admin.Cluster.
func (n *Node) RevokeInvitation(ctx context.Context, text string) error {
	id, err := ident.Parse(text)
	if err != nil {
		return errs.Newf(errs.NotFound, "there is no invitation %s", text)
	}
	if err := n.mayAll(ctx); err != nil {
		return err
	}
	return n.accounts.Revoke(ctx, id)
}

// Nodes implements admin.Cluster.
func (n *Node) Nodes(ctx context.Context) ([]api.Node, error) {
	l := n.members.Layout()
	counts := partitionCounts(l)
	peers := map[ident.NodeID]membership.Peer{}
	for _, p := range n.members.Peers() {
		peers[p.Node] = p
	}
	names, out, torn := n.names(ctx), []api.Node{}, n.members.Clock().Torn()
	for i, place := range l.Nodes {
		p, known := peers[place.ID]
		if !known {
			p.Card, _ = n.members.Card(place.ID)
			n.describe(&p.Card)
			p.Up, p.Since, p.Layout = true, n.members.At(n.started), l.Version
		}
		r := n.nodeRecord(&place, &p, counts[i], l)
		r.Operator, r.Ahead = names[place.Operator], torn[place.ID].Milliseconds()
		out = append(out, r)
	}
	return out, nil
}

// AddAddress implements admin.Cluster.
func (n *Node) AddAddress(ctx context.Context, a api.NodeAddress) (api.NodeAnswers, error) {
	id, err := nodeID(a.Node)
	if err != nil {
		return api.NodeAnswers{}, err
	}
	if id == n.keys.id() {
		return api.NodeAnswers{}, errs.New(errs.Invalid, "this is the node that you ask. Where other homes reach it is said when it starts: rhizome up --public HOST:PORT")
	}
	var all []string
	for _, text := range a.Addresses {
		places, err := p2p.PlacesOf(text)
		if err != nil {
			return api.NodeAnswers{}, err
		}
		all = append(all, places...)
	}
	if err := n.startLinks(); err != nil {
		return api.NodeAnswers{}, err
	}
	if err := n.members.SetAddresses(id, all); err != nil {
		return api.NodeAnswers{}, err
	}
	if len(all) == 0 {
		return api.NodeAnswers{Linked: n.members.Up(id)}, nil
	}
	err = n.links.Try(ctx, id, all)
	return api.NodeAnswers{Answers: err == nil, Linked: n.members.Exchange(ctx, id) == nil, Err: err}, nil
}

func (n *Node) nodeRecord(place *layout.Node, p *membership.Peer, partitions int, l *layout.Layout) api.Node {
	out := api.Node{
		ID: place.ID.String(), Home: place.Zone, Roles: roles(place), This: place.ID == n.keys.id(), Up: p.Up,
		RTT: float64(p.RTT.Microseconds()) / 1000, Release: p.Release, Addresses: p.Addresses,
		Capacity: place.Capacity, Used: p.Used, Free: p.Free, Partitions: partitions, Draining: place.Draining,
		Imported: importedBy(&p.Card, l, place.ID), S3: p.S3, Health: healthRecord(&p.Health), Refuses: p.Refuses,
		OlderCopy: p.Older || place.ID == n.keys.id() && n.members.Older(),
	}
	if p.Apart != nil {
		out.Apart = p.Apart.Version
	}
	if out.Addresses == nil {
		out.Addresses = []string{}
	}
	out.Relayed = p.Up && n.links.Relayed(place.ID)
	if !p.Since.IsZero() {
		out.Since = &p.Since
	}
	return out
}

func healthRecord(h *membership.Health) api.NodeHealth {
	return api.NodeHealth{PartitionsLeft: int(h.Rows), ExtentsLeft: h.Extents, BytesLeft: h.Bytes, Rate: h.Rate,
		Damaged: h.Damaged, DisksLost: int(h.Lost), Skew: h.Skew, Full: h.Full}
}

func roles(n *layout.Node) []string {
	switch {
	case n.Witness:
		return []string{api.RoleWitness}
	case n.Capacity > 0:
		return []string{api.RoleStorage}
	}
	return []string{api.RoleGateway}
}

// importedBy returns the newest layout of which a node has taken up all its partitions.
func importedBy(c *membership.Card, l *layout.Layout, id ident.NodeID) uint64 {
	for p := range l.Assigned {
		if slices.Contains(l.Replicas(p), id) && !(c.Has(p) && c.Layout >= l.Term(p)) {
			return l.Version - 1
		}
	}
	return l.Version
}

func partitionCounts(l *layout.Layout) []int {
	out := make([]int, len(l.Nodes))
	for _, set := range l.Assigned {
		for _, i := range set {
			out[i]++
		}
	}
	return out
}

// Layout implements admin.Cluster.
func (n *Node) Layout(ctx context.Context) (api.Layout, error) {
	l := n.members.Layout()
	same := layout.Compare(l, l, nil)
	out := api.Layout{
		Version: l.Version, Lineage: l.Lineage.String(), Replicas: cmp.Or(l.Settings.Replicas, 3), Zones: l.Settings.Zones,
		Effective: same.Replicas, Copies: l.Copies(), Partitions: len(l.Assigned), Usable: same.Usable, Homes: homeShares(l),
		Left:  max(0, same.Usable-n.bytesPerPartition(l)*int64(len(l.Assigned))),
		Stand: n.standing(l), Warn: notices(same.Warnings), Moving: n.moving(),
	}
	return out, nil
}

func homeShares(l *layout.Layout) []api.HomeShare {
	counts := partitionCounts(l)
	out := []api.HomeShare{}
	for i := range l.Nodes {
		p := &l.Nodes[i]
		k := slices.IndexFunc(out, func(h api.HomeShare) bool { return h.Name == p.Zone })
		if k < 0 {
			k = len(out)
			out = append(out, api.HomeShare{Name: p.Zone})
		}
		out[k].Capacity += p.Capacity
		out[k].Nodes = append(out[k].Nodes, api.NodeShare{ID: p.ID.String(), Roles: roles(p), Capacity: p.Capacity,
			Partitions: counts[i], Draining: p.Draining})
	}
	return out
}

// moving sums up what the nodes that are up have left to take up.
func (n *Node) moving() *api.LayoutMoves {
	var left membership.Health
	own := membership.Card{}
	n.describe(&own)
	all := []membership.Card{own}
	for _, p := range n.members.Peers() {
		if p.Up {
			all = append(all, p.Card)
		}
	}
	for _, c := range all {
		left.Rows += c.Health.Rows
		left.Bytes += c.Health.Bytes
		left.Extents += c.Health.Extents
		left.Rate += c.Health.Rate
		left.Comparing = left.Comparing || c.Health.Comparing
	}
	return n.moves.state(left, n.config.Clock.Now())
}

// notices says a layout's risks to people.
func notices(ws []layout.Warning) []api.Notice {
	var out []api.Notice
	var tight []string
	for _, w := range ws {
		if w.Risk == layout.Tight {
			tight = append(tight, w.Zone)
		}
	}
	for _, w := range ws {
		switch {
		case w.Risk != layout.Tight || len(tight) == 1:
			out = append(out, api.Notice{Err: warning(w)})
		case w.Zone == tight[0]:
			last := len(tight) - 1
			out = append(out, api.Notice{Err: errs.Newf(errs.Conflict, "the homes %s and %s are full first, and keep the space of the others from being used", strings.Join(tight[:last], ", "), tight[last])})
		}
	}
	return out
}

func warning(w layout.Warning) error {
	switch w.Risk {
	case layout.OneHome:
		return errs.Newf(errs.Conflict, "everything lies in one home, %s: if it burns, all is lost. Invite another home", w.Zone)
	case layout.NoThird:
		return errs.New(errs.Conflict, "with two homes and no witness, nothing can be written while one of them is away; what is there can be read. Invite a third, if only a small machine as a witness")
	case layout.FewHomes:
		return errs.Newf(errs.Conflict, "there are too few homes for as many copies as wanted: each byte lies in %d", w.Count)
	case layout.Idle:
		return errs.Newf(errs.Conflict, "%s of the home %s cannot be used, because the other homes offer less", lang.Size(w.Bytes), w.Zone)
	case layout.Tight:
		return errs.Newf(errs.Conflict, "the home %s is full first, and keeps the space of the others from being used", w.Zone)
	case layout.Overfull:
		return errs.Newf(errs.Full, "%s more is stored than fits", lang.Size(w.Bytes))
	}
	return errs.New(errs.Conflict, w.String())
}
