package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/extent"
	"rhizome/cluster/membership"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/disk/keyring"
	"rhizome/disk/kv"
	"rhizome/gateway/admin"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/metrics"
	"rhizome/gateway/events"
	"rhizome/gateway/replicate"
	"rhizome/gateway/s3"
	"rhizome/gateway/s3/checksum"
	"rhizome/gateway/web"
	"rhizome/model/accesslog"
	"rhizome/model/account"
	"rhizome/model/hook"
	"rhizome/model/inventory"
	"rhizome/model/object"
	"rhizome/model/remote"
	"rhizome/model/site"
	"rhizome/node/repair"
)

// Node is an open node. Its methods are safe for concurrent use.
type Node struct {
	config Config
	folder *folder
	keys   *keys
	guard  guard
	links  Transport
	// linking guards linked: the links are open.
	linking sync.Mutex
	linked  bool
	limited chan struct{} // the limits changed
	relaid  chan struct{} // a layout was adopted

	// adopting guards adopted: the newest layout that the floors below were given.
	adopting sync.Mutex
	adopted  uint64
	opened   atomic.Bool   // the stores are open: layouts and links are their matter
	trusted  chan struct{} // closed when the others were asked whether this node may take part

	rows        *kv.Store
	members     *membership.Members
	disks       *extentstore.Store
	replica     *register.Replica
	regs        *register.Coordinator
	extents     *extent.Store
	accounts    *account.Store
	objects     *object.Store
	sites       *site.Store
	hooks       *hook.Store
	logs        *accesslog.Log
	inventories *inventory.Store
	front       atomic.Pointer[http.Handler] // S3's gateway, once it runs
	events      atomic.Pointer[events.Deliverer]
	remotes     *remote.Store
	replicator  atomic.Pointer[replicate.Replicator]

	s3, socket net.Listener
	scrapes    net.Listener // of the metrics; nil: none
	webs       net.Listener // of web sites; nil: none
	webRest    atomic.Pointer[*web.Server]
	endpoint   api.Endpoint
	started    time.Time
	member     ident.ID
	first      *account.Key

	damage    ledger
	scrubber  *extentstore.Scrubber
	ring      *keyring.Ring
	snapshots *repair.Snapshotter
	wanted    chan struct{} // a whole check was asked for
	copies    chan struct{} // a snapshot is wanted before its day
	due       chan struct{} // the next window of the check
	again     chan struct{} // damage may be whole again
	requests  flights
	waking    waking
	leap      leap
	strangers door // who asks to join
	moves     moves
	// rowDamage is the last damage that the row store met; nil once a check of all rows
	// found none.
	rowDamage atomic.Pointer[error]
	faults    sync.Mutex // held while what is remembered of damaged rows changes

	fatal  chan error // a store that can promise nothing more
	undo   []func() error
	unused bool // Config.Join, because the node belongs to a rhizome already
	closed bool
	// refused names the homes that said at the start that this node is no member.
	refused string
	// outcast: by what the others say now, this node is no member.
	outcast atomic.Bool
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
	if err := repair.Guard(vfs.Default, n.folder.path); err != nil {
		return err
	}
	fresh, err := n.folder.empty()
	if err != nil {
		return err
	}
	if n.folder.bare, err = n.folder.keyless(); err != nil {
		return err
	}
	if fresh && n.folder.bare {
		if err := n.mayBegin(); err != nil {
			return err
		}
	}
	n.folder.bare = false
	if err := n.keepInvitation(fresh); err != nil {
		return err
	}
	t, err := n.folder.invitation()
	if err != nil {
		return err
	}
	n.keys, err = loadKeys(n.folder, fresh, t != nil)
	return err
}

// openRows opens the row store.
func (n *Node) openRows(context.Context) (err error) {
	n.rows, err = kv.Open(vfs.Default, n.folder.at(rowsDir), kv.Options{
		MaxCacheBytes: maxCache(memoryBytes()), CacheSized: n.config.CacheSized, OpenFiles: rowFiles(fileLimit()),
		Logger: n.config.Logger, Fatal: n.fail, Damaged: n.rowsDamaged, NoteAfter: noteAfter,
	})
	if err == nil {
		n.onClose(n.rows.Close)
	}
	return err
}

// openStores opens what is on disk beside the rows.
func (n *Node) openStores(ctx context.Context) (err error) {
	c := n.config
	if err = checkRoot(n.rows, n.keys.root); err != nil {
		return err
	}
	n.snapshots = &repair.Snapshotter{
		FS: vfs.Default, Data: n.folder.path, Rows: n.rows, Node: n.keys.id(),
		Layout: n.members.Layout, Disks: n.usableDisks, Recheck: c.Scrub,
		Clock: c.Clock, Logger: c.Logger,
	}
	n.disks, err = extentstore.Open(vfs.Default, n.rows, nil, extentstore.Options{
		Home: n.folder.at(diskDir), Capacity: c.Capacity, Beside: n.snapshots.Beside, Busy: n.requests.any, Logger: c.Logger,
		Owner: extentstore.Owner{Rhizome: n.members.Chain().Oldest().Lineage, Node: n.keys.id()},
	})
	if err != nil {
		return err
	}
	n.onClose(n.disks.Close)
	if err := n.firstDisk(ctx); err != nil {
		return err
	}
	n.damage = ledger{n.rows}
	n.scrubber, err = n.disks.NewScrubber(extentstore.ScrubOptions{
		Pass: c.Scrub, Busy: n.requests.any, Damaged: n.found, Clock: c.Clock,
	})
	if err != nil {
		return err
	}
	n.openTime()
	n.replica, err = register.OpenReplica(n.rows, n.keys.id(), register.ReplicaOptions{Plans: plans{n.members}, Source: n.source, Load: n.load})
	if err != nil {
		return err
	}
	n.replica.OnRow(extent.Extents, n.noticed)
	n.replica.OnRow(object.Outbox, n.posted)
	n.replica.OnRow(object.Dues, n.dued)
	return n.replica.Adopt(n.members.Layout())
}

// noteAfter is how long after a commit the row store notes that it is durable: what was
// written less long before a crash is not missed if the log is damaged as well.
const noteAfter = time.Second

// firstDisk takes a folder of the data folder as the disk of a node that has none.
func (n *Node) firstDisk(ctx context.Context) error {
	if len(n.disks.Disks()) > 0 {
		return nil
	}
	if err := os.MkdirAll(n.folder.at(diskDir), 0o700); err != nil {
		return errs.Newf(errs.Internal, "the data folder cannot be written: %w", err)
	}
	return n.disks.AddDisk(ctx, extentstore.Disk{Dir: n.folder.at(diskDir)})
}

// rowsDamaged is told of damage that the row store met while it goes on. The first time, all
// rows are looked at.
func (n *Node) rowsDamaged(err error) {
	n.config.Logger.Error("the row store is damaged", "error", err)
	if n.rowDamage.Swap(&err) == nil {
		n.lookAgain()
	}
}

// openKeyring opens the second place of bucket keys and layout, on every disk.
func (n *Node) openKeyring() (err error) {
	places := []string{n.folder.path}
	for _, dir := range n.usableDisks() {
		if !inside(dir, n.folder.path) {
			places = append(places, dir)
		}
	}
	n.ring, err = keyring.Open(vfs.Default, func(dir string, err error) {
		n.config.Logger.Warn("the copy of the keyring on a disk is not whole; the next start completes it", "disk", dir, "error", err)
	}, places...)
	if err != nil {
		return err
	}
	n.disks.OnReturn(n.diskReturned)
	n.snapshots.Ring = n.ring
	n.snapshots.Look()
	return n.ring.KeepLayout(codec.Encode(n.members.Layout()))
}

// usableDisks returns the folders of the disks that are there now. A disk that nobody
// read since it was unmounted still counts as serving: what would be written then
// would lie in the bare mount point.
func (n *Node) usableDisks() []string {
	var out []string
	for _, d := range n.disks.Disks() {
		if err := n.disks.There(d.ID); err != nil {
			n.config.Logger.Warn("nothing is written to a disk that is not there", "disk", d.Dir, "error", err)
			continue
		}
		out = append(out, d.Dir)
	}
	return out
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
		Layout: n.members.Layout,
		Behind: plans{n.members}.Behind,
		Away:   n.members.Away,
		Peer:   n.peer,
		Local:  n.replica,
		Clock:  n.members.Clock(),
	})
	n.onClose(func() error { n.regs.Close(); return nil })
	n.onClose(n.strangers.close)
	n.extents, err = extent.NewStore(extent.Config{
		Registers: n.regs, Local: n.replica, Disks: n.disks, Links: n.links, Places: plans{n.members},
		Members: plans{n.members}.nodes, Load: n.load, Logger: c.Logger,
	})
	if err != nil {
		return err
	}
	n.onClose(func() error { n.extents.Close(); return nil })
	n.extents.OnDamage(n.met)
	n.extents.OnMended(n.mended)
	if err := n.openKeyring(); err != nil {
		return err
	}
	n.accounts = account.New(n.regs, n.keys.root, n.members.Clock())
	n.objects = object.New(object.Config{
		Registers: n.regs, Local: n.replica, Extents: n.extents, Accounts: n.accounts,
		Root: n.keys.root, Keyring: n.ring, Clock: n.members.Clock(), Logger: c.Logger,
		Rank:   func(part string) int { return plans{n.members}.rank(n.links, part) },
		Agreed: n.agreed, Rest: n.pace().rest, Awake: n.waking.wait, Knows: n.know, Swept: n.ruled,
		Ages: object.Ages{Upload: c.Uploads, Orphan: c.Orphans},
	})
	n.openSites()
	n.openLogs()
	n.openInventories()
	n.hooks = hook.New(n.regs, n.keys.root, n.members.Clock())
	n.events.Store(events.New(events.Config{Outbox: n.objects, Webhooks: n.hooks, Region: c.region(), Clock: n.members.Clock(), Logger: c.Logger}))
	n.openReplication()
	return nil
}

// agreed reports whether the clock that the objects go by is that of most nodes. The only
// node of a rhizome has its own and no other: that counts unless it has leapt.
func (n *Node) agreed() bool {
	if n.extents.Alone() {
		return !n.leapt()
	}
	_, agreed := n.members.Clock().Skew()
	return agreed
}

// load returns how many calls a second that people wait for come and go.
func (n *Node) load() int {
	if l, ok := n.links.(interface{ Load() int }); ok {
		return l.Load()
	}
	return 0
}

// peer finds a replica.
func (n *Node) peer(id ident.NodeID) (register.Peer, error) {
	if id == n.keys.id() {
		return n.replica, nil
	}
	return register.Remote(n.links, id), nil
}

// source finds a replica to import rows from.
func (n *Node) source(id ident.NodeID) (register.Source, error) {
	if id == n.keys.id() {
		return n.replica, nil
	}
	return register.Remote(n.links, id), nil
}

// noticed is told of the rows of extents that this node takes.
func (n *Node) noticed(row register.Row, v *register.Value, late bool) {
	if extents := n.extents; extents != nil {
		extents.Notice(row, v, late)
	}
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
	if err := n.listenWeb(); err != nil {
		return err
	}
	return n.listenMetrics()
}

// closeOnce closes a listener that a server may have closed already.
func closeOnce(ln net.Listener) error {
	if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// S3 says where S3 is, Data where the data folder.
func (n *Node) S3() api.Endpoint { return n.endpoint }
func (n *Node) Data() string     { return n.folder.path }

// Run serves until ctx ends or something fails, then closes the node. It returns nil
// when it was ctx.
func (n *Node) Run(ctx context.Context) error {
	c := n.config
	counted := metrics.NewRequests()
	var watched *metrics.Metrics
	server := admin.New(admin.Config{
		Keys: n.accounts, Buckets: n.objects, Objects: n.objects, Locator: n, Host: n, Cluster: n, Sites: n.sites, Owns: n.mayOwn, Writes: n.mayWrite, OwnsKey: n.mayUse, Follow: n.mayFollow,
		Documents: documents{n.accounts}, Webhooks: n.hooks, WebhookState: n.webhookState, OwnsWebhook: n.ownsWebhook, WebhooksSilent: n.events.Load().Silent,
		Logs: n.logs, Inventories: n.inventories, Replication: n.replication(),
		Metrics: func(ctx context.Context) ([]byte, error) { return watched.Text(ctx) },
		Clock:   n.members.Clock(), Logger: c.Logger,
	})
	watched = metrics.New(metrics.Config{Source: n, Requests: counted,
		Reasons: func(ctx context.Context) ([]api.Reason, error) { return server.Reasons(ctx, c.Say) }})
	socket := server.HTTP()
	socket.Handler = n.requests.count(aside(socket.Handler))
	sums := checksum.NewPool()
	defer sums.Close()
	front := s3.New(s3.Config{
		Sums: sums, Meter: counted, Sites: n.sites, Logs: n.logs, Objects: n.objects, Keys: n.accounts.Key, People: n.accounts, Webhook: n.hasWebhook, Remotes: n.mayReplicate, Replicated: n.replicator.Load().Changed, Closed: n.stillIn, Clock: n.members.Clock(),
		Domains: c.Domains, Region: c.Region, Logger: c.Logger,
	})
	n.front.Store(&front)
	store := s3.NewServer(n.requests.count(front))
	store.ErrorLog = slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug)
	c.Logger.Info("the node is up", "s3", n.endpoint.URL, "data", n.folder.path, "node", n.keys.id())
	err := supervise(ctx, c.Logger, append(append(n.watchers(server, watched), n.webServices(front)...), []service{
		{"S3", serve(store, n.s3, c.Logger)},
		{"admin", serve(socket, n.socket, c.Logger)},
		{"members", n.members.Run},
		{"membership", n.watchOutcast},
		{"place", n.settleIn},
		{"limits", n.keepLimits},
		{"rows", n.regs.Run},
		{"moves", n.replica.Move},
		{"progress", n.watchMoves},
		{"healing", n.regs.Heal},
		{"objects", n.objects.Run},
		{"lifecycle", n.objects.Sweep},
		{"bytes", n.objects.Mend},
		{"events", n.tell},
		{"replication", n.replicate},
		{"logs", n.writeLogs},
		{"inventories", n.writeInventories},
		{"time", n.watchTime},
		{"upkeep", n.upkeep},
		{"windows", n.windows},
		{"checks", n.checks},
		{"disks", n.watchDisks},
		{"memory", func(ctx context.Context) error { return watchIdle(ctx, n.asked, n.requests.any, n.rest) }},
	}...))
	c.Logger.Info("the node stops")
	return errors.Join(err, n.closeSoon())
}

// closeSoon closes the node but does not wait longer than Closing: a row store that
// failed may never answer. As long as a request that was cut off still works on the
// stores they are not closed.
func (n *Node) closeSoon() error {
	timer := time.NewTimer(n.config.closing())
	defer timer.Stop()
	select {
	case <-n.requests.none():
	case <-timer.C:
		n.config.Logger.Warn("requests that were cut off did not end; the stores are left as they are, and the next start reads their logs")
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- n.Close() }()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		n.config.Logger.Warn("the stores were not closed in time; the next start reads their logs")
		return nil
	}
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
