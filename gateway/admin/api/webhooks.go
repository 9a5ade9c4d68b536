package api

import "time"

// Webhook is GET /v1/webhooks/{name}: an address that is told of events. GET /v1/webhooks has
// all.
type Webhook struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	// URL is cut behind the host, for the rest may be a secret, and Secret left out, unless the
	// query has secret=true or the webhook was made just now.
	URL    string `json:"url"`
	Secret string `json:"secret,omitempty"`
	// Failed is how many attempts of the node that is asked failed since the last that did not;
	// Reason says why the last one did, and Again when the next one is made.
	Failed int        `json:"failed,omitempty"`
	Reason string     `json:"reason,omitempty"`
	Again  *time.Time `json:"again,omitempty"`
}

// NewWebhook is POST /v1/webhooks. Without a Secret one is drawn.
type NewWebhook struct {
	Name   string `json:"name"`
	URL    string `json:"url"`
	Secret string `json:"secret,omitempty"`
}

// Notify is PUT /v1/buckets/{bucket}/notify: a rule that says which events a webhook is told
// of, in place of one with the same ID. DELETE takes those away that ?webhook= names.
type Notify struct {
	ID      string   `json:"id"`
	Webhook string   `json:"webhook"`
	Events  []string `json:"events"` // as S3 writes them
	Prefix  string   `json:"prefix,omitempty"`
	Suffix  string   `json:"suffix,omitempty"`
}

// Waiting is what webhooks were not told of yet.
type Waiting struct {
	Events int64        `json:"events"`
	By     []WaitingFor `json:"webhooks"`
}

// WaitingFor is what one of them was not told of. Lost are events of which nothing else is
// known any more: it was away for too long.
type WaitingFor struct {
	Webhook string    `json:"webhook"`
	Oldest  time.Time `json:"oldest"`
	Lost    int64     `json:"lost,omitempty"`
}
