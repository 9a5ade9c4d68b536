package node

import (
	"context"
	"encoding/hex"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/lang"
	"rhizome/cluster/layout"
	"rhizome/gateway/admin"
	"rhizome/gateway/admin/api"
)

// changesOf returns what a person's change means. operator is who runs the node after
// api.ChangeOperator.
func changesOf(c api.LayoutChange, operator ident.ID) ([]layout.Change, error) {
	if c.Kind == api.ChangeReplicas {
		return []layout.Change{layout.Set(layout.Settings{Replicas: c.Replicas, Zones: c.Zones})}, nil
	}
	id, err := nodeID(c.Node)
	if err != nil {
		return nil, err
	}
	switch c.Kind {
	case api.ChangeCapacity:
		// A witness that is given room keeps data from then on; one that is given none is a gateway.
		return []layout.Change{layout.Witness(id, false), layout.Capacity(id, c.Capacity)}, nil
	case api.ChangeZone:
		return []layout.Change{layout.Zone(id, c.Zone)}, nil
	case api.ChangeOperator:
		return []layout.Change{layout.Operator(id, operator)}, nil
	case api.ChangeDrain:
		return []layout.Change{layout.Drain(id, true)}, nil
	case api.ChangeUndrain:
		return []layout.Change{layout.Drain(id, false)}, nil
	case api.ChangeWitness:
		return []layout.Change{layout.Capacity(id, 0), layout.Witness(id, true)}, nil
	case api.ChangeRemove:
		if c.Lost {
			return []layout.Change{layout.RemoveLost(id)}, nil
		}
		return []layout.Change{layout.Remove(id)}, nil
	}
	return nil, errs.Newf(errs.Invalid, "there is no change of the layout called %q", c.Kind)
}

func nodeID(text string) (ident.NodeID, error) {
	var id ident.NodeID
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(id) {
		return id, errs.Newf(errs.Invalid, "%q is not the ID of a node", text)
	}
	copy(id[:], raw)
	return id, nil
}

// Preview implements admin.Cluster.
func (n *Node) Preview(ctx context.Context, c api.LayoutChange) (api.Plan, error) {
	changes, err := changesOf(c, n.member) // whoever runs it, the same moves
	if err != nil {
		return api.Plan{}, err
	}
	l := n.members.Layout()
	if c.Base != 0 && c.Base != l.Version {
		return api.Plan{}, errs.New(errs.Conflict, "the layout changed meanwhile: look at it, and try again")
	}
	next, err := layout.Next(l, changes...)
	if err != nil && errs.KindOf(err) == errs.Conflict {
		return api.Plan{Base: l.Version, Nodes: []api.PlanNode{}, Refused: &api.Notice{Err: err}}, nil
	}
	if err != nil {
		return api.Plan{}, err
	}
	switch c.Kind {
	case api.ChangeDrain, api.ChangeUndrain, api.ChangeZone, api.ChangeWitness:
		if slices.Equal(l.Nodes, next.Nodes) {
			return api.Plan{Base: l.Version, Nodes: []api.PlanNode{}, Already: true}, nil
		}
	}
	if c.Kind == api.ChangeRemove && !c.Lost { // said before a plan is shown and somebody asked
		if err := n.mayGo(ctx, c.Node); err != nil {
			return api.Plan{Base: l.Version, Nodes: []api.PlanNode{}, Refused: &api.Notice{Err: err}}, nil
		}
	}
	return n.plan(l, next), nil
}

func (n *Node) plan(l, next *layout.Layout) api.Plan {
	each := n.bytesPerPartition(l)
	p := layout.Compare(l, next, func(int) int64 { return each })
	was := layout.Compare(l, l, nil)
	out := api.Plan{
		Base: l.Version, Nodes: []api.PlanNode{}, Partitions: len(p.Changed), Move: p.Bytes, Seconds: n.moves.seconds(p.Bytes),
		UsableBefore: p.UsableBefore, UsableAfter: p.Usable, ReplicasBefore: was.Replicas, ReplicasAfter: p.Replicas,
		CopiesBefore: l.Copies(), CopiesAfter: next.Copies(),
		Warn: notices(p.Warnings),
	}
	bytes := func(l *layout.Layout, id ident.NodeID, partitions int) int64 {
		if x := l.Node(id); x == nil || x.Witness {
			return 0
		}
		return int64(partitions) * each
	}
	for _, np := range p.Nodes {
		out.Nodes = append(out.Nodes, api.PlanNode{ID: np.ID.String(), Home: np.Zone, Gone: next.Node(np.ID) == nil,
			PartitionsBefore: np.Before, PartitionsAfter: np.After,
			BytesBefore: bytes(l, np.ID, np.Before), BytesAfter: bytes(next, np.ID, np.After)})
	}
	return out
}

// bytesPerPartition is what a partition holds, each byte counted once, by what the nodes
// say that they hold.
func (n *Node) bytesPerPartition(l *layout.Layout) int64 {
	var used int64
	copies := 0
	for i, c := range partitionCounts(l) {
		if l.Nodes[i].Witness {
			continue
		}
		copies += c
		if l.Nodes[i].ID == n.keys.id() {
			for _, d := range n.disks.Disks() {
				used += d.Live
			}
		} else if card, ok := n.members.Card(l.Nodes[i].ID); ok {
			used += card.Used
		}
	}
	if copies == 0 {
		return 0
	}
	return used / int64(copies)
}

// Change implements admin.Cluster.
func (n *Node) Change(ctx context.Context, c api.LayoutChange) (api.Layout, error) {
	if err := n.mayChange(ctx, c); err != nil {
		return api.Layout{}, err
	}
	var operator ident.ID
	if c.Kind == api.ChangeOperator {
		m, err := n.memberNamed(ctx, c.Operator)
		if err != nil {
			return api.Layout{}, err
		}
		operator = m.ID
	}
	changes, err := changesOf(c, operator)
	if err == nil && c.Kind == api.ChangeRemove && !c.Lost {
		err = n.mayGo(ctx, c.Node)
	}
	if err != nil {
		return api.Layout{}, err
	}
	if _, err := n.members.Change(ctx, c.Base, func(*layout.Layout) []layout.Change { return changes }); err != nil {
		return api.Layout{}, err
	}
	return n.Layout(ctx)
}

// mayGo refuses to take a node out that may have the only copy of something: it has
// partitions no more, but says that it still holds bytes, or rows that others are yet to
// import, or says nothing, or has not heard that others are to have them.
func (n *Node) mayGo(ctx context.Context, text string) error {
	id, err := nodeID(text)
	if err != nil {
		return err
	}
	if id == n.keys.id() {
		return errs.New(errs.Conflict, "a node cannot be taken out through itself: ask another node")
	}
	if err := n.members.Exchange(ctx, id); err != nil {
		return errs.Newf(errs.Conflict, "the node does not answer, so that nobody can say whether others have all that it has. Wait until it is back, or say that it is lost with rhizome node remove --lost: %w", err)
	}
	card, _ := n.members.Card(id)
	switch {
	case card.Layout < n.members.Layout().Version:
		return errs.New(errs.Conflict, "the node has not taken up the newest layout yet: try again in a moment")
	case card.Health.Kept > 0:
		return errs.Newf(errs.Conflict, "the node still keeps rows of %d slices that others are taking over: wait until they have them", card.Health.Kept)
	case card.Used > 0:
		return errs.Newf(errs.Conflict, "the node still holds %s that others are fetching: wait until it is empty", lang.Size(card.Used))
	}
	return nil
}

// PreviewRecover implements admin.Cluster.
func (n *Node) PreviewRecover(_ context.Context, r api.Recover) (api.RecoverPlan, error) {
	l := n.members.Layout()
	gone, err := n.goneNodes(l, r)
	if err != nil {
		return api.RecoverPlan{}, err
	}
	next, err := layout.Next(l, layout.Recover(ident.New(), gone...))
	if err != nil && errs.KindOf(err) == errs.Conflict {
		return api.RecoverPlan{Base: l.Version, Nodes: []api.PlanNode{}, Partitions: len(l.Assigned), Refused: &api.Notice{Err: err}}, nil
	}
	if err != nil {
		return api.RecoverPlan{}, err
	}
	plan := n.plan(l, next)
	return api.RecoverPlan{Base: l.Version, Nodes: plan.Nodes, Partitions: len(l.Assigned),
		Loss: admin.LossOf(l, func(id ident.NodeID) bool { return slices.Contains(gone, id) }), Warn: plan.Warn}, nil
}

func (n *Node) goneNodes(l *layout.Layout, r api.Recover) ([]ident.NodeID, error) {
	if r.Base != 0 && r.Base != l.Version {
		return nil, errs.New(errs.Conflict, "the layout changed meanwhile: look at it, and try again")
	}
	var gone []ident.NodeID
	for _, text := range r.Gone {
		id, err := nodeID(text)
		if err != nil {
			return nil, err
		}
		if id == n.keys.id() {
			return nil, errs.New(errs.Invalid, "the node that is asked cannot be among those that are gone")
		}
		gone = append(gone, id)
	}
	return gone, n.notRefusing(l, gone)
}

// notRefusing fails if one of those that are to be gone answers, and takes this node for no
// member: then it is this node that was left behind. Of two histories people choose.
func (n *Node) notRefusing(l *layout.Layout, gone []ident.NodeID) error {
	for _, p := range n.members.Peers() {
		if p.Refuses && p.Apart == nil && slices.Contains(gone, p.Node) {
			return errs.Newf(errs.Conflict, "the home %s is not lost: it answers, and says that this node was removed from the rhizome, or declared lost there. Move this node's data folder away and join with a new invitation; if it is the other home that is to be given up, stop its node first", homesWith(l, []ident.NodeID{p.Node}))
		}
	}
	return nil
}

// Recover implements admin.Cluster.
func (n *Node) Recover(ctx context.Context, r api.Recover) (api.Layout, error) {
	gone, err := n.goneNodes(n.members.Layout(), r)
	if err != nil {
		return api.Layout{}, err
	}
	if err := n.mayAll(ctx); err != nil {
		return api.Layout{}, err
	}
	if _, err := n.members.Recover(ctx, r.Base, gone...); err != nil {
		return api.Layout{}, err
	}
	return n.Layout(ctx)
}

// History implements admin.Cluster.
func (n *Node) History(context.Context) ([]api.LayoutVersion, error) {
	chain := n.members.Chain()
	out := []api.LayoutVersion{}
	for l := chain.Latest(); l != nil; l = chain.Prior(l.Version) {
		out = append(out, api.LayoutVersion{Version: l.Version, Lineage: l.Lineage.String(), Time: n.learnedAt(l.Version), Events: admin.EventsOf(chain.Prior(l.Version), l)})
	}
	return out, nil
}
