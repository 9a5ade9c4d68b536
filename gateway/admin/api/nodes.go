package api

import "time"

// Node is one node of the rhizome, as the node that is asked sees it; GET /v1/nodes is a
// list of them.
type Node struct {
	ID string `json:"id"`
	// Short is the beginning of the ID that no other node shares, at least 8 digits; Name
	// is what people call the node: its home, with Short behind it if the home has
	// several. The server fills in both.
	Short string `json:"short"`
	Name  string `json:"name"`
	Home  string `json:"home"`
	// Operator is the name of the member who runs the node; empty: it is not known now.
	Operator string `json:"operator,omitempty"`
	// Roles are those of RoleStorage, RoleWitness and RoleGateway that the layout gives.
	Roles []string `json:"roles"`
	// This is the node that is asked.
	This bool `json:"this"`
	Up   bool `json:"up"`
	// Since is when the node was first seen up, or last seen; nil if that is not known. Seconds
	// passed since then, whatever the clock of the machine shows that is asked.
	Since   *time.Time `json:"since,omitempty"`
	Seconds int64      `json:"seconds,omitempty"`
	// RTT is the time to the node and back in milliseconds; 0 for this one and those away.
	RTT float64 `json:"rtt_ms"`
	// Relayed says that the node is reached through another one only.
	Relayed   bool     `json:"relayed"`
	Release   string   `json:"release"`
	Addresses []string `json:"addresses"`
	// Capacity is what the layout counts with; Used and Free are what the node last said.
	Capacity   int64 `json:"capacity"`
	Used       int64 `json:"used"`
	Free       int64 `json:"free"`
	Partitions int   `json:"partitions"`
	Draining   bool  `json:"draining"`
	// Imported is the newest layout whose rows the node has taken over entirely.
	Imported uint64 `json:"imported_layout"`
	// Apart is the layout that the node goes by, if it belongs to another history since a
	// recovery: it counts as away then, and each refuses the other. Else 0.
	Apart uint64 `json:"apart_layout,omitempty"`
	// Refuses: the node says that the one that is asked is no member of its rhizome.
	Refuses bool `json:"refuses,omitempty"`
	// OlderCopy: the node came with an old copy of its data folder, and counts as away. Of the
	// node that is asked: others said so, and nothing else is known of them.
	OlderCopy bool `json:"older_copy,omitempty"`
	// Ahead is by how many milliseconds the node's clock is ahead of that of the node that is
	// asked, while there is no time that most of the nodes compared agree on; else 0.
	Ahead int64 `json:"clock_ahead_ms,omitempty"`
	// S3 is the URL at which the node serves S3, empty if it does not say.
	S3     string     `json:"s3,omitempty"`
	Health NodeHealth `json:"health"`
}

// NodeAddress is POST /v1/nodes/address: where a node may be found, in words of people or
// as a Node's Addresses, in place of what was said so before; none takes that back.
// NodeAnswers is the answer.
type NodeAddress struct {
	Node      string   `json:"node"`
	Addresses []string `json:"addresses"`
}

// NodeAnswers says whether the node answered there, and why it did not.
type NodeAnswers struct {
	Answers bool `json:"answers"`
	// Linked: it answers, there or at another address.
	Linked bool   `json:"linked"`
	Reason string `json:"reason,omitempty"`
	Err    error  `json:"-"`
}

// The roles of a Node.
const (
	RoleStorage = "storage"
	RoleWitness = "witness"
	RoleGateway = "gateway"
)

// NodeHealth is what a node last said about itself.
type NodeHealth struct {
	// PartitionsLeft are partitions whose rows it still takes over; ExtentsLeft and
	// BytesLeft what it still has to fetch, at Rate bytes a second.
	PartitionsLeft int   `json:"partitions_left"`
	ExtentsLeft    int64 `json:"extents_left"`
	BytesLeft      int64 `json:"bytes_left"`
	Rate           int64 `json:"bytes_per_second"`
	// Damaged are pieces found damaged that are not mended yet.
	Damaged   int64 `json:"damaged"`
	DisksLost int   `json:"disks_lost"`
	// Skew is how far its clock is ahead of the time that most nodes agree on, in
	// milliseconds.
	Skew int64 `json:"skew_ms"`
	Full bool  `json:"full"`
}

// Home is one home of GET /v1/status: the sum of its nodes.
type Home struct {
	Name string `json:"name"`
	// State is HomeUp, HomePart if some nodes are away, or HomeAway.
	State string `json:"state"`
	// Since is when the home came to be so; nil if that is not known. Seconds passed since then.
	Since   *time.Time `json:"since,omitempty"`
	Seconds int64      `json:"seconds,omitempty"`
	This    bool       `json:"this"` // the node that is asked stands here
	Nodes   int        `json:"nodes"`
	Away    int        `json:"away"`
	// Witness: no node of the home keeps bytes and one votes.
	Witness bool  `json:"witness,omitempty"`
	Used    int64 `json:"used"`
	Free    int64 `json:"free"`
}

// The states of a Home.
const (
	HomeUp   = "up"
	HomePart = "partly up"
	HomeAway = "away"
)

// Mending is what a node has left to do to be whole, in GET /v1/status.
type Mending struct {
	Node string `json:"node"`
	Name string `json:"name"`
	// Partitions, Extents and Bytes are what is left.
	Partitions int   `json:"partitions_left"`
	Extents    int64 `json:"extents_left"`
	Bytes      int64 `json:"bytes_left"`
	Rate       int64 `json:"bytes_per_second"`
	// Until is when it is done at this rate; nil if that cannot be said.
	Until *time.Time `json:"until,omitempty"`
}

// Notice is something that a person is told. A backend fills in Err, the server Reason.
type Notice struct {
	Reason string `json:"reason"`
	Err    error  `json:"-"`
}
