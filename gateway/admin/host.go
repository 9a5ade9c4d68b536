package admin

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/model/object"
)

func (s *Server) status(r *http.Request) (any, error) {
	ctx, f := r.Context(), s.Host.Facts()
	out := api.Status{
		Version: f.Version, Node: f.Node.String(), Rhizome: f.Rhizome.String(), Home: f.Home,
		Data: f.Data, PID: os.Getpid(), Started: f.Started, S3: f.S3, Web: f.Web, Layout: f.Layout,
	}
	if err := s.ask(ctx, &out); err != nil {
		return nil, err
	}
	var err error
	if out.Disks, err = s.Host.Disks(ctx); err != nil {
		return nil, err
	}
	around, err := s.lookAround(ctx)
	if err != nil {
		return nil, err
	}
	p, now := printer(r), s.Clock.Now()
	out.Homes, out.Mending = around.homes, mendingOf(around.nodes, now)
	out.Disks, out.Repair = sayDisks(p, out.Disks), sayRepair(p, out.Repair)
	out.Health = healthOf(s.reasons(p, &out, around, now))
	out.Health.Hints = around.hints(p)
	return out, nil
}

// reasons is all that is at risk, the worst first.
func (s *Server) reasons(p lang.Printer, out *api.Status, around cluster, now time.Time) []api.Reason {
	around.lone = around.young(s.Host.Facts().Started, now)
	all := append(around.risks(p), health(p, *out, now)...)
	if s.Host.KitOld() {
		all = append(all, api.Reason{Kind: api.RiskKit, Text: p.T("The node has had a new key since the last recovery kit, which is of no use any more: make a new one with rhizome recovery-kit.")})
	}
	return append(append(all, s.silentWebhooks(p)...), s.silentRemotes(p)...)
}

// Reasons says what is at risk at present in the language of p, without counting what is
// stored. Like the status it waits for other homes no longer than a few seconds.
func (s *Server) Reasons(ctx context.Context, p lang.Printer) ([]api.Reason, error) {
	var out api.Status
	asked, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	repair, err := s.Host.Repair(asked)
	if err != nil && !errors.Is(err, errs.Unavailable) && asked.Err() == nil {
		return nil, err
	}
	out.Repair = sayRepair(p, repair)
	disks, err := s.Host.Disks(ctx)
	if err != nil {
		return nil, err
	}
	out.Disks = sayDisks(p, disks)
	around, err := s.lookAround(ctx)
	if err != nil {
		return nil, err
	}
	return s.reasons(p, &out, around, s.Clock.Now()), nil
}

func healthOf(reasons []api.Reason) api.Health {
	h := api.Health{State: api.Good}
	for _, r := range reasons {
		h.State, h.Reasons = api.Risk, append(h.Reasons, r.Text)
	}
	return h
}

// askFor is how long the status waits for what other homes have to say: it is there to
// be read above all when they do not answer.
const askFor = 3 * time.Second

// ask counts what is stored, which takes enough homes that answer.
func (s *Server) ask(ctx context.Context, out *api.Status) error {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	err := s.count(ctx, out)
	if err == nil {
		out.Repair, err = s.Host.Repair(ctx)
	}
	out.Counted = err == nil
	if errors.Is(err, errs.Unavailable) || ctx.Err() != nil {
		out.Buckets, out.Objects, out.Bytes, out.Keys = 0, 0, 0, 0
		return nil
	}
	return err
}

func (s *Server) count(ctx context.Context, out *api.Status) error {
	buckets, err := s.Buckets.AllBuckets(ctx)
	if err != nil {
		return err
	}
	for _, b := range buckets {
		u, err := s.Buckets.Usage(ctx, b)
		if err != nil {
			return err
		}
		out.Objects += u.Objects
		out.Bytes += u.Bytes
	}
	keys, err := s.Keys.Keys(ctx)
	out.Buckets, out.Keys = len(buckets), len(keys)
	return err
}

// health says in sentences what is at risk. That a single home holds everything
// once is how it was set up, and said by the documentation rather than here.
func health(p lang.Printer, s api.Status, now time.Time) (out []api.Reason) {
	risk := func(kind, about, text string) { out = append(out, api.Reason{Kind: kind, About: about, Text: text}) }
	for _, d := range s.Disks {
		switch d.State {
		case api.DiskLost:
			risk(api.RiskDisk, d.Path, p.T("The disk %s cannot be used: %s", d.Path, d.Reason))
		case api.DiskFull:
			risk(api.RiskFull, d.Path, p.T("The disk %s is full, or the capacity given to the node is used up: new objects are refused until there is room. Delete something, raise the capacity, or add a disk with rhizome disk add.", d.Path))
		}
	}
	for _, d := range s.Disks {
		if d.State == api.DiskOK && d.Size > 0 && d.Free < (d.Used+d.Free)/10 {
			risk(api.RiskFull, d.Path, p.T("The disk %s is nearly full, or the capacity given to the node nearly used up: %s are left. Delete something, raise the capacity, or add a disk with rhizome disk add.", d.Path, p.Bytes(d.Free)))
		}
	}
	if n := int64(len(s.Repair.Lost)); n > 0 {
		risk(api.RiskDamage, "", p.N(n, "%s piece is damaged: see rhizome repair status.", "%s pieces are damaged: see rhizome repair status."))
	}
	for _, dir := range s.Repair.Uncompared {
		risk(api.RiskRows, dir, p.T("The disk %s was away when the rows were made anew, which must be done once more: see rhizome repair status.", dir))
	}
	if s.Repair.Doubtful {
		risk(api.RiskRows, "", p.T("Homes were lost for good, and bytes of objects that only they knew of may lie here: they are kept. See rhizome repair status."))
	}
	switch last := s.Repair.Snapshot.Last; {
	case s.Repair.Snapshot.Reason == "":
	case last == nil:
		risk(api.RiskSnapshot, "", p.T("No snapshot of the rows could be taken yet: %s", s.Repair.Snapshot.Reason))
	case now.Sub(*last) > snapshotsLate:
		risk(api.RiskSnapshot, "", p.T("No snapshot of the rows could be taken for %s: %s", p.Duration(now.Sub(*last)), s.Repair.Snapshot.Reason))
	}
	return out
}

// snapshotsLate is the age of the newest snapshot from which on it is a risk that none
// can be taken; they are taken once a day.
const snapshotsLate = 48 * time.Hour

func (s *Server) listDisks(r *http.Request) (any, error) {
	disks, err := s.Host.Disks(r.Context())
	return sayDisks(printer(r), disks), err
}

func (s *Server) addDisk(r *http.Request) (any, error) {
	in, err := read[api.AddDisk](r)
	if err != nil {
		return nil, err
	}
	if !filepath.IsAbs(in.Path) {
		return nil, errs.Newf(errs.Invalid, "%q is not an absolute path", in.Path)
	}
	path := filepath.Clean(in.Path)
	if !in.Sure {
		if err := s.Host.CheckDisk(path); err != nil {
			return nil, err
		}
	}
	d, err := s.Host.AddDisk(r.Context(), path)
	d.Reason = reason(printer(r), d.Reason, d.Err)
	return d, err
}

func (s *Server) drainDisk(r *http.Request) (any, error) {
	return nil, s.Host.DrainDisk(r.Context(), r.PathValue("id"), true)
}

func (s *Server) undrainDisk(r *http.Request) (any, error) {
	return nil, s.Host.DrainDisk(r.Context(), r.PathValue("id"), false)
}

func (s *Server) removeDisk(r *http.Request) (any, error) {
	return nil, s.Host.RemoveDisk(r.Context(), r.PathValue("id"), r.URL.Query().Get("force") == "true")
}

func (s *Server) repairStatus(r *http.Request) (any, error) {
	out, err := s.Host.Repair(r.Context())
	return sayRepair(printer(r), out), err
}

func (s *Server) acceptLoss(r *http.Request) (any, error) { return nil, s.Host.AcceptLoss(r.Context()) }

func (s *Server) scrub(r *http.Request) (any, error) { return nil, s.Host.Scrub(r.Context()) }

func (s *Server) kit(r *http.Request) (any, error) {
	ctx, f := r.Context(), s.Host.Facts()
	seed, root := s.Host.Secrets()
	out := api.Kit{
		Format: 1, Made: s.Clock.Now(), Rhizome: f.Rhizome.String(), Node: f.Node.String(),
		Home: f.Home, NodeKey: hex.EncodeToString(seed), RootKey: hex.EncodeToString(root),
		S3: f.S3, Data: f.Data, Disks: []string{}, Keys: []api.Key{}, Buckets: []string{},
	}
	keys, err := s.Keys.Keys(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		out.Keys = append(out.Keys, wireKey(k, true))
	}
	buckets, err := s.Buckets.AllBuckets(ctx)
	if err != nil {
		return nil, err
	}
	for _, b := range buckets {
		out.Buckets = append(out.Buckets, kitNames(b)...)
	}
	disks, err := s.Host.Disks(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range disks {
		out.Disks = append(out.Disks, d.Path)
	}
	return out, nil
}

// kitWritten is told once a kit is where it stays.
func (s *Server) kitWritten(r *http.Request) (any, error) { return nil, s.Host.KitMade(r.Context()) }

// kitNames are a bucket's names; that of one without a global name is a local one.
func kitNames(b *object.Bucket) []string {
	if len(b.Names) > 0 {
		return b.Names
	}
	var out []string
	for _, names := range b.LocalNames {
		out = append(out, names...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
