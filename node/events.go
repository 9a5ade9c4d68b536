package node

import (
	"context"

	"rhizome/cluster/register"
	"rhizome/gateway/admin"
	"rhizome/net/rpc"
)

// posted is told of the rows of the outbox that this node takes.
func (n *Node) posted(_ register.Row, v *register.Value, _ bool) {
	if d := n.events.Load(); d != nil && v != nil {
		d.Wake()
	}
}

// tell tells webhooks of events.
func (n *Node) tell(ctx context.Context) error {
	return n.events.Load().Run(rpc.Behind(ctx))
}

// hasWebhook fails with errs.NotFound if there is no webhook of that name.
func (n *Node) hasWebhook(ctx context.Context, name string) error {
	_, err := n.hooks.Webhook(ctx, name)
	return err
}

// webhookState is how a webhook is, as this node sees it.
func (n *Node) webhookState(name string) admin.WebhookState {
	return admin.WebhookState(n.events.Load().State(name))
}
