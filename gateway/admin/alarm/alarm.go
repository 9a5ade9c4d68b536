// Package alarm tells somebody when something comes to be at risk, and when all is good
// again: it posts to a web address, or gives a text to a command, for mail.
//
// It looks every so often at what is at risk. A reason that lasts for Steady and was not
// told before is told, together with all others; when there was none for as long, that is
// told too. What was told is remembered over restarts. Between two calls lies at least
// Quiet, so that a line that comes and goes does not ring all night; what changed
// meanwhile is told then, as it is then. A reason that was gone for Forget is told anew
// when it comes back.
//
// It never holds anything else up: attempts are bounded in number and time, and one that
// failed is made again after Quiet. The web address may hold a secret and is never logged.
package alarm

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"rhizome/base/clock"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
)

// The times of an alarm, unless the Config says otherwise.
const (
	Every  = 15 * time.Second
	Steady = time.Minute
	Quiet  = 15 * time.Minute
	Forget = time.Hour
)

// Config is what an Alarm is made of. All fields are needed unless they say otherwise.
type Config struct {
	// Webhook is an http or https address; "": none.
	Webhook string
	// Command is a line for the system's shell; "": none.
	Command string
	// Reasons says what is at risk at present.
	Reasons func(ctx context.Context) ([]api.Reason, error)
	// Node, Home and Rhizome say who tells.
	Node, Home, Rhizome string
	// Memory keeps what was told over a restart.
	Memory Memory
	Say    lang.Printer
	Clock  clock.Clock
	Logger *slog.Logger
	// The times; 0: those above. Every is in real time, the others by Clock.
	Every, Steady, Quiet, Forget time.Duration
}

// Memory keeps a small record. Load returns nil if there is none.
type Memory interface {
	Load() ([]byte, error)
	Save([]byte) error
}

// Alarm watches. One goroutine runs it.
type Alarm struct {
	Config
	post *poster
	memory
	since map[string]time.Time // when the present reasons were first seen
	calm  time.Time            // since when there is no reason; zero: there is
	tried time.Time            // when the last call was made
}

// memory is what is remembered over a restart.
type memory struct {
	// Told are the reasons that were told, and when each was last there, in Unix seconds.
	Told map[string]int64 `json:"told"`
	// Last is when the last call was made, in Unix seconds.
	Last int64 `json:"last"`
}

// New returns an Alarm.
func New(c Config) *Alarm {
	for t, usual := range map[*time.Duration]time.Duration{&c.Every: Every, &c.Steady: Steady, &c.Quiet: Quiet, &c.Forget: Forget} {
		if *t == 0 {
			*t = usual
		}
	}
	a := &Alarm{Config: c, post: newPoster(c.Webhook), since: map[string]time.Time{}}
	if raw, err := c.Memory.Load(); err == nil && raw != nil {
		_ = json.Unmarshal(raw, &a.memory) // what cannot be read was not told
	}
	if a.Told == nil {
		a.Told = map[string]int64{}
	}
	if a.Last != 0 {
		a.tried = time.Unix(a.Last, 0)
	}
	return a
}

// Run watches until ctx ends. It returns nil, and at once if there is nobody to tell.
func (a *Alarm) Run(ctx context.Context) error {
	if a.Webhook == "" && a.Command == "" {
		return nil
	}
	tick := time.NewTicker(a.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			a.look(ctx)
		}
	}
}

// look looks once, and tells what is to be told.
func (a *Alarm) look(ctx context.Context) {
	reasons, err := a.Reasons(ctx)
	if err != nil {
		if ctx.Err() == nil {
			a.Logger.Warn("what is at risk could not be looked at", "error", err)
		}
		return
	}
	now := a.Clock.Now()
	state, fresh := a.judge(reasons, now)
	if state == "" || now.Sub(a.tried) < a.Quiet && now.After(a.tried) {
		return
	}
	a.tried = now
	if !a.tell(ctx, a.message(state, reasons, fresh, now)) {
		return
	}
	a.Last = now.Unix()
	if state == api.Good {
		a.Told = map[string]int64{}
	}
	for _, r := range fresh {
		a.Told[key(r)] = now.Unix()
	}
	a.save()
}

func (a *Alarm) save() {
	raw, err := json.Marshal(&a.memory)
	if err == nil {
		err = a.Memory.Save(raw)
	}
	if err != nil {
		a.Logger.Warn("what was told of risks cannot be remembered", "error", err)
	}
}

func key(r api.Reason) string { return r.Kind + " " + r.About }

// judge returns what is to be told: api.Risk with the reasons that are new, api.Good, or
// "" for nothing.
func (a *Alarm) judge(reasons []api.Reason, now time.Time) (state string, fresh []api.Reason) {
	present := map[string]bool{}
	for _, r := range reasons {
		k := key(r)
		present[k] = true
		if _, known := a.since[k]; !known {
			a.since[k] = now
		}
		if _, told := a.Told[k]; told {
			a.Told[k] = now.Unix()
		} else if now.Sub(a.since[k]) >= a.Steady {
			fresh = append(fresh, r)
		}
	}
	for k := range a.since {
		if !present[k] {
			delete(a.since, k)
		}
	}
	if len(reasons) > 0 {
		a.calm = time.Time{}
		a.forget(now)
		if len(fresh) > 0 {
			return api.Risk, fresh
		}
		return "", nil
	}
	if a.calm.IsZero() {
		a.calm = now
	}
	if len(a.Told) > 0 && now.Sub(a.calm) >= a.Steady {
		return api.Good, nil
	}
	return "", nil
}

// forget drops what was told and is long gone, so that it is told again when it returns.
func (a *Alarm) forget(now time.Time) {
	for k, last := range a.Told {
		if now.Sub(time.Unix(last, 0)) > a.Forget {
			delete(a.Told, k)
		}
	}
}
