package object

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

func partRow(upload ident.ID, number int) register.Row {
	return register.Row{Table: Parts, Part: upload.Key(), Sort: string(binary.BigEndian.AppendUint16(nil, uint16(number)))}
}

// value encodes the record. Every state but open is looked at by a collector until
// somebody settles it: a reference may be of a writer that died.
func (r *uploadRecord) value() *register.Value {
	return &register.Value{Data: codec.EncodeAs(r.generation(), r), Pending: r.State != uploadOpen,
		Hidden: r.State == uploadDone || r.State == uploadDropped, Count: 1}
}

// CreateUpload implements Service.
func (s *Store) CreateUpload(ctx context.Context, b *Bucket, n NewUpload) (*Upload, error) {
	if err := checkNewKey(n.Key); err != nil {
		return nil, err
	}
	if err := checkUploadKey(n.Key); err != nil {
		return nil, err
	}
	if err := n.Attrs.check(); err != nil {
		return nil, err
	}
	if err := s.knownIf(n.Customer != nil || n.Attrs.Replica); err != nil {
		return nil, err
	}
	if err := s.checkTags(n.Tags); err != nil {
		return nil, err
	}
	if err := s.checkLock(b, n.Lock); err != nil {
		return nil, err
	}
	if err := s.checkRoom(0); err != nil {
		return nil, err
	}
	started := s.now()
	data, id := ident.NewSecret(), newUploadID(started)
	inner := data[:]
	if n.Customer != nil {
		inner = n.Customer.wrap(data)
	}
	r := &uploadRecord{ID: id, Started: started, Attrs: n.Attrs, Tags: n.Tags, Lock: n.Lock, Checksum: n.Checksum, Sealed: b.key.Seal(inner, id[:])}
	row := b.uploadAddress(n.Key, id).row()
	err := s.writable(ctx, b, func(b *Bucket) error {
		v, err := s.Registers.Update(ctx, row, register.Change{Epoch: b.epoch, Fresh: true, Apply: func(*register.Value) (*register.Value, error) {
			return r.value(), nil
		}})
		if err == nil {
			_, err = s.decodeUpload(v)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r.upload(n.Key), nil
}

func (r *uploadRecord) upload(key string) *Upload {
	return &Upload{ID: r.ID, Key: key, Started: time.UnixMilli(r.Started).UTC(), Attrs: r.Attrs, Checksum: r.Checksum, Customer: r.customers()}
}

// Upload implements Service.
func (s *Store) Upload(ctx context.Context, b *Bucket, key string, id ident.ID) (*Upload, error) {
	r, err := s.readUpload(ctx, b, key, id)
	if err != nil {
		return nil, err
	}
	return r.upload(key), nil
}

// readUpload returns the record of an upload that is under way.
func (s *Store) readUpload(ctx context.Context, b *Bucket, key string, id ident.ID) (*uploadRecord, error) {
	if checkUploadKey(key) != nil {
		return nil, ErrNoSuchUpload
	}
	v, _, err := s.Registers.Read(ctx, b.uploadAddress(key, id).row())
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, ErrNoSuchUpload
	}
	r, err := s.decodeUpload(v)
	if err == nil && r.State != uploadOpen && r.State != uploadCompleting {
		return nil, ErrNoSuchUpload
	}
	return r, err
}

// decodeUpload returns a record that is shared and remembered: nobody changes it.
func (s *Store) decodeUpload(v *register.Value) (*uploadRecord, error) {
	r, err := decodeRow[uploadRecord](v)
	if err != nil {
		return nil, err
	}
	return s.uploads.Of(r.ID, v.Data, func() (*uploadRecord, error) { return r, nil })
}

func (s *Store) uploadAt(ctx context.Context, row register.Row) (*register.Value, *uploadRecord, error) {
	v, _, err := s.Registers.Read(ctx, row)
	if err != nil {
		return nil, nil, err
	}
	if v == nil {
		return nil, nil, ErrNoSuchUpload
	}
	r, err := decodeRow[uploadRecord](v)
	return v, r, err
}

// uploadSecret returns what uploadInner does, if the customer's key that a part comes with is
// the upload's.
func (b *Bucket) uploadSecret(r *uploadRecord, k *CustomerKey) ([]byte, error) {
	inner, err := b.uploadInner(r)
	if err != nil {
		return nil, err
	}
	e := enveloped(inner)
	switch {
	case (e == nil) != (k == nil):
		return nil, ErrUploadKey
	case e != nil && e.fits(k) != nil:
		return nil, ErrUploadKeyOther
	}
	return inner, nil
}

// PutPart implements Service.
func (s *Store) PutPart(ctx context.Context, b *Bucket, key string, upload ident.ID, number int, body Body) (*Part, error) {
	if number < 1 || number > MaxParts {
		return nil, ErrPartNumber
	}
	if body.Size > MaxPut {
		return nil, ErrEntityTooLarge
	}
	ctx, ahead := s.ahead(ctx)
	defer ahead.Close()
	r, inner, err := s.uploadOf(ctx, b, key, upload, body)
	if err != nil {
		return nil, err
	}
	checked := unchecked
	if size := max(body.Size, 0); b.Quota != (Quota{}) {
		checked, err = beside(ahead, &body, func() error { return s.checkPartQuota(ctx, b, key, upload, number, size) })
	}
	if err != nil {
		return nil, err
	}
	d := s.newDraft(partRow(upload, number))
	d.ahead = ahead
	if d.keys, err = b.partSecrets(inner, d.version.ID, body.Customer); err == nil {
		err = s.store(ctx, d, body, 0, s.describePart(b, key, r, number))
	}
	if failed := checked(); failed != nil && err == nil {
		s.release(ctx, d)
		err = failed
	}
	if err != nil {
		return nil, err
	}
	if body.Confirm != nil {
		if b, r, err = s.confirmPart(ctx, b, key, d, number, r.ID, body); err != nil {
			s.release(ctx, d)
			return nil, err
		}
	}
	return s.commitPart(ctx, b, key, r, d, number)
}

// uploadOf returns the upload that a part goes into, and its data key or envelope, which never
// changes; if the body is to be confirmed, what was last read here will do until then.
func (s *Store) uploadOf(ctx context.Context, b *Bucket, key string, upload ident.ID, body Body) (r *uploadRecord, inner []byte, err error) {
	if err := s.checkRoom(0); err != nil {
		return nil, nil, err
	}
	if r, ok := s.uploads.Last(upload); ok && body.Confirm != nil {
		if inner, err = b.uploadSecret(r, body.Customer); err == nil {
			return r, inner, nil
		}
	}
	if r, err = s.readUpload(ctx, b, key, upload); err != nil {
		return nil, nil, err
	}
	inner, err = b.uploadSecret(r, body.Customer)
	return r, inner, err
}

// confirmPart looks again at what a part was stored by.
func (s *Store) confirmPart(ctx context.Context, b *Bucket, key string, d *draft, number int, upload ident.ID, body Body) (*Bucket, *uploadRecord, error) {
	now, err := body.Confirm(ctx)
	if err != nil {
		return nil, nil, err
	}
	r, err := s.readUpload(ctx, now, key, upload)
	if err == nil && now != b {
		err = s.checkPartQuota(ctx, now, key, upload, number, d.version.Size)
	}
	return now, r, err
}

// mayPut returns the upload that a part of that size may be put into, and its data key or
// envelope.
func (s *Store) mayPut(ctx context.Context, b *Bucket, key string, upload ident.ID, number int, size int64, k *CustomerKey) (*uploadRecord, []byte, error) {
	r, err := s.readUpload(ctx, b, key, upload)
	if err != nil {
		return nil, nil, err
	}
	if err := s.checkRoom(0); err != nil {
		return nil, nil, err
	}
	if err := s.checkPartQuota(ctx, b, key, upload, number, size); err != nil {
		return nil, nil, err
	}
	inner, err := b.uploadSecret(r, k)
	return r, inner, err
}

// commitPart commits a part under the upload's epoch; the upload may have been
// reopened meanwhile, or ended.
func (s *Store) commitPart(ctx context.Context, b *Bucket, key string, r *uploadRecord, d *draft, number int) (*Part, error) {
	err := ErrBusy
	for range 4 {
		if r.State == uploadCompleting {
			break // the parts are being read: whoever completes has the word
		}
		epoch := r.Epoch
		if err = s.commit(ctx, d, epoch, VersioningOff, func(*version) error { return nil }); !isFenced(err) {
			break
		}
		if r, err = s.readUpload(ctx, b, key, r.ID); err != nil {
			break
		}
		err = ErrBusy
	}
	if err != nil {
		s.end(ctx, d, err)
		return nil, err
	}
	p := d.version.part(number)
	return &p, nil
}

func (v *version) part(number int) Part {
	return Part{Number: number, Size: v.Size, ETag: v.ETag, Checksum: v.Checksum, Modified: time.UnixMilli(v.Modified).UTC()}
}

// ListParts implements Service.
func (s *Store) ListParts(ctx context.Context, b *Bucket, key string, upload ident.ID, after, limit int) ([]Part, bool, error) {
	if _, err := s.readUpload(ctx, b, key, upload); err != nil {
		return nil, false, err
	}
	if limit <= 0 {
		return nil, false, nil
	}
	p, err := s.Registers.Scan(ctx, scanParts(upload, after, limit))
	if err != nil {
		return nil, false, err
	}
	var out []Part
	for _, e := range p.Entries {
		n, v, err := partEntry(e)
		if err != nil {
			return nil, false, err
		}
		out = append(out, v.part(n))
	}
	return out, p.More, nil
}

func scanParts(upload ident.ID, after, limit int) register.Scan {
	from := ""
	if after > 0 {
		from = partRow(upload, min(after, MaxParts)).Sort
	}
	return register.Scan{Table: Parts, Parts: []string{upload.Key()}, After: from, Limit: min(limit, MaxListEntries)}
}

func partEntry(e register.Entry) (int, *version, error) {
	sl, err := decodeRow[slot](e.Value)
	if err != nil || sl.Version == nil || len(e.Row.Sort) != 2 {
		return 0, nil, errs.Newf(errs.Corrupt, "a part's row: %w", err)
	}
	return int(binary.BigEndian.Uint16([]byte(e.Row.Sort))), sl.Version, nil
}

// Abort implements Service.
func (s *Store) Abort(ctx context.Context, b *Bucket, key string, upload ident.ID) error {
	if checkUploadKey(key) != nil {
		return ErrNoSuchUpload
	}
	return s.abortAt(ctx, b.uploadAddress(key, upload).row())
}

// abortAt ends an upload that was not completed; the parts go by pending work.
func (s *Store) abortAt(ctx context.Context, row register.Row) error {
	for range 4 {
		_, err := s.changeUpload(ctx, row, func(r *uploadRecord) error {
			switch r.State {
			case uploadOpen:
				r.State = uploadDropped
				return nil
			case uploadCompleting:
				return ErrBusy
			}
			return ErrNoSuchUpload
		})
		if err == nil {
			s.enqueue(row)
		}
		if !errors.Is(err, ErrBusy) {
			return err
		}
		if _, err := s.settleUpload(register.Afresh(ctx), row, true); err != nil {
			return err
		}
	}
	return errs.Newf(errs.Unavailable, "the upload is being completed: %w", ErrBusy)
}

// changeUpload rewrites an upload's record; f refuses by returning an error.
func (s *Store) changeUpload(ctx context.Context, row register.Row, f func(*uploadRecord) error) (*register.Value, error) {
	return s.Registers.Update(ctx, row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return nil, ErrNoSuchUpload
		}
		r, err := decodeRow[uploadRecord](old)
		if err != nil {
			return nil, err
		}
		if err := f(r); err != nil {
			return nil, err
		}
		return r.value(), nil
	}})
}

// anyEpoch passes every fence: for work on rows that exist, which fences do not
// concern.
const anyEpoch = register.EpochFinal
