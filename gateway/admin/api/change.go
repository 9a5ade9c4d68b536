package api

// LayoutChange is POST /v1/layout/preview and POST /v1/layout/change.
type LayoutChange struct {
	// Base is the version of the layout that the plan was shown for. If it is no longer
	// the present one the change is refused with the kind conflict. 0 in a preview: the
	// present one.
	Base uint64 `json:"base"`
	Kind string `json:"kind"` // of the kinds below
	// Node is an ID, the beginning of one, or the name of a home with one node. A backend
	// is always given a whole ID.
	Node     string `json:"node,omitempty"`
	Capacity int64  `json:"capacity,omitempty"` // ChangeCapacity: bytes, LeastCapacity at least; 0: keeps nothing
	Zone     string `json:"zone,omitempty"`     // ChangeZone: the home
	Operator string `json:"operator,omitempty"` // ChangeOperator: the name of a member
	// Lost says of ChangeRemove that the node does not come back.
	Lost     bool `json:"lost,omitempty"`
	Replicas int  `json:"replicas,omitempty"` // ChangeReplicas: 1, 3, 5 or 7
	Zones    int  `json:"zones,omitempty"`    // likewise; 0: as many as Replicas
}

// The kinds of a LayoutChange.
const (
	ChangeCapacity = "capacity"
	ChangeZone     = "zone"
	ChangeDrain    = "drain"
	ChangeUndrain  = "undrain"
	ChangeRemove   = "remove"
	ChangeWitness  = "witness"
	ChangeReplicas = "replicas"
	ChangeOperator = "operator"
)

// MaxReplicas is the most copies that may be asked for.
const MaxReplicas = 7

// Plan is what a LayoutChange would do.
type Plan struct {
	// Base is the version that the plan starts from.
	Base  uint64     `json:"base"`
	Nodes []PlanNode `json:"nodes"` // all, those that leave too
	// Partitions are those that get another set of replicas, Move the bytes that have to
	// be copied for it, Seconds how long that takes; -1 if that cannot be said.
	Partitions int   `json:"partitions"`
	Move       int64 `json:"bytes_to_move"`
	Seconds    int64 `json:"seconds"`
	// Usable is how many bytes of objects fit in all; Replicas how many copies there are.
	UsableBefore   int64 `json:"usable_before"`
	UsableAfter    int64 `json:"usable_after"`
	ReplicasBefore int   `json:"replicas_before"`
	ReplicasAfter  int   `json:"replicas_after"`
	// Copies is how many of them have large objects too.
	CopiesBefore int      `json:"copies_before"`
	CopiesAfter  int      `json:"copies_after"`
	Warn         []Notice `json:"warnings,omitempty"`
	// Answers: the node that is to be removed as lost answers; Warn says what to do instead.
	Answers bool `json:"answers,omitempty"`
	// Already: the layout is so, and nothing is to be changed.
	Already bool `json:"already,omitempty"`
	// Refused says why the change cannot be made as things are; nil: it can.
	Refused *Notice `json:"refused,omitempty"`
}

// PlanNode is what a Plan does to a node.
type PlanNode struct {
	ID    string `json:"id"`
	Short string `json:"short"` // as in Node; the server fills it in
	Name  string `json:"name"`  // likewise
	Home  string `json:"home"`
	// Partitions and the bytes of objects that lie in them.
	PartitionsBefore int   `json:"partitions_before"`
	PartitionsAfter  int   `json:"partitions_after"`
	BytesBefore      int64 `json:"bytes_before"`
	BytesAfter       int64 `json:"bytes_after"`
	Gone             bool  `json:"gone,omitempty"` // the node leaves
}

// Recover is POST /v1/layout/recover/preview and POST /v1/layout/recover: go on without
// nodes that are lost for good although a majority is among them.
type Recover struct {
	// Base is as in LayoutChange.
	Base uint64 `json:"base"`
	// Gone are the nodes that do not come back, named as in LayoutChange.
	Gone []string `json:"gone"`
}

// RecoverPlan is what a Recover would do and what may be missing then.
type RecoverPlan struct {
	Base       uint64     `json:"base"`
	Nodes      []PlanNode `json:"nodes"`
	Partitions int        `json:"partitions"` // in all
	Loss       Loss       `json:"loss"`
	Warn       []Notice   `json:"warnings,omitempty"`
	Refused    *Notice    `json:"refused,omitempty"`
}

// Loss counts the partitions that lose something with some nodes; see admin.LossOf.
type Loss struct {
	// Rows lose every replica of their rows: names, keys and small objects of theirs are gone.
	Rows int `json:"rows"`
	// Bytes lose every node that keeps their bytes: what lies there cannot be read any more.
	Bytes int `json:"bytes"`
	// Doubtful lose a majority but not all: their newest changes may be missing.
	Doubtful int `json:"doubtful"`
}

// LeastCapacity is the smallest capacity of a node that keeps anything, in bytes: its rows, their
// log and room to compact them take some tens of megabytes of it.
const LeastCapacity = 100_000_000
