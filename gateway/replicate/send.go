package replicate

import (
	"context"
	"crypto/md5" // what ETags are
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/model/object"
)

const (
	// wholeSize is the largest object of one piece that is sent in one request, partSize how long the
	// parts of others are.
	wholeSize = 64 << 20
	partSize  = 64 << 20
	// attempt is how long a request that changes an object there may take.
	attempt = time.Hour
	// changed is how often the object there may be changed by others meanwhile.
	changed = 3
)

// Objects is what is replicated; *object.Store implements it.
type Objects interface {
	OutgoingDues(ctx context.Context, after *register.Row, limit int) (rows []register.Row, next *register.Row, err error)
	Due(ctx context.Context, row register.Row) (*object.Due, error)
	ClaimDue(ctx context.Context, d *object.Due, c object.Claim) error
	SettleDue(ctx context.Context, d *object.Due, mine object.Claim) error
	RefuseDue(ctx context.Context, d *object.Due, why string, again time.Duration) error
	BeginDue(ctx context.Context, d *object.Due, u *object.DueUpload) error
	SkipDue(ctx context.Context, d *object.Due, mine object.Claim) error
	DropDues(ctx context.Context, row register.Row) error
	NoteDest(ctx context.Context, bucket ident.ID, dest, why string) error
	GoThrough(ctx context.Context, b *object.Bucket, dest string, there object.There) (more bool, err error)
	StartAllReplicating(ctx context.Context) error
	BucketByID(ctx context.Context, id ident.ID) (*object.Bucket, error)
	Current(ctx context.Context, b *object.Bucket, key string) (*object.Head, error)
	Get(ctx context.Context, b *object.Bucket, g object.Get) (*object.Object, error)
	Parts(ctx context.Context, b *object.Bucket, key, version string, after, limit int) ([]object.Part, bool, error)
}

// sender makes one key there what it is here.
type sender struct {
	objects Objects
	to      Target
	mine    object.Claim // Until is set for each request
	now     func() time.Time
	// limit wraps what is sent; sent is told of bytes that were.
	limit func(context.Context, io.Reader) io.Reader
	// bare says that the store does not do conditional writes.
	bare  func() bool
	plain func()
	b     *object.Bucket
	d     *object.Due
	did   bool // something was sent
}

// errRestless says that an object did not stay the same for long enough.
var errRestless = errs.New(errs.Unavailable, "the object is being changed all the time, here or there")

// errMoved says that the object was replaced here while it was sent.
var errMoved = errs.New(errs.Unavailable, "the object was replaced while it was sent")

// settle makes the key there what it is here, and settles the row. It fails with
// object.ErrNotDue when another did.
func (s *sender) settle(ctx context.Context) error {
	for range changed {
		skip, err := s.once(ctx)
		switch {
		case errors.Is(err, errMoved), errors.Is(err, errPrecondition), errors.Is(err, errNoUpload):
			continue
		case errors.Is(err, errNotDone) && !s.bare():
			s.plain()
			continue
		case err != nil:
			return err
		case skip:
			s.abandon(ctx)
			return s.objects.SkipDue(ctx, s.d, s.mine)
		}
		s.abandon(ctx)
		return s.objects.SettleDue(ctx, s.d, s.mine)
	}
	return errRestless
}

// once compares and sends. skip says that the object cannot be copied.
func (s *sender) once(ctx context.Context) (skip bool, err error) {
	key := s.d.Key
	h, err := s.objects.Current(ctx, s.b, key)
	if err != nil {
		return false, err
	}
	var tags []object.Tag
	if h != nil {
		tags = h.Tags
	}
	rule := s.b.Settings.ReplicateTo(s.d.Dest, key, tags)
	if rule == nil || h != nil && h.Attrs.Replica && !s.d.First {
		return false, nil
	}
	if h == nil {
		return false, s.remove(ctx, rule)
	}
	if sealedByClient(h) {
		return true, nil
	}
	there, err := s.to.Head(ctx, key)
	if err != nil {
		return false, err
	}
	if h.Attrs.Replica && !s.handsOn(h, there) {
		return false, nil
	}
	out := sentOf(s.b.ID, h)
	if there == nil || !there.same(h, out) {
		if err := s.send(ctx, h, out, there); err != nil {
			return false, err
		}
		if !s.d.Tags {
			return false, nil
		}
	}
	return false, s.retag(ctx, h, there)
}

// handsOn reports whether what came here from elsewhere is sent on, in a first copy: not to where it
// came from, for what is there, or was deleted there, may be newer; nor to a rhizome that may be that,
// for it is an older release, which does not say its bucket's ID, or the object has no mark; and
// not in the place of what did not come from here.
func (s *sender) handsOn(h *object.Head, there *State) bool {
	mark, id := h.Attrs.User[markName], s.to.ID()
	if s.to.Rhizome() && (id == "" || mark == "" || strings.HasPrefix(mark, markOf(id, h.Key))) {
		return false
	}
	return there == nil || strings.HasPrefix(there.Mark, markOf(s.b.ID.String(), h.Key))
}

// remove deletes the key there.
func (s *sender) remove(ctx context.Context, rule *object.Replicate) error {
	if !rule.Deletes {
		return nil
	}
	there, err := s.to.Head(ctx, s.d.Key)
	if err != nil || there == nil {
		return err
	}
	if s.d.Found && !strings.HasPrefix(there.Mark, markOf(s.b.ID.String(), s.d.Key)) {
		return nil // it never came from here
	}
	ctx, done, err := s.claim(ctx)
	if err != nil {
		return err
	}
	defer done()
	return s.to.Delete(ctx, s.d.Key)
}

// claim says that a request is about to be made that changes what is there, and bounds it.
func (s *sender) claim(ctx context.Context) (context.Context, context.CancelFunc, error) {
	c := s.mine
	c.Until = s.now().Add(attempt).UnixMilli()
	if err := s.objects.ClaimDue(ctx, s.d, c); err != nil {
		return nil, nil, err
	}
	s.did = true
	ctx, cancel := context.WithTimeout(ctx, attempt)
	return ctx, cancel, nil
}

// retag makes the tags there those of the object.
func (s *sender) retag(ctx context.Context, h *object.Head, there *State) error {
	if there != nil && there.Tags == 0 && len(h.Tags) == 0 && !s.d.Tags {
		return nil
	}
	have, err := s.to.Tags(ctx, s.d.Key)
	if errors.Is(err, errNotDone) {
		return nil // it has none to keep
	}
	if err != nil || sameTags(have, h.Tags) {
		return err
	}
	ctx, done, err := s.claim(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err = s.to.SetTags(ctx, s.d.Key, h.Tags); errors.Is(err, errNotDone) {
		return nil
	}
	return err
}

// sentOf is what an object is sent with.
func sentOf(bucket ident.ID, h *object.Head) Sent {
	s := Sent{Attrs: h.Attrs, Tags: h.Tags, Mark: markOf(bucket.String(), h.Key) + h.ETag + "/" + digest(&h.Attrs)}
	n := len(markName) + len(s.Mark)
	for k, v := range h.Attrs.User {
		if k == markName { // of where it was before
			s.Attrs.User = maps.Clone(h.Attrs.User)
			delete(s.Attrs.User, markName)
			continue
		}
		n += len(k) + len(encodeMeta(v))
	}
	if n > object.MaxMetadata {
		s.Mark = ""
	}
	return s
}

// markOf begins the mark of a key's object, and no other's: several buckets may be kept in one,
// and what is copied there keeps the mark of what it was.
func markOf(bucket, key string) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%s", bucket, key)
	return hex.EncodeToString(h.Sum(nil)) + "/"
}

// digest tells attributes apart.
func digest(a *object.Attrs) string {
	h := fnv.New64a()
	say := func(name, v string) {
		if v != "" {
			fmt.Fprintf(h, "%d:%s%d:%s", len(name), name, len(v), v)
		}
	}
	say("type", contentType(a))
	say("cache", a.CacheControl)
	say("disposition", a.ContentDisposition)
	say("encoding", a.ContentEncoding)
	say("language", a.ContentLanguage)
	say("expires", a.Expires)
	say("redirect", a.WebsiteRedirect)
	for _, k := range slices.Sorted(maps.Keys(a.User)) {
		if k != markName {
			say("m-"+k, a.User[k])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// same reports whether what is there is the object.
func (t *State) same(h *object.Head, out Sent) bool {
	if t.Size != h.Size {
		return false
	}
	return out.Mark != "" && t.Mark == out.Mark || t.ETag == h.ETag && digest(&t.Attrs) == digest(&out.Attrs)
}

// send sends an object, whole or in parts.
func (s *sender) send(ctx context.Context, h *object.Head, out Sent, there *State) error {
	u := &Unless{}
	if there != nil {
		u.ETag = there.ETag
	}
	if s.bare() {
		u = nil
	}
	if h.Parts > 1 || h.Size > wholeSize {
		return s.sendParts(ctx, h, out, u)
	}
	ctx, done, err := s.claim(ctx)
	if err != nil {
		return err
	}
	defer done()
	return s.summed(ctx, h, 0, Part{Size: h.Size, ETag: h.ETag}, func(body Body) error { return s.to.Put(ctx, h.Key, out, body, u) })
}

// summed sends a run of an object with its MD5. That is the ETag, if it looks like one; where it
// was none, as what was imported may have, the store refuses the bytes, and they are sent
// once more with what was reckoned meanwhile.
func (s *sender) summed(ctx context.Context, h *object.Head, offset int64, p Part, send func(Body) error) error {
	sum := p.ETag
	if raw, err := hex.DecodeString(sum); err != nil || len(raw) != md5.Size {
		if sum, err = s.digest(ctx, h, offset, p.Size); err != nil {
			return err
		}
	}
	for {
		from, err := s.sendOnce(ctx, h, offset, Body{Size: p.Size, MD5: sum}, send)
		if !errors.Is(err, errRefused) || from.n != p.Size || from.md5() == sum {
			return err
		}
		sum = from.md5()
	}
}

// digest is the MD5 of a run of an object.
func (s *sender) digest(ctx context.Context, h *object.Head, offset, size int64) (string, error) {
	body, err := s.open(ctx, h, offset, size)
	if err != nil {
		return "", err
	}
	defer body.Close()
	sum := md5.New() // what ETags are
	if _, err := io.Copy(sum, body); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (s *sender) sendOnce(ctx context.Context, h *object.Head, offset int64, b Body, send func(Body) error) (*watched, error) {
	body, err := s.open(ctx, h, offset, b.Size)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	from := &watched{Reader: s.limit(ctx, body), sum: md5.New()} // what ETags are
	b.Reader = from
	return from, s.blame(ctx, h, from, send(b))
}

// watched remembers what was read of a body, and why no more could be.
type watched struct {
	io.Reader
	n      int64
	sum    hash.Hash
	failed error
}

func (w *watched) md5() string { return hex.EncodeToString(w.sum.Sum(nil)) }

// Read implements io.Reader.
func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	w.n += int64(n)
	w.sum.Write(b[:n])
	if err != nil && err != io.EOF {
		w.failed = err
	}
	return n, err
}

// blame says why a request failed: if the body could not be read, that is no matter of the
// other store.
func (s *sender) blame(ctx context.Context, h *object.Head, from *watched, err error) error {
	if err == nil || from.failed == nil || ctx.Err() != nil {
		return err
	}
	if now, cerr := s.objects.Current(ctx, s.b, h.Key); cerr != nil || now == nil || now.Version != h.Version {
		return errors.Join(errMoved, cerr)
	}
	return from.failed
}

// open reads a run of the very version.
func (s *sender) open(ctx context.Context, h *object.Head, offset, length int64) (io.ReadCloser, error) {
	if h.Size == 0 {
		return io.NopCloser(eof{}), nil
	}
	o, err := s.objects.Get(ctx, s.b, object.Get{Key: h.Key, Range: &object.Range{First: offset, Last: offset + length - 1}})
	if errors.Is(err, object.ErrNoSuchKey) || errors.Is(err, object.ErrRange) {
		return nil, errMoved
	}
	if err != nil {
		return nil, err
	}
	if o.Version != h.Version {
		_ = o.Body.Close() // nothing was read
		return nil, errMoved
	}
	return o.Body, nil
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// sealedByClient reports whether the bytes can be read with a key of the client alone.
func sealedByClient(h *object.Head) bool { return h.Customer }
