package node

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/cluster/register"
	"rhizome/gateway/admin"
	"rhizome/model/account"
	"rhizome/model/hook"
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

// hasWebhook fails with errs.NotFound if there is no webhook of that name that buckets of a key's
// member may be told to: the member's own, an administrator all.
func (n *Node) hasWebhook(ctx context.Context, name string, k *account.Key) error {
	w, err := n.hooks.Webhook(ctx, name)
	switch {
	case err != nil:
		return err
	case k == nil || k.Member.IsZero():
		return hook.ErrUnknown
	case k.Member == w.Owner:
		return nil
	}
	m, err := n.accounts.Member(ctx, k.Member)
	if errors.Is(err, errs.NotFound) || err == nil && !m.Admin {
		return hook.ErrUnknown
	}
	return err
}

// ownsWebhook refuses whose webhook it is not.
func (n *Node) ownsWebhook(ctx context.Context, w *hook.Webhook) error {
	admin, err := n.isAdmin(ctx)
	if err == nil && !admin && w.Owner != n.operator() {
		err = errs.New(errs.Denied, "that is somebody else's: only its owner, or an administrator, may do this")
	}
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
