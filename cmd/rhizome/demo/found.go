package demo

import (
	"context"
	"strconv"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

// names are what the homes are called; they name folders too.
func (d *demo) names() []string {
	var out []string
	for _, n := range []string{lang.M("garden"), lang.M("office"), lang.M("attic"), lang.M("cellar"), lang.M("kitchen"), lang.M("workshop"), lang.M("barn"), lang.M("parlour"), lang.M("shed")} {
		out = append(out, d.Say.T(n))
	}
	return out[:d.Homes]
}

// found starts the first home, and the others by its invitations.
func (d *demo) found(ctx context.Context) error {
	d.Tell(d.Say.T("Starting %s homes on this computer, each a node with a folder of its own in %s", strconv.Itoa(d.Homes), d.dir))
	for i, name := range d.names() {
		h, invitation := d.newHome(name), ""
		if i > 0 {
			in, err := d.homes[0].admin.Invite(ctx, api.NewInvitation{Uses: 1, Seconds: 600})
			if err != nil {
				return err
			}
			invitation = in.Text
		}
		if err := h.start(ctx, invitation); err != nil {
			return err
		}
		d.summary.Homes = append(d.summary.Homes, Home{h.name, h.data, h.s3, h.cmd.Process.Pid})
		if i == 0 {
			d.Tell(d.Say.T("  %s is up at %s: rhizome up", h.name, h.s3))
		} else {
			d.Tell(d.Say.T("  %s is up at %s: rhizome invite in %s, then rhizome up --join here", h.name, h.s3, d.homes[0].name))
		}
	}
	return nil
}

// settle waits until every home has its share, and makes the S3 clients.
func (d *demo) settle(ctx context.Context) error {
	took := stopwatch()
	late := errs.New(errs.Unavailable, "the homes did not share the data out among themselves in time")
	err := await(ctx, late, func(ctx context.Context) (bool, error) {
		version := uint64(0)
		for _, h := range d.homes {
			v, err := h.settled(ctx, d.Homes)
			if v == 0 || err != nil || version != 0 && v != version {
				return false, err
			}
			version = v
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	l, err := d.homes[0].admin.Layout(ctx)
	if err != nil {
		return err
	}
	d.Tell(d.Say.T("They shared the data out among themselves in %s s: %s copies of everything, each in another home", d.seconds(took()), strconv.Itoa(l.Effective)))
	key, err := d.homes[0].key(ctx)
	if err == nil {
		d.store, err = newStore(key, d.homes)
	}
	return err
}

// settled returns the version of the layout if the home has taken up its share of it and
// sees all others as up, each with a share; else 0. What it says of the others' progress
// may be old.
func (h *home) settled(ctx context.Context, homes int) (uint64, error) {
	nodes, err := h.admin.Nodes(ctx)
	if err != nil || len(nodes) != homes {
		return 0, err
	}
	l, err := h.admin.Layout(ctx)
	if err != nil {
		return 0, err
	}
	for _, n := range nodes {
		if !n.Up || n.Partitions == 0 || n.Draining || n.This && n.Imported < l.Version {
			return 0, nil
		}
	}
	return l.Version, nil
}

// key returns the first S3 key with its secret.
func (h *home) key(ctx context.Context) (api.Key, error) {
	var all []api.Key
	if err := h.admin.Get(ctx, client.Path("keys"), &all); err != nil {
		return api.Key{}, err
	}
	if len(all) == 0 {
		return api.Key{}, errs.New(errs.NotFound, "the first node has no S3 key")
	}
	var k api.Key
	return k, h.admin.Get(ctx, client.Query(client.Path("keys", all[0].ID), "secret", "true"), &k)
}

// seconds says a short time.
func (d *demo) seconds(s float64) string { return d.Say.Decimal(s, 1) }
