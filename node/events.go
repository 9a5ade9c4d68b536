package node

import (
	"context"

	"rhizome/cluster/register"
	"rhizome/gateway/admin"
	"rhizome/model/object"
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

// eventCounts are the metrics of events.
func (n *Node) eventCounts() (waiting, told, failed int64) {
	waiting, err := n.replica.PendingCount(context.Background(), object.Outbox)
	if err != nil {
		n.config.Logger.Warn("the events that wait could not be counted", "error", err)
	}
	told, failed = n.events.Load().Counts()
	return waiting, told, failed
}
