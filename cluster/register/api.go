package register

import (
	"context"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
)

// Table says what a row's value is. Numbers are stored and never reused.
type Table uint8

// Row names one register. Part chooses the partition; rows of one Part are ordered
// by the bytes of Sort. Both may hold any bytes; together at most 2,000.
type Row struct {
	Table Table
	Part  string
	Sort  string
}

// Ballot orders the attempts to change a row. The zero Ballot is below all others
// and belongs to a row that was never written.
type Ballot = core.Ballot

// Value is what a row holds. A nil *Value is an absent row.
// Values are shared: nobody changes one after handing it over or receiving it.
type Value = core.Value

// Change is one update of a row.
type Change struct {
	// Apply computes the new value from the present one; nil deletes or leaves
	// absent. It may run several times and must have no effects. An error refuses
	// the change and is returned as it is; the row stays as it was.
	// A result that is the very pointer it was given asks for an identity update:
	// the present value is chosen again under the new ballot.
	Apply func(old *Value) (*Value, error)
	// Ballot, if not zero, is the first ballot to try. Each Ballot serves one Change.
	Ballot Ballot
	// Above, if not zero, must be below the ballot used.
	Above Ballot
	// Raise, if set, is called before an Accept under any ballot but Ballot, with the
	// ballot about to be used. An error ends the update: it is returned as it is if
	// no Accept was sent before, else the outcome is settled or errs.Unavailable.
	Raise func(context.Context, Ballot) error
	// Epoch is what the caller knows of its partition key's epoch, or EpochSettle or
	// EpochFinal. A replica that was fenced at a higher one refuses the Accept.
	Epoch uint64
	// Fresh says that the row is under a random key that nobody else can know, as
	// Create's: the first attempt asks for no promises. Apply is given nil.
	Fresh bool
	// AbsentToo makes an identity update of an absent row write a tombstone rather
	// than nothing, so that lower ballots are fenced off.
	AbsentToo bool
}

// Epochs that are no partition key's own.
const (
	// EpochFinal passes every fence. A fence of this epoch closes the rows for ever: what
	// was not chosen by then never will be, not even by settling.
	EpochFinal = ^uint64(0)
	// EpochSettle passes every fence but a final one. It is for changes that find out
	// what became of others' changes and write nothing new.
	EpochSettle = EpochFinal - 1
)

// ErrFenced refuses a change whose Epoch is below that of a Fence.
var ErrFenced = errs.New(errs.Conflict, "the rows are closed to changes of this epoch")

// UnsettledError is ErrFenced from a Scan, for the first row on which replicas differ and which the
// fence keeps from being settled: what one of them has of it was not chosen when the rows were
// closed, or nobody can say. A change of EpochFinal decides it.
type UnsettledError struct{ Row Row }

func (e *UnsettledError) Error() string { return ErrFenced.Error() }

// Unwrap returns ErrFenced.
func (e *UnsettledError) Unwrap() error { return ErrFenced }

// Store is what the floors above use. All methods are safe for concurrent use and
// end with errs.Unavailable when ctx does or when no majority answers. Of a row's two
// replicas one answers what reads, scans and weighs, while the other one is away, but for
// rows that were changed when it went.
type Store interface {
	// NewBallot returns a ballot that this node has never used, likely to win now.
	NewBallot() Ballot
	// Read returns the row's value, nil if absent, and the ballot it was accepted at.
	Read(ctx context.Context, row Row) (*Value, Ballot, error)
	// ReadAll reads several rows side by side; answers are in the order asked.
	ReadAll(ctx context.Context, rows ...Row) ([]*Value, error)
	// Update changes the row and returns its new value. It applies the change at most
	// once. It fails with ErrFenced under a Fence above its Epoch.
	Update(ctx context.Context, row Row, c Change) (*Value, error)
	// Create writes a row under a fresh random key that nobody else can know. Only
	// the first attempt for a key may use it. ballot is one of NewBallot. It fails with
	// errs.Exists once somebody else has written the row, if only a tombstone. Who
	// forecloses the row, by an identity update of it with AbsentToo, names ballot in Above:
	// then a Create that comes late fails, also when that tombstone was forgotten.
	Create(ctx context.Context, row Row, ballot Ballot, v *Value) error
	// Scan returns rows in order.
	Scan(ctx context.Context, s Scan) (*Page, error)
	// Fence makes a majority refuse, durably and before it returns, every further
	// Accept under (table, part) whose Change carries a lower epoch. A replica keeps
	// the highest epoch it was told; there is no way back, so a late Fence of a
	// coordinator that was given up is harmless: whoever reopens names a higher epoch.
	// What a minority accepted before may yet be chosen, by who settles it: where that
	// matters, Affirm the rows, or fence with EpochFinal.
	Fence(ctx context.Context, table Table, part string, epoch uint64) error
	// Affirm chooses anew what the rows hold, above everything proposed before. Behind a
	// Fence what they hold is then what they will hold.
	Affirm(ctx context.Context, rows ...Row) error
	// Weight returns the sums over the live rows of (table, part), as a majority of
	// replicas last saw them: exact when nothing is under way.
	Weight(ctx context.Context, table Table, part string) (count, bytes int64, err error)
	// Settle takes a row off the work lists of its replicas without changing it: v is
	// the value whose pending work is done. A replica where the row has another Data by
	// now keeps it listed. It is a hint: losing it costs a look at the row.
	Settle(row Row, v *Value)
}

// Scan asks for the rows of one table under several partition keys, merged into one
// order by Sort (ties by Part), each Sort after After and beginning with Prefix.
type Scan struct {
	Table  Table
	Parts  []string
	Prefix string
	// After is exclusive; empty begins at the first row. With a Delimiter, an After that
	// is the beginning of a group passes over the whole group.
	After string
	// Limit is the number of entries wanted, 1 to 10,000. A page may hold fewer even if
	// there are more, so that it stays below some 8 MiB, and a few more, so that
	// it never ends between rows of one Sort.
	Limit int
	// Delimiter, if not empty, rolls rows up: of all rows whose Sort agrees up to and
	// including the first Delimiter behind Prefix, only the first live one is returned,
	// with Entry.Group set to that common beginning.
	Delimiter string
	// Fence, if not zero, is the epoch at which each replica that answers first closes
	// the parts, as Store.Fence does: no change of a lower epoch that is not in the
	// answer is ever acknowledged.
	Fence uint64
	// Hidden shows the rows whose Value is Hidden too.
	Hidden bool
}

// Entry is one live row of a Page, or the first of a group.
type Entry struct {
	Row   Row
	Group string
	Value *Value // without Blob
}

// Page is the answer to a Scan.
type Page struct {
	Entries []Entry
	// More reports whether rows may follow; After is where to go on.
	More  bool
	After string
}

// Local is what a replica knows of its own rows. It serves clean-up and repair;
// nothing it says is a quorum's word.
type Local interface {
	// Pending returns up to limit rows of the table's work list after the given one
	// (nil: from the start), in an order of its own.
	Pending(ctx context.Context, table Table, after *Row, limit int) ([]Row, error)
	// PendingCount returns the length of the table's work list.
	PendingCount(ctx context.Context, table Table) (int64, error)
	// Held returns the ballot at which this replica accepted what it holds of a row, zero
	// for none. Who changes a row because of that alone does it Above: it may be a Create
	// under way, which asked for no promises.
	Held(ctx context.Context, row Row) (Ballot, error)
	// Rows calls f for every live row of the table that this replica holds, in an
	// order of its own, until f returns an error, which is returned. Rows that cannot
	// be read are passed over; if there are any, it returns errs.Corrupt at the end.
	Rows(ctx context.Context, table Table, f func(Row, *Value) error) error
}
