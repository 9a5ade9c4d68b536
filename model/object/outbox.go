package object

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// outboxRecord is the value of an Outbox row: an event that a webhook is to be told of.
type outboxRecord struct {
	Event event  `cbor:"1,keyasint"` // without To
	Key   string `cbor:"2,keyasint"`
	Rule  string `cbor:"3,keyasint,omitempty"`
	// Lost, if not 0, says that the row stands for at least so many events for which there
	// was no room, the latest of which is Event.
	Lost int64 `cbor:"4,keyasint,omitempty"`
}

// Event is one that is to be told.
type Event struct {
	// Row names it to Store.Told; Webhook is who is to be told, Rule by which rule.
	Row           register.Row
	Webhook, Rule string
	ID            ident.ID
	Kind          EventKind
	Bucket, Key   string
	// BucketID is that of the bucket, which may be gone. Version is empty where none are kept.
	BucketID ident.ID
	Version  string
	Size     int64
	ETag     string
	// Order grows with each event of a key, for as long as the key's row stands; beyond that it
	// goes by the clock.
	Order uint64
	Time  time.Time
	By    Origin
	// Lost, if not 0, is of how many events, or a few more or less, nothing else is known any
	// more: the webhook was not there for too long.
	Lost int64
}

const (
	// outboxSort is how long an Outbox row's sort key is behind the webhook's name and a NUL:
	// the time in Unix milliseconds, and the event's ID.
	outboxSort = 8 + len(ident.ID{})
	// maxOutbox is how many rows wait under one partition key at most, 16 of which are a
	// bucket: a million events. What comes then is counted.
	maxOutbox = 1 << 16
)

// outboxRow names the row of an event in the object's row. Who writes it a second time
// writes the same.
func outboxRow(object register.Row, ev *event, webhook string) register.Row {
	sort := binary.BigEndian.AppendUint64([]byte(webhook+keyEnd), uint64(max(ev.At, 0)))
	return register.Row{Table: Outbox, Part: object.Part, Sort: string(append(sort, ev.ID[:]...))}
}

// lostRow stands behind all others of its webhook.
func lostRow(object register.Row, webhook string) register.Row {
	return register.Row{Table: Outbox, Part: object.Part, Sort: webhook + keyEnd + strings.Repeat("\xff", outboxSort)}
}

// OutboxWebhook returns which webhook a row of the outbox is for.
func OutboxWebhook(row register.Row) string {
	name, _, _ := strings.Cut(row.Sort, keyEnd)
	return name
}

// PastWebhook returns a row behind all those of the same webhook and partition key.
func PastWebhook(row register.Row) register.Row {
	return lostRow(row, OutboxWebhook(row))
}

// post brings the events that an object's row notes into the outbox, and notes in done
// which ones are there. A node that comes late writes again what was told already: then it is
// told twice.
func (s *Store) post(ctx context.Context, row register.Row, events []event, done map[ident.ID]bool) error {
	if len(events) == 0 {
		return nil
	}
	var waiting int64
	for i := range events {
		if err := s.postDues(ctx, row, &events[i]); err != nil {
			return err
		}
		if len(events[i].To) > 0 && waiting == 0 {
			n, _, err := s.Registers.Weight(ctx, Outbox, row.Part)
			if err != nil {
				return err
			}
			waiting = n
		}
		if err := s.postOne(ctx, row, &events[i], waiting >= s.mostOutbox); err != nil {
			return err
		}
		done[events[i].ID] = true
	}
	return nil
}

// postOne writes an event for each whom it is for. full says that there is no room.
func (s *Store) postOne(ctx context.Context, row register.Row, ev *event, full bool) error {
	for _, w := range ev.To {
		r := &outboxRecord{Event: *ev, Key: row.Sort, Rule: w.Rule}
		r.Event.To, r.Event.Due = nil, nil
		to := outboxRow(row, ev, w.Webhook)
		full := full
		if full {
			var err error
			if full, err = s.silent(ctx, row, w.Webhook); err != nil {
				return err
			}
		}
		if full {
			to = lostRow(row, w.Webhook)
		}
		_, err := s.Registers.Update(ctx, to, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
			if full {
				was, err := decodeRow[outboxRecord](old)
				if err != nil {
					return nil, err
				}
				if r.Lost = was.Lost + 1; was.Event.ID == r.Event.ID {
					r.Lost = was.Lost
				}
			}
			return &register.Value{Data: codec.Encode(r), Pending: true, Count: 1}, nil
		}})
		if err != nil {
			return err
		}
		if full && r.Lost == 1 {
			s.Logger.Warn("a webhook is away for so long that events are only counted", "webhook", w.Webhook, "bucket", ev.Bucket)
		}
	}
	return nil
}

// silent reports whether a webhook has not been there for so long that no more events wait for
// it under a partition key where too many do: others of the bucket are not to suffer by it.
func (s *Store) silent(ctx context.Context, row register.Row, webhook string) (bool, error) {
	p, err := s.Registers.Scan(ctx, register.Scan{Table: Outbox, Parts: []string{row.Part}, Prefix: webhook + keyEnd, Limit: 1})
	if err != nil || len(p.Entries) == 0 {
		return false, err
	}
	r, err := decodeRow[outboxRecord](p.Entries[0].Value)
	return r.Event.At < s.now()-s.silence.Milliseconds(), corrupt(row, err)
}

// silence is for how long a webhook is away before events are only counted.
const silence = time.Hour

// flush brings the events of a row into the outbox at once, and reports whether there were
// any.
func (s *Store) flush(ctx context.Context, row register.Row) (bool, error) {
	v, _, err := s.Registers.Read(ctx, row)
	if err != nil {
		return false, err
	}
	sl, err := decodeRow[slot](v)
	if err != nil || len(sl.Events) == 0 {
		return false, err
	}
	done := map[ident.ID]bool{}
	if err := s.post(ctx, row, sl.Events, done); err != nil {
		return false, err
	}
	return true, s.strikeOut(ctx, row, done)
}

// Outgoing returns up to limit rows of the outbox after the given one (nil: from the first)
// that this node is to tell of: of a row's replicas the first that can be reached. Those of one
// webhook and partition key follow each other, the oldest first. more says that there may be
// others after the last, which is next.
func (s *Store) Outgoing(ctx context.Context, after *register.Row, limit int) (rows []register.Row, next *register.Row, err error) {
	return s.outgoing(ctx, Outbox, after, limit)
}

func (s *Store) outgoing(ctx context.Context, t register.Table, after *register.Row, limit int) (rows []register.Row, next *register.Row, err error) {
	all, err := s.Local.Pending(ctx, t, after, limit)
	if err != nil {
		return nil, nil, err
	}
	for _, row := range all {
		if s.Rank == nil || s.Rank(row.Part) == 0 {
			rows = append(rows, row)
		}
	}
	if len(all) == limit {
		next = &all[limit-1]
	}
	return rows, next, nil
}

// OutgoingEvent reads a row of the outbox; nil if it was told of meanwhile.
func (s *Store) OutgoingEvent(ctx context.Context, row register.Row) (*Event, error) {
	v, _, err := s.Registers.Read(ctx, row)
	if err != nil || v == nil {
		return nil, err
	}
	r, err := decodeRow[outboxRecord](v)
	if err != nil {
		return nil, corrupt(row, err)
	}
	ev := &Event{Row: row, Webhook: OutboxWebhook(row), Rule: r.Rule, ID: r.Event.ID, Kind: r.Event.Kind, Bucket: r.Event.Bucket,
		Key: r.Key, Version: r.Event.Version, Size: r.Event.Size, ETag: r.Event.ETag, Order: r.Event.Order,
		Time: time.UnixMilli(r.Event.At).UTC(), Lost: r.Lost}
	if len(row.Part) >= len(ev.BucketID) {
		copy(ev.BucketID[:], row.Part)
	}
	if r.Event.By != nil {
		ev.By = *r.Event.By
	}
	return ev, nil
}

// Told removes an event that was told from the outbox. What was counted as lost since it was
// read stays, and is told too.
func (s *Store) Told(ctx context.Context, ev *Event) error {
	_, err := s.Registers.Update(ctx, ev.Row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return nil, errNothing
		}
		r, err := decodeRow[outboxRecord](old)
		if err != nil {
			return nil, err
		}
		if r.Lost > ev.Lost {
			r.Lost -= ev.Lost
			return &register.Value{Data: codec.Encode(r), Pending: true, Count: 1}, nil
		}
		return nil, nil
	}})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// Waiting says what a webhook was not told of yet.
type Waiting struct {
	Webhook string
	// Oldest is when the oldest of these events was.
	Oldest time.Time
	// Lost is of how many events nothing else is known any more.
	Lost int64
}

// Backlog returns how many rows of a bucket's outbox wait, and for whom.
func (s *Store) Backlog(ctx context.Context, b *Bucket) (count int64, by []Waiting, err error) {
	ctx, ahead := s.ahead(ctx)
	defer ahead.Close()
	ahead.Weigh(Outbox, b.parts()...)
	for _, part := range b.parts() {
		n, _, err := s.Registers.Weight(ctx, Outbox, part)
		if err != nil {
			return 0, nil, err
		}
		count += n
	}
	if count == 0 {
		return 0, nil, nil
	}
	scan := register.Scan{Table: Outbox, Parts: b.parts(), Delimiter: keyEnd, Limit: 1000}
	p, err := s.Registers.Scan(ctx, scan)
	if err != nil {
		return 0, nil, err
	}
	for _, e := range p.Entries {
		w := Waiting{Webhook: OutboxWebhook(e.Row)}
		r, err := decodeRow[outboxRecord](e.Value)
		if err != nil {
			return 0, nil, corrupt(e.Row, err)
		}
		w.Oldest = time.UnixMilli(r.Event.At).UTC()
		if w.Lost, err = s.lostEvents(ctx, b, w.Webhook); err != nil {
			return 0, nil, err
		}
		by = append(by, w)
	}
	return count, by, nil
}

func (s *Store) lostEvents(ctx context.Context, b *Bucket, webhook string) (n int64, err error) {
	var rows []register.Row
	for _, part := range b.parts() {
		rows = append(rows, lostRow(register.Row{Part: part}, webhook))
	}
	values, err := s.Registers.ReadAll(ctx, rows...)
	if err != nil {
		return 0, err
	}
	for i, v := range values {
		r, err := decodeRow[outboxRecord](v)
		if err != nil {
			return 0, corrupt(rows[i], err)
		}
		n += r.Lost
	}
	return n, nil
}

// errNotify refuses to change rules while the bucket is being deleted.
var errNotify = errs.Newf(errs.Unavailable, "the bucket is being deleted: %w", ErrBusy)
