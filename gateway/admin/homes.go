package admin

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rhizome/gateway/admin/api"
)

// cluster is what the status tells of the other nodes.
type cluster struct {
	nodes  []api.Node
	homes  []api.Home
	layout api.Layout
	// lone: a node refuses this one and none takes it in, or it has just started and met none: who seems
	// lost may be well, and nothing is said of giving them up.
	lone bool
}

// meet is how long a node that has started looks for the others before it says what to do if
// they are lost: one that was itself declared lost hears so within that time.
const meet = 2 * time.Minute

// young reports whether this node may not have met the others yet.
func (c cluster) young(started, now time.Time) bool {
	age := now.Sub(started)
	return c.onlyOneUp() && age >= 0 && age < meet
}

// lookAround asks for the nodes and the layout; nothing is known without a Cluster.
func (s *Server) lookAround(ctx context.Context) (cluster, error) {
	if s.Cluster == nil {
		return cluster{homes: []api.Home{}}, nil
	}
	nodes, _, err := s.nodes(ctx)
	if err != nil {
		return cluster{}, err
	}
	l, err := s.Cluster.Layout(ctx)
	return cluster{nodes: nodes, homes: homesOf(nodes), layout: l}, err
}

// homesOf sums nodes up by home, in the order of the homes' names.
func homesOf(nodes []api.Node) []api.Home {
	sums := map[string]*api.Home{}
	for _, n := range nodes {
		h := sums[n.Home]
		if h == nil {
			h = &api.Home{Name: n.Home}
			sums[n.Home] = h
		}
		h.Nodes++
		h.This = h.This || n.This
		if !n.Up {
			h.Away++
		}
		h.Used += n.Used
		h.Free += n.Free
	}
	out := make([]api.Home, 0, len(sums))
	for _, h := range sums {
		h.State = stateOf(*h)
		h.Witness = witnesses(nodes, h.Name)
		h.Since, h.Seconds = sinceOf(nodes, *h)
		out = append(out, *h)
	}
	slices.SortFunc(out, func(a, b api.Home) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func stateOf(h api.Home) string {
	switch h.Away {
	case 0:
		return api.HomeUp
	case h.Nodes:
		return api.HomeAway
	}
	return api.HomePart
}

// witnesses reports whether the home votes and keeps no bytes.
func witnesses(nodes []api.Node, home string) bool {
	votes := false
	for _, n := range nodes {
		if n.Home != home {
			continue
		}
		if slices.Contains(n.Roles, api.RoleStorage) {
			return false
		}
		votes = votes || slices.Contains(n.Roles, api.RoleWitness)
	}
	return votes
}

// sinceOf is when the home came to be as it is: when the last of its nodes that make it
// so came or went, and how many seconds ago.
func sinceOf(nodes []api.Node, h api.Home) (since *time.Time, seconds int64) {
	for _, n := range nodes {
		if n.Home == h.Name && n.Up == (h.State == api.HomeUp) && n.Since != nil && (since == nil || n.Since.After(*since)) {
			since, seconds = n.Since, n.Seconds
		}
	}
	return since, seconds
}

// mendingOf are the nodes with something left to do.
func mendingOf(nodes []api.Node, now time.Time) []api.Mending {
	out := []api.Mending{}
	for _, n := range nodes {
		h := n.Health
		if !n.Up || h.PartitionsLeft == 0 && h.ExtentsLeft == 0 && h.BytesLeft == 0 {
			continue
		}
		m := api.Mending{Node: n.ID, Name: n.Name, Partitions: h.PartitionsLeft, Extents: h.ExtentsLeft, Bytes: h.BytesLeft, Rate: h.Rate}
		if h.Rate > 0 && h.BytesLeft > 0 && h.BytesLeft/h.Rate < maxForecast {
			until := now.Add(time.Duration(h.BytesLeft/h.Rate) * time.Second)
			m.Until = &until
		}
		out = append(out, m)
	}
	return out
}

// maxForecast is the longest time that is foretold, in seconds: ten years.
const maxForecast = 10 * 365 * 24 * 3600
