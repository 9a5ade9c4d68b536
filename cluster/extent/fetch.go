package extent

import (
	"context"
	"errors"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
)

// known reports whether the row says which bytes are the extent's: one that was made
// after the bytes were lost does not.
func (r *rowRecord) known() bool {
	return r.Frames == frameCount(r.Length) && len(r.Digest) == extentstore.SumSize
}

// fits reports whether what lies on a disk are the extent's bytes by its description.
func (r *rowRecord) fits(i extentstore.Info) bool {
	return !r.known() || string(i.Digest[:]) == string(r.Digest)
}

// present reports whether the disk that an extent lies on is there.
func (s *Store) present(i extentstore.Info) bool {
	for _, d := range s.disks.Disks() {
		if d.ID == i.Disk {
			return d.Absent == nil
		}
	}
	return false
}

// origin is where frames of one extent come from to mend it.
type origin struct {
	node   ident.NodeID
	here   *extentstore.Reader
	remote *remoteSource
}

func (o *origin) frame(i int, room func(int) []byte) ([]byte, error) {
	if o.here != nil {
		return o.here.ReadFrame(i, room(max(overhead, o.here.Length(i))))
	}
	return o.remote.frame(i, room)
}

func (o *origin) close() {
	if o.here != nil {
		_ = o.here.Close()
	} else {
		o.remote.close()
	}
}

// origins opens an extent one place after the other.
type origins struct {
	s     *Store
	ctx   context.Context
	id    ident.ID
	row   *rowRecord
	nodes []ident.NodeID // still to be asked
	open  []*origin
	why   error // the worst that kept one from giving
}

// origins returns who may have the extent; this node first, if it has part of it.
func (s *Store) origins(ctx context.Context, id ident.ID, row *rowRecord) *origins {
	o := &origins{s: s, ctx: ctx, id: id, row: row, nodes: s.others(id)}
	if r, err := s.disks.Reader(ctx, id); err == nil {
		digest := r.Digest()
		if row.known() && string(digest[:]) == string(row.Digest) {
			o.open = append(o.open, &origin{node: s.self, here: r})
		} else {
			_ = r.Close()
		}
	}
	return o
}

// more opens the next node's, false if there is none left.
func (o *origins) more() bool {
	for len(o.nodes) > 0 {
		n := o.nodes[0]
		o.nodes = o.nodes[1:]
		src, err := o.s.source(o.ctx, n, o.id)
		if err != nil {
			o.why = worse(o.why, err)
			continue
		}
		if src.head.Frames != frameCount(o.row.Length) || o.row.known() && string(src.head.Digest) != string(o.row.Digest) {
			src.close()
			o.s.accuse(n, o.id)
			o.why = worse(o.why, errs.Newf(errs.Corrupt, "node %s has other bytes of extent %s", n, o.id))
			continue
		}
		o.open = append(o.open, &origin{node: n, remote: src})
		return true
	}
	return false
}

// frame returns frame i from the first place that has it whole.
func (o *origins) frame(i int, room func(int) []byte) ([]byte, *origin, error) {
	for at := 0; ; at++ {
		if at == len(o.open) && !o.more() {
			if o.why == nil {
				o.why = errs.Newf(errs.NotFound, "no node has extent %s", o.id)
			}
			return nil, nil, o.why
		}
		b, err := o.open[at].frame(i, room)
		if err == nil {
			return b, o.open[at], nil
		}
		o.why = worse(o.why, err)
		var refusal errFrame
		if o.open[at].here == nil && !errors.As(err, &refusal) { // its stream broke
			o.open[at].close()
			o.open = append(o.open[:at], o.open[at+1:]...)
			at--
		}
	}
}

// descriptor returns what the extent says about itself, from the first place that knows.
func (o *origins) descriptor() []byte {
	for at := 0; at < len(o.open) || o.more(); at++ {
		switch from := o.open[at]; {
		case from.remote != nil && len(from.remote.head.Descriptor) > 0:
			return from.remote.head.Descriptor
		case from.here != nil:
			if d, err := from.here.Descriptor(); err == nil {
				return d
			}
		}
	}
	return nil
}

func (o *origins) close() {
	for _, x := range o.open {
		x.close()
	}
}

// refetch gets an extent anew and puts it in the place of what is here.
func (s *Store) refetch(ctx context.Context, t task, r *rowRecord, uses Uses) error {
	s.mend.sized(t.id, r.Stored)
	o := s.origins(ctx, t.id, r)
	if t.from != (ident.NodeID{}) && !slices.Contains(o.nodes, t.from) {
		o.nodes = append(o.nodes, t.from)
	}
	defer o.close()
	err := s.copyFrom(ctx, o)
	switch {
	case err == nil:
		s.mend.meter.one()
		s.whole(t.id)
		return nil
	case errors.Is(err, errNowhere):
		return s.nowhere(ctx, t, r, uses)
	}
	return err
}

// errNowhere says that no node has the extent whole, and that all of them were asked.
var errNowhere = errs.New(errs.NotFound, "no node has the bytes")

func (s *Store) copyFrom(ctx context.Context, o *origins) error {
	w, err := s.disks.Replace(ctx, o.id, o.row.Stored)
	if err != nil {
		return err
	}
	defer w.Abort()
	var last []byte
	defer func() { w.Abort(); s.pool.put(last) }()
	for i := range frameCount(o.row.Length) {
		var buf []byte
		b, from, err := o.frame(i, func(n int) []byte {
			s.pool.put(buf)
			buf = s.pool.get(n - overhead)
			return buf
		})
		if err == nil {
			err = w.Append(b)
		} else if errors.Is(err, errs.NotFound) || errors.Is(err, errs.Corrupt) {
			err = errNowhere
		}
		s.pool.put(last)
		if last = buf; err != nil {
			return err
		}
		if from.here == nil {
			s.mend.meter.add(s.mend.now(), int64(len(b)))
			if err := s.mend.limit.wait(ctx, s.mend.now(), len(b)); err != nil {
				return err
			}
		}
	}
	if frameCount(o.row.Length) == 0 && len(o.open) == 0 && !o.more() { // nothing to fetch but its description
		s.log.Info("an empty extent is made without its description", "extent", o.id)
	}
	digest := w.Digest()
	if o.row.known() && string(digest[:]) != string(o.row.Digest) {
		return errs.Newf(errs.Unavailable, "what other nodes gave for extent %s are not its bytes", o.id)
	}
	return w.Commit(o.descriptor())
}

// whole tells that an extent is whole here.
func (s *Store) whole(id ident.ID) {
	s.mend.lose(id, false)
	if s.mended != nil {
		s.mended(id)
	}
}

// nowhere decides what to say of an extent that no node has: its writer may be at work,
// or may have failed, so that the collector will drop it.
func (s *Store) nowhere(ctx context.Context, t task, r *rowRecord, uses Uses) error {
	if t.tries < lostTries {
		return errNowhere
	}
	for i := range r.Refs {
		ref := r.Refs[i].ref()
		v, _, err := s.regs.Read(ctx, ref.Row)
		if err != nil && !errors.Is(err, register.ErrFenced) {
			return err
		}
		if uses == nil || uses(ref.Row, v, ref, t.id) {
			s.mend.lose(t.id, true)
			if s.hurt != nil {
				s.hurt(t.id)
			}
			return nil
		}
	}
	return nil
}
