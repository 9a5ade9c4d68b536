// Package fake is a rhizome of several homes that exists in memory alone: the backend
// of tests of the admin API and of the command line. It keeps what it is told and
// computes nothing: plans are what a test sets. It is safe for concurrent use.
package fake

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// Cluster is an admin.Cluster. The fields are set before it is used.
type Cluster struct {
	List   []api.Node
	Plan   api.Plan
	Losing api.RecoverPlan
	Past   []api.LayoutVersion
	Now    time.Time

	mu      sync.Mutex
	Present api.Layout
	Invited []api.Invitation
	Limited api.Limits
	// Changes and Recovered are what was done.
	Changes   []api.LayoutChange
	Recovered []api.Recover
	Placed    []api.NodeAddress
}

// Homes returns a Cluster with a node in each of the homes, all of them up; the IDs are
// 64 times one digit, 1 for the first, which is the one that is asked.
func Homes(now time.Time, names ...string) *Cluster {
	c := &Cluster{Now: now, Present: api.Layout{Version: 7, Lineage: strings.Repeat("ab", 16), Replicas: 3, Effective: min(3, len(names)), Copies: min(3, len(names)), Partitions: 1024, Usable: 1e12}}
	since := now.Add(-72 * time.Hour)
	for i, name := range names {
		id := strings.Repeat(string(rune('1'+i)), 64)
		c.List = append(c.List, api.Node{ID: id, Home: name, Roles: []string{api.RoleStorage}, This: i == 0, Up: true, Since: &since,
			Release: "1.0", Addresses: []string{"192.0.2.1:3901"}, Capacity: 2e12, Used: 5e11, Free: 1.5e12, Partitions: 1024, Imported: 7})
		c.Present.Homes = append(c.Present.Homes, api.HomeShare{Name: name, Capacity: 2e12,
			Nodes: []api.NodeShare{{ID: id, Roles: []string{api.RoleStorage}, Capacity: 2e12, Partitions: 1024}}})
	}
	return c
}

// Invite makes an invitation with the ID c0…, c1… and so on.
func (c *Cluster) Invite(_ context.Context, n api.NewInvitation) (api.Invitation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := api.Invitation{ID: "c" + string(rune('0'+len(c.Invited))) + strings.Repeat("0", 30), State: api.InvitationOpen,
		Created: c.Now, Expires: c.Now.Add(time.Duration(n.Seconds) * time.Second), Uses: n.Uses, Operator: n.Operator, Joined: []string{}}
	c.Invited = append(c.Invited, i)
	i.Text = "rhizome-invitation-" + strings.Repeat("x", 100)
	return i, nil
}

// Invitations returns all.
func (c *Cluster) Invitations(context.Context) ([]api.Invitation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.Invited), nil
}

// RevokeInvitation ends one.
func (c *Cluster) RevokeInvitation(_ context.Context, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.Invited {
		if c.Invited[i].ID == id {
			c.Invited[i].State = "revoked"
			return nil
		}
	}
	return errs.New(errs.NotFound, "there is no such invitation")
}

// Nodes returns copies of List.
func (c *Cluster) Nodes(context.Context) ([]api.Node, error) { return slices.Clone(c.List), nil }

// AddAddress notes the address; the node answers if it is up.
func (c *Cluster) AddAddress(_ context.Context, a api.NodeAddress) (api.NodeAnswers, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Placed = append(c.Placed, a)
	for _, n := range c.List {
		if n.ID == a.Node && n.Up {
			return api.NodeAnswers{Answers: true}, nil
		}
	}
	return api.NodeAnswers{Err: errs.New(errs.Unavailable, "the other node does not answer")}, nil
}

// Layout returns a copy of Present.
func (c *Cluster) Layout(context.Context) (api.Layout, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.Present
	l.Homes = slices.Clone(l.Homes)
	for i := range l.Homes {
		l.Homes[i].Nodes = slices.Clone(l.Homes[i].Nodes)
	}
	return l, nil
}

// History returns Past.
func (c *Cluster) History(context.Context) ([]api.LayoutVersion, error) {
	return slices.Clone(c.Past), nil
}

// Preview returns Plan for the present version.
func (c *Cluster) Preview(_ context.Context, change api.LayoutChange) (api.Plan, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.Plan
	p.Base = c.Present.Version
	return p, c.meant(change.Base)
}

func (c *Cluster) meant(base uint64) error {
	if base != 0 && base != c.Present.Version {
		return errs.New(errs.Conflict, "somebody else changed the layout meanwhile: look at the plan again")
	}
	return nil
}

// Change notes the change and raises the version.
func (c *Cluster) Change(ctx context.Context, change api.LayoutChange) (api.Layout, error) {
	c.mu.Lock()
	err := c.meant(change.Base)
	if err == nil {
		c.Changes = append(c.Changes, change)
		c.Present.Version++
	}
	c.mu.Unlock()
	if err != nil {
		return api.Layout{}, err
	}
	return c.Layout(ctx)
}

// PreviewRecover returns Losing for the present version.
func (c *Cluster) PreviewRecover(_ context.Context, r api.Recover) (api.RecoverPlan, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.Losing
	p.Base = c.Present.Version
	return p, c.meant(r.Base)
}

// Recover notes what is gone.
func (c *Cluster) Recover(ctx context.Context, r api.Recover) (api.Layout, error) {
	c.mu.Lock()
	err := c.meant(r.Base)
	if err == nil {
		c.Recovered = append(c.Recovered, r)
		c.Present.Version++
	}
	c.mu.Unlock()
	if err != nil {
		return api.Layout{}, err
	}
	return c.Layout(ctx)
}

// Limits returns those that were set.
func (c *Cluster) Limits(context.Context) (api.Limits, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Limited, nil
}

// SetLimits keeps them.
func (c *Cluster) SetLimits(_ context.Context, l api.Limits) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Limited = l
	return nil
}
