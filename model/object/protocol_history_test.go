package object_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/anishathalye/porcupine"

	"rhizome/base/errs"
	"rhizome/model/object"
)

// outcome is what a client was told.
type outcome int

const (
	unknown outcome = iota // no answer, or one that leaves it open
	okay
	unmet   // refused: the condition did not hold
	refused // refused for another reason: it did not and will not happen
)

func outcomeOf(err error) outcome {
	switch {
	case err == nil:
		return okay
	case errors.Is(err, object.ErrPrecondition), errors.Is(err, object.ErrNoSuchKey), errors.Is(err, object.ErrNoSuchVersion):
		return unmet
	case errors.Is(err, object.ErrLocked):
		return refused
	case errs.KindOf(err) == errs.Unavailable, errs.KindOf(err) == errs.Internal:
		return unknown
	}
	return refused
}

// input is an operation on one key, and on the upload and the bucket that it belongs
// to: a schedule has at most one of each.
type input struct {
	kind string // get put delete | part complete abort | bucketdelete
	// vals are what a put may write: more than one if that depends on when it read.
	vals []string
	// absent and match are conditions on the present value.
	absent bool
	match  string
	mark   string // hold, or tag=VALUE
}

type output struct {
	outcome outcome
	val     string // of a get; what a put wrote
	err     error
}

// cell is what one key may be seen to hold.
type cell struct {
	val  string // "": no object
	up   string // "": open, done:val, aborted
	part string // the upload's part 1
	gone bool   // the bucket
	mode object.Versioning
	// vers are the versions if the bucket ever had versioning, the newest first, each between
	// commas: its ETag or "-", and "!" if it is the null version.
	vers string
	// marks are what versions were marked with: "ETag hold" or "ETag tag=VALUE", in order,
	// between commas.
	marks string
}

// mark sets a mark of a version, or takes it away.
func (c cell) mark(etag, mark string, on bool) cell {
	kind, _, _ := strings.Cut(mark, "=")
	kept := slices.DeleteFunc(strings.Split(c.marks, ","), func(m string) bool { return m == "" || strings.HasPrefix(m, etag+" "+kind) })
	if on {
		kept = append(kept, etag+" "+mark)
	}
	slices.Sort(kept)
	c.marks = strings.Join(kept, ",")
	return c
}

func (c cell) held(etag string) bool { return strings.Contains(c.marks, etag+" hold") }

// marked are the marks of one version.
func (c cell) marked(etag string) string {
	kept := slices.DeleteFunc(strings.Split(c.marks, ","), func(m string) bool { return !strings.HasPrefix(m, etag+" ") })
	return strings.Join(kept, ",")
}

// write returns what a key holds once an ETag, or a delete marker, was written.
func (c cell) write(etag string) cell {
	switch c.mode {
	case object.VersioningOff:
		if c.val = etag; etag == "-" {
			c.val = ""
		}
		return c
	case object.VersioningSuspended:
		kept := slices.DeleteFunc(c.list(), func(v string) bool { return strings.HasSuffix(v, "!") })
		return c.with(slices.Insert(kept, 0, etag+"!"))
	}
	return c.with(slices.Insert(c.list(), 0, etag))
}

func (c cell) list() []string {
	if c.vers == "" {
		return nil
	}
	return strings.Split(c.vers, ",")
}

func (c cell) with(list []string) cell {
	c.vers, c.val = strings.Join(list, ","), ""
	if len(list) > 0 && !strings.HasPrefix(list[0], "-") {
		c.val = strings.TrimSuffix(list[0], "!")
	}
	return c
}

// find returns the place of a version, -1 if it is not there.
func (c cell) find(etag string) int {
	return slices.IndexFunc(c.list(), func(v string) bool { return strings.TrimSuffix(v, "!") == etag })
}

// turn changes the versioning; what was there before is the null version.
func (c cell) turn(mode object.Versioning) cell {
	if c.mode == object.VersioningOff && c.val != "" {
		c.vers = c.val + "!"
	}
	c.mode = mode
	return c
}

func (in input) holds(c cell) bool {
	return !(in.absent && c.val != "" || in.match != "" && c.val != in.match)
}

// step returns what a key may hold after an operation that got that answer; nothing
// if it cannot have happened then.
func step(c cell, in input, out output) []cell {
	if out.outcome == unknown {
		after := []cell{c}
		for _, v := range in.vals {
			after = append(after, step(c, in, output{outcome: okay, val: v})...)
		}
		if len(in.vals) == 0 {
			after = append(after, step(c, in, output{outcome: okay})...)
		}
		return after
	}
	if out.outcome == refused {
		if in.kind == "bucketdelete" && errors.Is(out.err, object.ErrBucketNotEmpty) && c.val == "" && c.vers == "" {
			return nil
		}
		if errors.Is(out.err, object.ErrLocked) && !c.held(in.vals[0]) {
			return nil
		}
		if in.kind == "complete" && errors.Is(out.err, object.ErrNoSuchUpload) && c.up == "" && !c.gone {
			return nil
		}
		return []cell{c}
	}
	if out.outcome == unmet {
		if in.kind == "vget" || in.kind == "vmark" || in.kind == "vstat" {
			if c.find(in.vals[0]) >= 0 {
				return nil
			}
			return []cell{c}
		}
		if in.kind == "get" && c.val != "" || in.kind != "get" && in.holds(c) {
			return nil
		}
		return []cell{c}
	}
	if f := steps[in.kind]; f != nil {
		if next, can := f(c, in, out); can {
			return []cell{next}
		}
	}
	return nil
}

var steps = map[string]func(cell, input, output) (cell, bool){
	"get": func(c cell, _ input, out output) (cell, bool) { return c, c.val == out.val },
	"put": func(c cell, in input, out output) (cell, bool) {
		can := in.holds(c) && !c.gone
		return c.write(out.val), can
	},
	"delete": func(c cell, in input, _ output) (cell, bool) {
		return c.write("-"), in.holds(c) && !c.gone
	},
	"vget": func(c cell, in input, out output) (cell, bool) {
		return c, c.find(in.vals[0]) >= 0 && out.val == in.vals[0]
	},
	"vdrop": func(c cell, in input, _ output) (cell, bool) {
		can := !c.held(in.vals[0])
		if i := c.find(in.vals[0]); i >= 0 {
			c = c.with(slices.Delete(c.list(), i, i+1)).mark(in.vals[0], "", false)
		}
		return c, can
	},
	"vmark": func(c cell, in input, _ output) (cell, bool) {
		return c.mark(in.vals[0], in.mark, true), c.find(in.vals[0]) >= 0
	},
	"vstat": func(c cell, in input, out output) (cell, bool) {
		return c, c.find(in.vals[0]) >= 0 && out.val == c.marked(in.vals[0])
	},
	"vlist": func(c cell, _ input, out output) (cell, bool) { return c, c.vers == out.val },
	"on":    func(c cell, _ input, _ output) (cell, bool) { return c.turn(object.VersioningOn), true },
	"off":   func(c cell, _ input, _ output) (cell, bool) { return c.turn(object.VersioningSuspended), true },
	"part": func(c cell, _ input, out output) (cell, bool) {
		can := c.up == ""
		c.part = out.val
		return c, can
	},
	"complete": func(c cell, in input, out output) (cell, bool) {
		if c.up != "" { // a repeated one answers while its object stands
			return c, c.up == "done:"+out.val && c.val == out.val
		}
		can := "whole:"+c.part == in.vals[0] && in.holds(c) && !c.gone
		c = c.write(out.val)
		c.up = "done:" + out.val
		return c, can
	},
	"abort": func(c cell, _ input, _ output) (cell, bool) {
		can := c.up == ""
		c.up = "aborted"
		return c, can
	},
	"bucketdelete": func(c cell, _ input, _ output) (cell, bool) {
		can := c.val == "" && c.vers == ""
		c.gone = true
		return c, can
	},
}

type event struct {
	key       string
	in        input
	out       output
	call, ret int64
}

type history struct {
	mu     sync.Mutex
	clock  int64
	events []*event
}

func (h *history) begin(key string, in input) *event {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	e := &event{key: key, in: in, call: h.clock, ret: math.MaxInt64}
	h.events = append(h.events, e)
	return e
}

func (h *history) end(e *event, out output) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	e.out = out
	if out.outcome != unknown {
		e.ret = h.clock
	}
}

func (e *event) String() string {
	return fmt.Sprintf("[%d,%d] %s %s %v -> %d %q %v", e.call, e.ret, e.in.kind, e.key, e.in.vals, e.out.outcome, e.out.val, e.out.err)
}

// check looks for an order of the operations on each key that explains the answers.
func (h *history) check(initial map[string]cell) error {
	keys := map[string][]porcupine.Operation{}
	for i, e := range h.events {
		if e.out.outcome == unknown && e.in.kind == "get" {
			continue
		}
		keys[e.key] = append(keys[e.key], porcupine.Operation{ClientId: i, Input: e.in, Call: e.call, Output: e.out, Return: e.ret})
	}
	for key, ops := range keys {
		model := porcupine.NondeterministicModel{
			Init: func() []any { return []any{initial[key]} },
			Step: func(s, in, out any) (next []any) {
				for _, c := range step(s.(cell), in.(input), out.(output)) {
					next = append(next, c)
				}
				return next
			},
		}
		if !porcupine.CheckOperations(model.ToModel(), ops) {
			return fmt.Errorf("the history of %q cannot be explained", key)
		}
	}
	return nil
}
