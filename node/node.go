package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/extent"
	"rhizome/cluster/layout"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/disk/kv"
	"rhizome/gateway/admin"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/s3"
	"rhizome/model/account"
	"rhizome/model/object"
)

// Node is an open node. Its methods are safe for concurrent use.
type Node struct {
	config Config
	folder *folder
	keys   *keys
	layout *layout.Layout

	rows     *kv.Store
	disks    *extentstore.Store
	replica  *register.Replica
	regs     *register.Coordinator
	extents  *extent.Store
	accounts *account.Store
	objects  *object.Store

	s3, socket net.Listener
	endpoint   api.Endpoint
	started    time.Time
	member     ident.ID
	first      *account.Key

	damage   ledger
	scrubber *scrubber

	fatal  chan error // a store that can promise nothing more
	undo   []func() error
	closed bool
}

// Open brings a node up as far as listening; see the package's Life. On failure
// everything is given back.
func Open(ctx context.Context, c Config) (*Node, error) {
	n := &Node{config: c, started: c.Clock.Now(), fatal: make(chan error, 1)}
	for _, step := range []func(context.Context) error{
		n.openFolder, n.openStores, n.openModel, n.welcome, n.listen,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, n.Close())
		}
	}
	return n, nil
}

// onClose remembers what undoes a step; the last comes first.
func (n *Node) onClose(f func() error) { n.undo = append(n.undo, f) }

// Close gives everything back. Run does it too; a node that was not run is closed
// with it.
func (n *Node) Close() error {
	if n.closed {
		return nil
	}
	n.closed = true
	var failed error
	for i := len(n.undo) - 1; i >= 0; i-- {
		failed = errors.Join(failed, n.undo[i]())
	}
	return failed
}

func (n *Node) openFolder(context.Context) (err error) {
	if n.folder, err = openFolder(n.config.Data); err != nil {
		return err
	}
	n.onClose(n.folder.close)
	n.keys, err = loadKeys(n.folder)
	return err
}

// openStores opens what is on disk.
func (n *Node) openStores(context.Context) (err error) {
	c := n.config
	n.rows, err = kv.Open(vfs.Default, n.folder.at(rowsDir), kv.Options{Logger: c.Logger, Fatal: n.fail})
	if err != nil {
		return n.rowsError(err)
	}
	n.onClose(n.rows.Close)
	if n.layout, err = loadLayout(n.rows, n.keys.id(), c); err != nil {
		return err
	}
	if err := os.MkdirAll(n.folder.at(diskDir), 0o700); err != nil {
		return errs.Newf(errs.Internal, "the data folder cannot be written: %w", err)
	}
	n.disks, err = extentstore.Open(vfs.Default, n.rows,
		[]extentstore.Disk{{Dir: n.folder.at(diskDir)}},
		extentstore.Options{Capacity: c.Capacity, Logger: c.Logger})
	if err != nil {
		return err
	}
	n.onClose(n.disks.Close)
	n.damage = ledger{n.rows}
	n.scrubber = &scrubber{
		disks: n.disks, rows: n.rows, damage: n.damage, every: c.Scrub, clock: c.Clock, now: make(chan struct{}, 1),
		warn: func(id ident.ID, reason string) {
			c.Logger.Error("the check of stored bytes found damage", "extent", id, "reason", reason)
		},
	}
	if err := n.scrubber.load(); err != nil {
		return err
	}
	n.replica, err = register.OpenReplica(n.rows, n.keys.id(), register.ReplicaOptions{Version: n.layout.Version})
	return err
}

// rowsError says what to do when the row store is damaged.
func (n *Node) rowsError(err error) error {
	if errors.Is(err, errs.Corrupt) {
		return errs.Newf(errs.Corrupt, "%w; make the rows anew with rhizome repair rebuild", err)
	}
	return err
}

// fail is told of a failed log write.
func (n *Node) fail(err error) {
	select {
	case n.fatal <- err:
	default: // one reason is enough to stop
	}
}

// openModel builds the floors above the disks.
func (n *Node) openModel(context.Context) (err error) {
	c := n.config
	n.regs = register.NewCoordinator(register.Config{
		Node:   n.keys.id(),
		Layout: func() *layout.Layout { return n.layout },
		Peer:   n.peer,
		Local:  n.replica,
		Clock:  c.Clock,
	})
	n.onClose(func() error { n.regs.Close(); return nil })
	if n.extents, err = extent.New(n.regs, n.replica, n.disks, c.Logger); err != nil {
		return err
	}
	ring, err := openKeyring(n.folder.at(keysDir))
	if err != nil {
		return err
	}
	n.accounts = account.New(n.regs, n.keys.root, c.Clock)
	n.objects = object.New(object.Config{
		Registers: n.regs, Local: n.replica, Extents: n.extents, Accounts: n.accounts,
		Root: n.keys.root, Keyring: ring, Clock: c.Clock, Logger: c.Logger,
		Ages: object.Ages{Upload: c.Uploads},
	})
	return nil
}

// peer finds a replica: in a rhizome of one node there is this one.
func (n *Node) peer(id ident.NodeID) (register.Peer, error) {
	if id == n.keys.id() {
		return n.replica, nil
	}
	return nil, errs.Newf(errs.Unavailable, "there is no link to node %s", id)
}

// welcome makes the first member and the first key where there are none.
func (n *Node) welcome(ctx context.Context) error {
	members, err := n.accounts.Members(ctx)
	if err != nil {
		return err
	}
	if len(members) > 0 {
		n.member = members[0].ID
		return nil
	}
	m, err := n.accounts.CreateMember(ctx, n.config.Member, true)
	if err != nil {
		return err
	}
	n.member = m.ID
	n.first, err = n.accounts.CreateKey(ctx, n.config.KeyName, m.ID, true)
	return err
}

func (n *Node) listen(context.Context) (err error) {
	if n.s3, err = listenS3(n.config); err != nil {
		return err
	}
	n.onClose(func() error { return closeOnce(n.s3) })
	n.endpoint = endpoint(n.config, n.s3)
	if n.socket, err = admin.Listen(n.folder.path); err != nil {
		return err
	}
	n.onClose(func() error { return closeOnce(n.socket) })
	return nil
}

// closeOnce closes a listener that a server may have closed already.
func closeOnce(ln net.Listener) error {
	if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// S3 says where S3 is. FirstKey is the key that this start made, nil if it is not the
// first one. Data is the data folder.
func (n *Node) S3() api.Endpoint       { return n.endpoint }
func (n *Node) FirstKey() *account.Key { return n.first }
func (n *Node) Data() string           { return n.folder.path }

// Run serves until ctx ends or something fails, then closes the node. It returns nil
// when it was ctx.
func (n *Node) Run(ctx context.Context) error {
	c := n.config
	api := admin.New(admin.Config{
		Keys: n.accounts, Buckets: n.objects, Objects: n.objects, Locator: n, Host: n,
		Clock: c.Clock, Logger: c.Logger,
	})
	front := s3.NewServer(s3.New(s3.Config{
		Objects: n.objects, Keys: n.accounts.Key, Clock: c.Clock,
		Domains: c.Domains, Region: c.Region, Logger: c.Logger,
	}))
	front.ErrorLog = slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug)
	c.Logger.Info("the node is up", "s3", n.endpoint.URL, "data", n.folder.path, "node", n.keys.id())
	err := supervise(ctx, []service{
		{"S3", serve(front, n.s3, c.Logger)},
		{"admin", serve(api.HTTP(), n.socket, c.Logger)},
		{"rows", n.regs.Run},
		{"objects", n.objects.Run},
		{"scrub", n.scrubber.run},
		{"sweep", n.sweep},
		{"disks", n.watchDisks},
	})
	c.Logger.Info("the node stops")
	return errors.Join(err, n.Close())
}

// watchDisks ends the node when the row store can promise nothing more.
func (n *Node) watchDisks(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-n.fatal:
		return err
	}
}
