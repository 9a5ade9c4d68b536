package client

import (
	"context"

	"rhizome/gateway/admin/api"
)

// Invite makes an invitation; only this answer has its Text.
func (c *Client) Invite(ctx context.Context, n api.NewInvitation) (api.Invitation, error) {
	return answer[api.Invitation](func(out any) error { return c.Post(ctx, Path("invitations"), n, out) })
}

// Invitations returns all, the newest first.
func (c *Client) Invitations(ctx context.Context) ([]api.Invitation, error) {
	return answer[[]api.Invitation](func(out any) error { return c.Get(ctx, Path("invitations"), out) })
}

// RevokeInvitation ends one, by its ID or the beginning of it.
func (c *Client) RevokeInvitation(ctx context.Context, id string) error {
	return c.Delete(ctx, Path("invitations", id), nil)
}

// Nodes returns the nodes.
func (c *Client) Nodes(ctx context.Context) ([]api.Node, error) {
	return answer[[]api.Node](func(out any) error { return c.Get(ctx, Path("nodes"), out) })
}

// AddAddress says where a node may be found.
func (c *Client) AddAddress(ctx context.Context, a api.NodeAddress) (api.NodeAnswers, error) {
	return answer[api.NodeAnswers](func(out any) error { return c.Post(ctx, Path("nodes", "address"), a, out) })
}

// Layout returns the present layout.
func (c *Client) Layout(ctx context.Context) (api.Layout, error) {
	return answer[api.Layout](func(out any) error { return c.Get(ctx, Path("layout"), out) })
}

// History returns the layouts that are known, the newest first.
func (c *Client) History(ctx context.Context) ([]api.LayoutVersion, error) {
	return answer[[]api.LayoutVersion](func(out any) error { return c.Get(ctx, Path("layout", "history"), out) })
}

// Preview says what a change would do.
func (c *Client) Preview(ctx context.Context, change api.LayoutChange) (api.Plan, error) {
	return answer[api.Plan](func(out any) error { return c.Post(ctx, Path("layout", "preview"), change, out) })
}

// Change makes a change whose Base is that of its Plan.
func (c *Client) Change(ctx context.Context, change api.LayoutChange) (api.Layout, error) {
	return answer[api.Layout](func(out any) error { return c.Post(ctx, Path("layout", "change"), change, out) })
}

// PreviewRecover says what going on without some nodes would lose.
func (c *Client) PreviewRecover(ctx context.Context, r api.Recover) (api.RecoverPlan, error) {
	return answer[api.RecoverPlan](func(out any) error { return c.Post(ctx, Path("layout", "recover", "preview"), r, out) })
}

// Recover goes on without the nodes that are gone.
func (c *Client) Recover(ctx context.Context, r api.Recover) (api.Layout, error) {
	return answer[api.Layout](func(out any) error { return c.Post(ctx, Path("layout", "recover"), r, out) })
}

// Limits returns the node's limits.
func (c *Client) Limits(ctx context.Context) (api.Limits, error) {
	return answer[api.Limits](func(out any) error { return c.Get(ctx, Path("limits"), out) })
}

// SetLimits replaces them all and returns them.
func (c *Client) SetLimits(ctx context.Context, l api.Limits) (api.Limits, error) {
	return answer[api.Limits](func(out any) error { return c.Put(ctx, Path("limits"), l, out) })
}

// answer makes a call and returns what it decoded.
func answer[T any](call func(out any) error) (T, error) {
	var out T
	err := call(&out)
	return out, err
}
