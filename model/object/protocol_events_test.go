package object_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rhizome/base/errs"
	"rhizome/cluster/register"
	"rhizome/model/object"
)

// toldBucket has a webhook told of everything, from now on; those who play go on with the bucket as
// they knew it before.
func (r *run) toldBucket(s *side) {
	r.do(s, "notify", func(ctx context.Context) error {
		_, err := s.objects.ChangeSettings(ctx, r.b, func(set *object.Settings) error {
			set.Notify = []object.Notify{{ID: "all", Webhook: "hook", Events: []string{"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}}}
			return nil
		})
		return err
	})
	from := len(r.hist.events)
	r.verify = func(ctx context.Context, s *side) error { return r.outbox(ctx, s, from) }
}

// outbox checks that every acknowledged change since then is in the outbox, and nothing that
// nobody did; then it is told.
func (r *run) outbox(ctx context.Context, s *side, from int) error {
	rows, _, err := s.objects.Outgoing(ctx, nil, 10_000)
	if err != nil {
		return err
	}
	var made []string
	removed := map[string]int{}
	for _, row := range rows {
		ev, err := s.objects.OutgoingEvent(ctx, row)
		if err != nil || ev == nil {
			return errors.Join(err, errors.New("what is on the list is not in the outbox"))
		}
		if strings.HasPrefix(ev.Kind.String(), "ObjectCreated") {
			made = append(made, ev.Key+" "+ev.ETag)
		} else {
			removed[ev.Key]++
		}
		if err := s.objects.Told(ctx, ev); err != nil {
			return err
		}
	}
	gone := map[string]int{}
	for _, e := range r.hist.events[from:] {
		switch {
		case e.in.kind == "get":
		case e.in.kind == "put" || e.in.kind == "complete":
			name := e.key + " " + e.in.vals[0]
			n := len(made)
			made = slices.DeleteFunc(made, func(m string) bool { return m == name })
			if e.out.outcome == okay && n == len(made) {
				return fmt.Errorf("lost: %s was acknowledged and is not told", name)
			}
		case e.out.outcome == okay && r.versions:
			gone[e.key]++
		}
	}
	if len(made) > 0 {
		return fmt.Errorf("told though nobody did it: %v", made)
	}
	for key, n := range gone {
		if removed[key] < n {
			return fmt.Errorf("lost: %d of %d removals of %s are told", removed[key], n, key)
		}
	}
	if rows, _, err = s.objects.Outgoing(ctx, nil, 1); err == nil && len(rows) > 0 {
		return errors.New("what was told stays in the outbox")
	}
	return err
}

var eventScenarios = []scenario{
	{"events, overwrite", func(r *run, a, b *side) map[string]cell {
		r.withObject(b, "big0")
		r.toldBucket(b)
		r.put(a, "k", "small1", input{})
		r.put(b, "k", "big2", input{})
		r.delete(a, "k", input{})
		r.collect(b, "collect")
		return nil
	}},
	{"events, versions", func(r *run, a, b *side) map[string]cell {
		c := r.withVersions(b, false, "big0")
		r.toldBucket(b)
		r.put(a, "k", "small1", input{})
		r.delete(a, "k", input{})
		r.put(b, "k", "big2", input{})
		r.collect(b, "collect")
		return c
	}},
	{"events, complete", func(r *run, a, b *side) map[string]cell {
		r.withUpload(b, func() { r.play() })
		r.toldBucket(b)
		r.complete(a, "complete", "big1")
		r.collect(b, "collect")
		return nil
	}},
}

// TestProtocolEvents plays every scenario of events under random schedules.
func TestProtocolEvents(t *testing.T) {
	for _, n := range []int{1, 3} {
		for _, sc := range eventScenarios {
			t.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(sc.name, " ", "_"), n), func(t *testing.T) {
				explore(t, sc, n, 45/n*scale(t), nil)
			})
		}
	}
}

// TestBrokenEvents: a protocol of events that lacks any one rule is caught.
func TestBrokenEvents(t *testing.T) {
	for name, v := range map[string]func(*side, *bent){
		"rules are changed without a fence": func(_ *side, b *bent) {
			b.fence = func(t register.Table) bool { return t == object.Objects }
		},
		"events are struck out before they are in the outbox": func(s *side, b *bent) {
			type write struct {
				row register.Row
				c   register.Change
			}
			var later []write
			b.update = func(ctx context.Context, row register.Row, c *register.Change) (*register.Value, error, bool) {
				if row.Table == object.Outbox {
					later = append(later, write{row, *c})
					return nil, nil, true
				}
				v, err := s.regs.Update(ctx, row, *c)
				for _, w := range later {
					_, werr := s.regs.Update(ctx, w.row, w.c)
					if err == nil && werr != nil && errs.KindOf(werr) != errs.Unavailable {
						err = werr
					}
				}
				later = nil
				return v, err, true
			}
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			caught := ""
			for i := 0; i < 2 && caught == ""; i++ {
				caught = explore(t, eventScenarios[i], 1, 200, func(s *side) register.Store {
					b := &bent{Store: s.regs}
					if s.name != "final" { // who looks at what came of it is whole
						v(s, b)
					}
					return b
				})
			}
			if caught == "" {
				t.Error("nothing shows that the rule is missing")
			}
			t.Log(caught)
		})
	}
}
