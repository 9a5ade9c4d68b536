package object

import (
	"context"
	"errors"
	"unicode/utf8"

	"rhizome/base/errs"
	"rhizome/cluster/register"
)

// Put implements Service.
func (s *Store) Put(ctx context.Context, b *Bucket, p Put) (*Head, error) {
	if err := s.checkPut(p); err != nil {
		return nil, err
	}
	if err := s.checkRoom(p.Body.Size); err != nil {
		return nil, err
	}
	if err := s.checkLock(b, p.Lock); err != nil {
		return nil, err
	}
	ctx, ahead := s.ahead(ctx)
	defer ahead.Close()
	checked, err := s.checkBeside(ctx, ahead, b, &p)
	if err != nil {
		return nil, err
	}
	d := s.newDraft(b.objectRow(p.Key))
	d.ahead, d.version.Attrs, d.version.Tags, d.lock, d.kind = ahead, p.Attrs, p.Tags, p.Lock, EventPut
	d.keys = b.secretsOf(&d.version, p.Body.Customer)
	err = s.store(ctx, d, p.Body, MaxInline, s.describeObject(b, p.Key))
	failed := checked()
	if err != nil {
		return nil, err
	}
	if err = failed; err == nil {
		b, err = s.confirm(ctx, b, d, p)
	}
	if err == nil && p.Body.Size < 0 {
		err = s.checkQuota(ctx, b, p.Key, d.version.Size)
	}
	if err != nil {
		s.release(ctx, d)
		return nil, err
	}
	return s.commitObject(ctx, b, d, p.Key, p.If)
}

// checkBeside makes the checks of a Put that read something.
func (s *Store) checkBeside(ctx context.Context, ahead *register.Ahead, b *Bucket, p *Put) (func() error, error) {
	if b.Quota == (Quota{}) && p.If.empty() {
		return unchecked, nil
	}
	key, cond, size := p.Key, p.If, p.Body.Size
	return beside(ahead, &p.Body, func() error {
		if err := s.checkQuota(ctx, b, key, max(size, 0)); err != nil {
			return err
		}
		return s.checkEarly(ctx, b, key, cond, size)
	})
}

// commitObject commits a draft of an object under its conditions and gives its
// references back when that is refused.
func (s *Store) commitObject(ctx context.Context, b *Bucket, d *draft, key string, cond Conditions) (*Head, error) {
	err := s.writable(ctx, b, func(b *Bucket) error {
		if err := b.checkObjectKey(key); err != nil {
			return err
		}
		if d.lock != (Lock{}) && !b.Lock.On {
			return ErrNoLock
		}
		if err := cond.still.keeps(b); err != nil {
			return err
		}
		d.version.Lock = b.Lock.give(d.lock, s.now())
		return s.roomy(ctx, d.row, func() error {
			d.tell = s.telling(ctx, b, d.kind, key)
			return s.commit(ctx, d, b.epoch, b.Versioning, func(old *version) error { return cond.checkWrite(old) })
		})
	})
	if err != nil {
		s.end(ctx, d, err)
		return nil, err
	}
	h := d.version.head(key)
	return &h, nil
}

func (s *Store) checkPut(p Put) error {
	if err := checkNewKey(p.Key); err != nil {
		return err
	}
	if p.Body.Size > MaxPut {
		return ErrEntityTooLarge
	}
	if err := s.knownIf(p.Body.Customer != nil || p.Attrs.Replica); err != nil {
		return err
	}
	if err := s.checkTags(p.Tags); err != nil {
		return err
	}
	return p.Attrs.check()
}

// rowRoom is what a new row takes at most beside inline bytes: itself, its log record,
// and what refers to it.
const rowRoom = 16 << 10

// checkRoom refuses what would grow the row store beyond its room. What is deleted or
// cleaned up does not ask.
func (s *Store) checkRoom(size int64) error {
	return s.Extents.RowsRoom(rowRoom + min(max(size, 0), MaxInline))
}

func checkKey(key string) error {
	switch {
	case key == "":
		return errs.New(errs.Invalid, "an object's key is not empty")
	case len(key) > MaxKey:
		return ErrKeyTooLong
	}
	return nil
}

// checkNewKey is checkKey for a key that will be stored. One that was stored once may
// always be read and deleted.
func checkNewKey(key string) error {
	if !utf8.ValidString(key) {
		return ErrNotText
	}
	return checkKey(key)
}

// check enforces AWS's limit on user metadata, names and values together, and that all
// is text: records hold nothing else.
func (a *Attrs) check() error {
	n := 0
	for k, v := range a.User {
		n += len(k) + len(v)
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return ErrNotText
		}
	}
	if n > MaxMetadata {
		return ErrMetadataTooLong
	}
	for _, v := range []string{a.ContentType, a.CacheControl, a.ContentDisposition, a.ContentEncoding,
		a.ContentLanguage, a.Expires, a.WebsiteRedirect, a.StorageClass} {
		n += len(v)
		if !utf8.ValidString(v) {
			return ErrNotText
		}
	}
	if n > 16<<10 {
		return ErrMetadataTooLong
	}
	return nil
}

// checkEarly refuses a conditional write that cannot succeed before its bytes are
// stored. The commit decides.
func (s *Store) checkEarly(ctx context.Context, b *Bucket, key string, cond Conditions, size int64) error {
	if cond.empty() || size >= 0 && size <= MaxInline {
		return nil
	}
	v, _, err := s.readSlot(ctx, b.objectRow(key))
	if err != nil && !errors.Is(err, errs.NotFound) {
		return err
	}
	return cond.checkWrite(v)
}
