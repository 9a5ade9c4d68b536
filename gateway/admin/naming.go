package admin

import (
	"context"
	"regexp"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// shortest is the least number of digits of an ID that people are shown, and leastPrefix
// of those that they may give.
const (
	shortest    = 8
	leastPrefix = 4
)

// called is what people call a node.
type called struct{ short, name string }

// naming is how the nodes of a rhizome are called, by their IDs.
type naming map[string]called

// nameNodes fills in the Short and Name of nodes.
func nameNodes(nodes []api.Node) naming {
	inHome := map[string]int{}
	for _, n := range nodes {
		inHome[n.Home]++
	}
	names := naming{}
	for i := range nodes {
		n := &nodes[i]
		n.Short = n.ID[:unshared(nodes, i)]
		n.Name = n.Home
		if inHome[n.Home] > 1 {
			n.Name = n.Home + "/" + n.Short
		}
		names[n.ID] = called{n.Short, n.Name}
	}
	return names
}

// unshared is how many digits of a node's ID it takes to tell it from the others.
func unshared(nodes []api.Node, i int) int {
	id, length := nodes[i].ID, shortest
	for j, other := range nodes {
		for j != i && length < len(id) && strings.HasPrefix(other.ID, id[:min(length, len(id))]) {
			length++
		}
	}
	return min(length, len(id))
}

// of returns what a node is called, also one that left.
func (n naming) of(id, home string) called {
	if c, ok := n[id]; ok {
		return c
	}
	short := id[:min(shortest, len(id))]
	return called{short, home + "/" + short}
}

// withGone returns the names with those of nodes that left, which layouts tell of: the home,
// if no other node ever stood there.
func (n naming) withGone(history []api.LayoutVersion) naming {
	stood, out := map[string]map[string]bool{}, naming{}
	for id, c := range n {
		out[id] = c
		home, _, _ := strings.Cut(c.name, "/")
		stood[home] = map[string]bool{id: true, c.name: true}
	}
	for _, v := range history {
		for _, e := range v.Events {
			if e.Node == "" {
				continue
			}
			if stood[e.Home] == nil {
				stood[e.Home] = map[string]bool{}
			}
			if _, there := n[e.Node]; !there {
				stood[e.Home][e.Node] = true
			}
		}
	}
	for _, v := range history {
		for _, e := range v.Events {
			if _, known := out[e.Node]; !known && e.Node != "" && len(stood[e.Home]) == 1 {
				out[e.Node] = called{e.Node[:min(shortest, len(e.Node))], e.Home}
			}
		}
	}
	return out
}

// wholeID is the ID of a node.
var wholeID = regexp.MustCompile(`[0-9a-f]{64}`)

// in writes the names of nodes in place of their IDs.
func (n naming) in(text string) string {
	return wholeID.ReplaceAllStringFunc(text, func(id string) string {
		if c, ok := n[id]; ok {
			return c.name
		}
		return id
	})
}

// pickNode finds the node that a person means: by its ID, the beginning of it, its name,
// or its home if that has one node.
func pickNode(nodes []api.Node, ref string) (*api.Node, error) {
	var begins, stands []*api.Node
	for i := range nodes {
		n := &nodes[i]
		if n.ID == ref || n.Name == ref {
			return n, nil
		}
		if n.Home == ref {
			stands = append(stands, n)
		}
		if len(ref) >= leastPrefix && strings.HasPrefix(n.ID, strings.ToLower(ref)) {
			begins = append(begins, n)
		}
	}
	switch {
	case len(stands) > 1:
		return nil, errs.Newf(errs.Invalid, "the home %q has %d nodes: say which by its name or ID, see rhizome node list", ref, len(stands))
	case len(begins) > 1:
		return nil, errs.Newf(errs.Invalid, "the IDs of %d nodes begin with %q: give more of it", len(begins), ref)
	case len(begins) == 1:
		return begins[0], nil
	}
	return nil, errs.Newf(errs.NotFound, "there is no node %q: see rhizome node list", ref)
}

// nodes returns the nodes with their names.
func (s *Server) nodes(ctx context.Context) ([]api.Node, naming, error) {
	nodes, err := s.Cluster.Nodes(ctx)
	if err != nil {
		return nil, nil, err
	}
	now := s.Clock.Now()
	for i := range nodes {
		if n := &nodes[i]; n.Since != nil {
			n.Seconds = int64(max(0, now.Sub(*n.Since)) / time.Second)
		}
	}
	return nodes, nameNodes(nodes), nil
}

// pickInvitation finds an invitation by its ID or the beginning of it.
func pickInvitation(all []api.Invitation, ref string) (*api.Invitation, error) {
	var found []*api.Invitation
	for k := range all {
		i := &all[k]
		if i.ID == ref {
			return i, nil
		}
		if len(ref) >= leastPrefix && strings.HasPrefix(i.ID, strings.ToLower(ref)) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return nil, errs.Newf(errs.NotFound, "there is no invitation %q: see rhizome invite list", ref)
	case 1:
		return found[0], nil
	}
	return nil, errs.Newf(errs.Invalid, "the IDs of %d invitations begin with %q: give more of it", len(found), ref)
}
