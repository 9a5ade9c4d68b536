package alarm

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"rhizome/gateway/admin/api"
)

// Message is what is told: the body of the POST, as JSON.
type Message struct {
	// Version is 1. Within it fields are only added.
	Version int       `json:"version"`
	State   string    `json:"state"` // "risk" or "good"
	Rhizome string    `json:"rhizome"`
	Node    string    `json:"node"`
	Home    string    `json:"home"`
	Time    time.Time `json:"time"`
	// Text is all of it in words, as the command is given it; its first line is short.
	Text string `json:"text"`
	// Reasons are all that there are, New those that were not told before.
	Reasons []api.Reason `json:"reasons"`
	New     []api.Reason `json:"new"`
}

func (a *Alarm) message(state string, reasons, fresh []api.Reason, now time.Time) Message {
	m := Message{Version: 1, State: state, Rhizome: a.Rhizome, Node: a.Node, Home: a.Home, Time: now, Reasons: []api.Reason{}, New: []api.Reason{}}
	m.Reasons, m.New = append(m.Reasons, reasons...), append(m.New, fresh...)
	var text strings.Builder
	if state == api.Good {
		text.WriteString(a.Say.T("Rhizome, home %s: nothing is at risk any more.", a.Home) + "\n")
	} else {
		text.WriteString(a.Say.T("Rhizome, home %s: something is at risk.", a.Home) + "\n\n")
		for _, r := range reasons {
			text.WriteString("- " + r.Text + "\n")
		}
		text.WriteString("\n" + a.Say.T("rhizome status on that computer says more.") + "\n")
	}
	m.Text = text.String()
	return m
}

// tell reports whether anybody was told.
func (a *Alarm) tell(ctx context.Context, m Message) (told bool) {
	if a.Webhook != "" {
		raw, err := json.Marshal(m)
		if err == nil {
			err = a.post.send(ctx, raw)
		}
		told = err == nil
		a.note(ctx, "the address of risk-webhook could not be told", err)
	}
	if a.Command != "" {
		err := run(ctx, a.Command, m)
		told = told || err == nil
		a.note(ctx, "the command of risk-command failed", err)
	}
	if told {
		a.Logger.Info("somebody was told of risks", "state", m.State, "reasons", len(m.Reasons))
	}
	return told
}

func (a *Alarm) note(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		a.Logger.Warn(what+"; it is tried again later", "error", err)
	}
}
