package membership

import (
	"slices"
	"unicode/utf8"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Card is what a node tells of itself.
type Card struct {
	Node ident.NodeID `cbor:"1,keyasint" json:"node"`
	// Edition orders the cards of one node: its age in the high half, the number of changes
	// since in the low half.
	Edition uint64 `cbor:"2,keyasint" json:"edition"`
	// Addresses are where it can be reached, as net/rpc writes them; at most MaxAddresses.
	Addresses []string `cbor:"3,keyasint" json:"addresses"`
	Release   string   `cbor:"4,keyasint" json:"release"`
	// Layout is the newest layout that it knows.
	Layout uint64 `cbor:"5,keyasint" json:"layout"`
	// Imported has a bit for each partition: the node is one of its replicas and has taken
	// it up under the present term of Layout.
	Imported []byte `cbor:"6,keyasint,omitempty" json:"-"`
	// Field 7 was one that nobody may use again.
	// Used and Free are bytes of extents on its disks, and that still fit.
	Used int64 `cbor:"8,keyasint,omitempty" json:"used"`
	Free int64 `cbor:"9,keyasint,omitempty" json:"free"`
	// Health says what is being mended there and what is at risk.
	Health Health `cbor:"10,keyasint,omitempty" json:"health"`
	// S3 is where the node serves S3, if others can reach it.
	S3 string `cbor:"11,keyasint,omitempty" json:"s3,omitempty"`
	// Started is when it started, Unix seconds.
	Started int64 `cbor:"12,keyasint,omitempty" json:"started"`
	// Capacity is what its disks could hold, in bytes, as it finds them now.
	Capacity int64 `cbor:"13,keyasint,omitempty" json:"capacity"`
	// Records is the newest generation of records that it knows: see package codec; 0 of a
	// release that did not tell.
	Records int `cbor:"14,keyasint,omitempty" json:"records"`
	// Run is a random number of the process that wrote the card; 0 of a release that did not tell.
	Run uint64 `cbor:"15,keyasint,omitempty" json:"-"`
}

// Health is what a node has left to mend.
type Health struct {
	// Rows and Extents are how many partitions and extents are yet to be taken up here,
	// Bytes what those extents hold, Rate the bytes that came in the last second or so.
	Rows    int64 `cbor:"1,keyasint,omitempty" json:"partitions_left"`
	Extents int64 `cbor:"2,keyasint,omitempty" json:"extents_left"`
	Bytes   int64 `cbor:"3,keyasint,omitempty" json:"bytes_left"`
	Rate    int64 `cbor:"4,keyasint,omitempty" json:"bytes_per_second"`
	// Damaged are pieces that nobody could mend yet, Lost disks that are not there.
	Damaged int64 `cbor:"5,keyasint,omitempty" json:"damaged"`
	Lost    int64 `cbor:"6,keyasint,omitempty" json:"disks_lost"`
	// Skew is by how many milliseconds its clock is ahead of the agreed time.
	Skew int64 `cbor:"7,keyasint,omitempty" json:"skew_ms"`
	// Room is false when it takes no more bytes.
	Full bool `cbor:"8,keyasint,omitempty" json:"full"`
	// Comparing: rows and bytes are being compared, or are about to be, so that Extents may
	// grow yet.
	Comparing bool `cbor:"9,keyasint,omitempty" json:"comparing"`
	// Kept is how many partitions it has rows of, its own and those that it keeps until
	// others have them.
	Kept int64 `cbor:"10,keyasint,omitempty" json:"partitions_kept"`
	// Unsure is how many partitions of two replicas it has of which it cannot answer reads
	// alone yet.
	Unsure int64 `cbor:"11,keyasint,omitempty" json:"partitions_unsure"`
}

// busy reports whether something is being mended.
func (h *Health) busy() bool { return h.Rows > 0 || h.Extents > 0 || h.Comparing || h.Unsure > 0 }

// Limits on what a card may say.
const (
	MaxAddresses = 32
	maxText      = 256
	maxBitmap    = 1 << 16
)

// check refuses a card that is out of bounds.
func (c *Card) check() error {
	bad := c.Node == ident.NodeID{} || len(c.Addresses) > MaxAddresses || len(c.Imported) > maxBitmap ||
		!sane(c.Release) || !sane(c.S3) || slices.ContainsFunc(c.Addresses, func(a string) bool { return !sane(a) })
	if bad {
		return errs.New(errs.Invalid, "a node's card is out of bounds")
	}
	return nil
}

func sane(s string) bool { return len(s) <= maxText && utf8.ValidString(s) }

// Has reports whether the node has taken up a partition.
func (c *Card) Has(partition int) bool {
	return partition/8 < len(c.Imported) && c.Imported[partition/8]&(1<<(partition%8)) != 0
}
