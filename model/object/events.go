package object

import (
	"context"
	"strings"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
)

// EventKind says what happened to an object. Numbers are stored and never reused.
type EventKind uint8

// The kinds of events that there are.
const (
	EventPut EventKind = 1 + iota
	EventPost
	EventCopy
	EventComplete
	EventDelete // for good: an object without versions, or one version
	EventMarker
	EventTagPut
	EventTagDelete
	EventExpire // EventDelete by a lifecycle rule
	EventExpireMarker
)

var eventNames = [...]string{EventPut: "ObjectCreated:Put", EventPost: "ObjectCreated:Post", EventCopy: "ObjectCreated:Copy",
	EventComplete: "ObjectCreated:CompleteMultipartUpload", EventDelete: "ObjectRemoved:Delete",
	EventMarker: "ObjectRemoved:DeleteMarkerCreated", EventTagPut: "ObjectTagging:Put", EventTagDelete: "ObjectTagging:Delete",
	EventExpire: "LifecycleExpiration:Delete", EventExpireMarker: "LifecycleExpiration:DeleteMarkerCreated"}

// String returns S3's name of the event, without "s3:".
func (k EventKind) String() string {
	if k < EventPut || int(k) >= len(eventNames) {
		return ""
	}
	return eventNames[k]
}

// Sized reports whether an event is about an object that stands, with a size.
func (k EventKind) Sized() bool { return k < EventDelete || k == EventTagPut || k == EventTagDelete }

// EventPattern reports whether some event is one that p names: S3's name of a kind of
// events, with "s3:", or of all of a group, with a * at its end.
func EventPattern(p string) bool {
	for k := EventPut; int(k) < len(eventNames); k++ {
		if k.in(p) {
			return true
		}
	}
	return false
}

// in reports whether a pattern names events of this kind. A * stands for what follows the
// colon and no less.
func (k EventKind) in(pattern string) bool {
	p, ok := strings.CutPrefix(pattern, "s3:")
	group, _, named := strings.Cut(k.String(), ":")
	return ok && named && (p == k.String() || p == group+":*")
}

// Notify is a rule that says which events of a bucket a webhook is told of.
type Notify struct {
	ID      string `cbor:"1,keyasint,omitempty"`
	Webhook string `cbor:"2,keyasint"`
	// Events are patterns: see EventPattern.
	Events []string `cbor:"3,keyasint"`
	// Prefix and Suffix are those of the keys that it is about.
	Prefix string `cbor:"4,keyasint,omitempty"`
	Suffix string `cbor:"5,keyasint,omitempty"`
}

// wants reports whether the rule is about an event of that kind of an object.
func (n *Notify) wants(kind EventKind, key string) bool {
	if !strings.HasPrefix(key, n.Prefix) || !strings.HasSuffix(key, n.Suffix) {
		return false
	}
	for _, p := range n.Events {
		if kind.in(p) {
			return true
		}
	}
	return false
}

// Origin says on whose behalf a change is made, for events alone.
type Origin struct {
	Key     string `cbor:"1,keyasint,omitempty"` // access key ID; empty: anybody, or nobody from outside
	Address string `cbor:"2,keyasint,omitempty"` // of the client
	Request string `cbor:"3,keyasint,omitempty"` // its ID
	// Form says that an object came in a form that a browser sent.
	Form bool `cbor:"4,keyasint,omitempty"`
	// Replica says that another store copies what it has: it is not told to others again.
	Replica bool `cbor:"5,keyasint,omitempty"`
}

type originKey struct{}

// WithOrigin returns a context under which changes are made on somebody's behalf.
func WithOrigin(ctx context.Context, o *Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// event is one that happened and is to be told. It stands in the object's row, by whose
// change it happened, until rows of the outbox hold it.
type event struct {
	ID    ident.ID  `cbor:"1,keyasint"`
	Kind  EventKind `cbor:"2,keyasint"`
	Order uint64    `cbor:"3,keyasint"` // among the events of its key
	At    int64     `cbor:"4,keyasint"` // Unix milliseconds
	// Bucket is the bucket's name, Version the version's if the bucket keeps any.
	Bucket  string  `cbor:"5,keyasint"`
	Version string  `cbor:"6,keyasint,omitempty"`
	Size    int64   `cbor:"7,keyasint,omitempty"`
	ETag    string  `cbor:"8,keyasint,omitempty"`
	By      *Origin `cbor:"9,keyasint,omitempty"`
	To      []whom  `cbor:"10,keyasint"`
	// Due are the destinations to which what the key is now is to be copied.
	Due []string `cbor:"11,keyasint,omitempty"`
}

// whom names a webhook and the rule by which it is told.
type whom struct {
	Webhook string `cbor:"1,keyasint"`
	Rule    string `cbor:"2,keyasint,omitempty"`
}

// maxEvents bounds how many events one row holds; what follows waits until they are in the
// outbox.
const maxEvents = 64

// telling returns the event that a change of an object will be, nil if nobody is to be told.
// Each attempt at a change may use another one: one that was refused did not happen.
func (s *Store) telling(ctx context.Context, b *Bucket, kind EventKind, key string) *event {
	if kind == 0 || len(b.Settings.Notify)+len(b.Settings.Replicate) == 0 {
		return nil
	}
	by, _ := ctx.Value(originKey{}).(*Origin)
	if kind == EventPut && by != nil && by.Form {
		kind = EventPost
	}
	var to []whom
	for i := range b.Settings.Notify {
		n := &b.Settings.Notify[i]
		if n.wants(kind, key) && !told(to, n.Webhook) {
			to = append(to, whom{n.Webhook, n.ID})
		}
	}
	var due []string
	if by == nil || !by.Replica {
		due = b.Settings.dues(key)
	}
	if len(to)+len(due) == 0 {
		return nil
	}
	return &event{ID: ident.New(), Kind: kind, At: s.now(), Bucket: b.Name(), By: by, To: to, Due: due}
}

func told(to []whom, webhook string) bool {
	for _, w := range to {
		if w.Webhook == webhook {
			return true
		}
	}
	return false
}

// Name is what the bucket is called where no request says it.
func (b *Bucket) Name() string {
	if len(b.Names) > 0 {
		return b.Names[0]
	}
	for _, names := range b.LocalNames {
		if len(names) > 0 {
			return names[0]
		}
	}
	return b.ID.String()
}

// record adds an event about a version to the row in which it happens; v is nil if there is
// none any more. It does nothing if nobody is to be told.
func (s *slot) record(ev *event, v *version) error {
	if ev == nil || v != nil && v.Attrs.Replica && len(ev.To) == 0 {
		return nil
	}
	if len(s.Events) >= maxEvents {
		return errCrowded
	}
	now := *ev
	s.Order = max(s.Order+1, uint64(max(now.At, 0))<<orderBits)
	now.Order = s.Order
	if v != nil {
		if v.Attrs.Replica {
			now.Due = nil
		}
		now.Size, now.ETag = v.Size, v.ETag
		if v.Number != 0 {
			now.Version = v.name()
		}
	}
	s.Events = append(s.Events[:len(s.Events):len(s.Events)], now)
	return nil
}

// orderBits leaves room below the time, so that of two events of one millisecond the
// second has the higher number.
const orderBits = 16

// checkNotify refuses rules that mean nothing.
func checkNotify(rules []Notify) error {
	for i := range rules {
		n := &rules[i]
		if n.Webhook == "" || len(n.Events) == 0 {
			return errs.New(errs.Invalid, "a rule names a webhook and at least one kind of events")
		}
		for _, p := range n.Events {
			if !EventPattern(p) {
				return errs.Newf(errs.Invalid, "%q is no kind of events", p)
			}
		}
	}
	return nil
}

// told is what the settings have told of changes; two that differ tell different things.
func (s *Settings) told() []byte { return append(codec.Encode(s.Notify), codec.Encode(s.Replicate)...) }
