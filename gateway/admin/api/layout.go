package api

import "time"

// Layout is GET /v1/layout: which homes and nodes share the data, and what is on its way.
type Layout struct {
	Version uint64 `json:"version"`
	Lineage string `json:"lineage"`
	// Replicas and Zones are as they were chosen; Zones 0 is as many as Replicas.
	Replicas int `json:"replicas"`
	Zones    int `json:"zones"`
	// Effective is how many copies there are at present: fewer than Replicas while there
	// are fewer homes than that.
	Effective int `json:"effective_replicas"`
	// Copies is how many of those have large objects too: witnesses have none.
	Copies     int `json:"copies"`
	Partitions int `json:"partitions"`
	// Usable is how many bytes of objects fit in all, each kept Copies times.
	Usable int64 `json:"usable"`
	// Left is how many of them still fit, by what the nodes last said.
	Left  int64       `json:"left"`
	Homes []HomeShare `json:"homes"`
	Stand Standing    `json:"standing"`
	// Warn is what could be better. Only a warning of the kind full is a risk that the
	// status names too; what stops or is lost when homes go away it takes from Stand.
	Warn   []Notice     `json:"warnings,omitempty"`
	Moving *LayoutMoves `json:"moving,omitempty"` // nil: everything is where it belongs
}

// HomeShare is what a home has of the layout.
type HomeShare struct {
	Name     string      `json:"name"`
	Capacity int64       `json:"capacity"`
	Nodes    []NodeShare `json:"nodes"`
}

// NodeShare is what a node has of the layout.
type NodeShare struct {
	ID       string   `json:"id"`
	Short    string   `json:"short"` // as in Node; the server fills it in
	Name     string   `json:"name"`  // likewise
	Roles    []string `json:"roles"`
	Capacity int64    `json:"capacity"`
	// Partitions are those whose rows it keeps.
	Partitions int  `json:"partitions"`
	Draining   bool `json:"draining"`
}

// Standing says what the loss of nodes does, counted in partitions; see
// admin.StandingOf.
type Standing struct {
	// Stopped have no majority of their replicas up: nothing can be written there.
	Stopped int `json:"stopped"`
	// Silent are those of them that cannot be read either: one of two replicas answers
	// reads, but for what was being written when the other one went.
	Silent int `json:"silent"`
	// Waiting are those of Stopped of which enough replicas are up, but have not taken over
	// the rows yet, and too few are up of those that had them before.
	Waiting int `json:"waiting"`
	// Fragile stop when one more home goes away. Moving do so, too, but only until their
	// replicas have taken over the rows.
	Fragile int `json:"fragile"`
	Moving  int `json:"moving"`
	// Unsure have two replicas, one of which cannot answer reads alone yet: it still takes
	// over rows, or compares them with the other one.
	Unsure int `json:"unsure"`
	// Unreadable have no node up that keeps their bytes.
	Unreadable int `json:"unreadable"`
	// Lone have their bytes in one single home that is up, though not only one home is
	// meant to hold them.
	Lone int `json:"lone"`
}

// LayoutMoves is what the last layout still moves, over all nodes that are up.
type LayoutMoves struct {
	Partitions     int   `json:"partitions"`
	PartitionsLeft int   `json:"partitions_left"`
	Bytes          int64 `json:"bytes"`
	BytesLeft      int64 `json:"bytes_left"`
	Rate           int64 `json:"bytes_per_second"`
	// Seconds left at this rate; -1 if that cannot be said.
	Seconds int64     `json:"seconds_left"`
	Started time.Time `json:"started"`
}

// LayoutVersion is one of GET /v1/layout/history, the newest first.
type LayoutVersion struct {
	Version uint64        `json:"version"`
	Lineage string        `json:"lineage"`
	Time    *time.Time    `json:"time,omitempty"`
	Events  []LayoutEvent `json:"events"`
}

// LayoutEvent is one thing that a layout changed; see admin.EventsOf.
type LayoutEvent struct {
	Kind string `json:"kind"`
	Node string `json:"node,omitempty"`
	Home string `json:"home,omitempty"`
	// Before and After are what was changed: bytes, homes or numbers, by Kind.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Text says it in words; the server fills it in.
	Text string `json:"text"`
}

// The kinds of a LayoutEvent. Of those that a LayoutChange has too, the names are the same.
const (
	EventMade      = "made"      // the first layout
	EventAdded     = "added"     // After: capacity
	EventRemoved   = "removed"   // Before: capacity
	EventRecovered = "recovered" // Before, After: lineage
	EventStorage   = "storage"   // it is no witness any more
	EventZones     = "zones"     // Before, After: numbers of homes
)
