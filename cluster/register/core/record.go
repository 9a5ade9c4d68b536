package core

// Value is what a row holds. A nil *Value is an absent row.
// Values are shared: nobody changes one after handing it over or receiving it.
type Value struct {
	// Data is carried by scans and reads. At most 256 KiB.
	Data []byte
	// Blob is carried by reads only, so that listings stay small. At most 64 KiB.
	Blob []byte
	// Pending puts the row on its replicas' work lists.
	Pending bool
	// Hidden rows are passed over by scans like absent ones.
	Hidden bool
	// Count and Bytes are this row's share of its partition key's Weight.
	Count, Bytes int64
}

// Record is a value with the ballot it was accepted at. The zero Record is that of
// an absent row; one with a Ballot but no Value is a tombstone. Records are shared
// and never changed.
type Record struct {
	Ballot Ballot
	Value  *Value
	// Recent lists the ballots of the latest changes that led here, oldest first,
	// each being the ballot at which the change was first proposed.
	Recent []Ballot
	// Horizon bounds what Recent may lack: a change proposed above it that led here
	// is in Recent.
	Horizon Ballot
	// Epoch is that of the change that wrote the value; fences above it refuse it.
	Epoch uint64
}

const (
	// RecentMax bounds the length of Record.Recent.
	RecentMax = 32
	// RecentRounds is the age, in rounds, after which a change leaves Recent. A retry
	// that comes later ends as unknown. Rounds follow the clock in microseconds.
	RecentRounds = 60_000_000
)

// has reports whether the change proposed at b led to r.
func (r *Record) has(b Ballot) bool {
	for _, o := range r.Recent {
		if o == b {
			return true
		}
	}
	return false
}

// follow returns the record that proposing v at b on top of r makes. floor is the
// highest floor among those that called the row absent.
func (r *Record) follow(b Ballot, v *Value, floor Ballot, epoch uint64) Record {
	horizon := r.horizon(floor)
	from := 0
	for from < len(r.Recent) && (len(r.Recent)-from >= RecentMax || r.Recent[from].Round+RecentRounds < b.Round) {
		horizon = horizon.Max(r.Recent[from])
		from++
	}
	recent := make([]Ballot, 0, len(r.Recent)-from+1)
	recent = append(append(recent, r.Recent[from:]...), b)
	return Record{Ballot: b, Value: v, Recent: recent, Horizon: horizon, Epoch: epoch}
}

// again returns r chosen anew at b by a change of the given epoch.
func (r *Record) again(b, floor Ballot, epoch uint64) Record {
	return Record{Ballot: b, Value: r.Value, Recent: r.Recent, Horizon: r.horizon(floor), Epoch: max(r.Epoch, epoch)}
}

// horizon of an absent row is the floor: whatever was forgotten lies below it.
func (r *Record) horizon(floor Ballot) Ballot {
	if r.Ballot.IsZero() {
		return floor
	}
	return r.Horizon
}
