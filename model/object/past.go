package object

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// Versioning says whether a bucket keeps what is replaced.
type Versioning uint8

// The states that S3 knows. Who left VersioningOff never comes back to it.
const (
	VersioningOff Versioning = iota
	VersioningOn
	VersioningSuspended
)

// past is what the row of an object knows beside its current version, once its bucket has
// versioning. Noncurrent versions have rows of their own, in Versions. All of them are
// changed by follow-up work alone, which is noted here: so this row stays the one commit
// point of its key.
type past struct {
	// Number is the highest that a version of the key has had.
	Number uint64 `cbor:"1,keyasint"`
	// Null is the number of the null version if that is not the current one; 0: none.
	Null uint64 `cbor:"2,keyasint,omitempty"`
	// Mirror says that the current version has a row in Versions too, which is what its
	// references name.
	Mirror bool `cbor:"3,keyasint,omitempty"`
	// Older says that there may be rows in Versions, a mirror's among them. So who deletes the
	// current version opens a gap wherever another row is left, the gap counts as an object
	// until all notes are done, and a bucket is empty only when no version has a row.
	Older bool `cbor:"4,keyasint,omitempty"`
	// Gap, if not empty, says that the current version is the newest one in Versions; it is
	// drawn anew by every change that may make another the newest.
	Gap []byte `cbor:"5,keyasint,omitempty"`
	// Notes are the follow-up work, each about another version.
	Notes []note `cbor:"6,keyasint,omitempty"`
	// Claim is the highest ballot at which rows in Versions may be written for the notes; see
	// keeper.
	Claim *register.Ballot `cbor:"7,keyasint,omitempty"`
	// Turn is drawn anew whenever a version is deleted or revised, and with the first past:
	// while it is the same, versions in rows of their own are what they were.
	Turn uint64 `cbor:"8,keyasint,omitempty"`
	// Locked says that a version of the key was ever locked, whatever the bucket says.
	Locked bool `cbor:"9,keyasint,omitempty"`
}

// note is follow-up work on one version's row.
type note struct {
	Number uint64   `cbor:"1,keyasint"`
	ID     ident.ID `cbor:"2,keyasint"`
	Do     task     `cbor:"3,keyasint"`
	// Version is what to write, and Blob the length of its blob, which stands behind the
	// current version's and those of earlier notes.
	Version *version `cbor:"4,keyasint,omitempty"`
	Blob    int      `cbor:"5,keyasint,omitempty"`
	// Drops is what a version that is to be removed references, if that is known.
	Drops []drop `cbor:"6,keyasint,omitempty"`
	// Turn is the row's when the version was revised: who did what a note asked for before
	// that does not strike it out.
	Turn uint64 `cbor:"7,keyasint,omitempty"`
	// Again says that the version has its row already: it counts there, and its blob is there.
	Again bool `cbor:"8,keyasint,omitempty"`
}

// task is what is to be done about a version's row.
type task uint8

const (
	taskWrite  task = iota // write the noted version, which was replaced
	taskMirror             // write the current version
	taskRemove             // the version is deleted
)

const (
	// maxNotes, maxNoted and maxBlob bound an object's row; what does not fit waits until
	// the notes are done.
	maxNotes = 64
	maxNoted = 128 << 10
	maxBlob  = 64 << 10
)

// errCrowded says that the notes of a row are to be done first.
var errCrowded = errs.New(errs.Unavailable, "versions of the object are still being put away; try again")

// versionRow names the row of a noncurrent version of the object whose row is given: the
// newest first.
func versionRow(object register.Row, number uint64) register.Row {
	return register.Row{Table: Versions, Part: object.Part, Sort: versionSort(object.Sort, number)}
}

const numberDigits = 16

func versionSort(key string, number uint64) string {
	digits := strconv.FormatUint(^number, 16)
	return escapeKey(key) + keyEnd + strings.Repeat("0", numberDigits-len(digits)) + digits
}

// splitVersion takes the sort key of a version's row apart.
func splitVersion(sort string) (key string, number uint64, ok bool) {
	i := len(sort) - len(keyEnd) - numberDigits
	if i < 0 || sort[i:i+len(keyEnd)] != keyEnd {
		return "", 0, false
	}
	n, err := strconv.ParseUint(sort[i+len(keyEnd):], 16, 64)
	return strings.ReplaceAll(sort[:i], escapedNUL, keyEnd), ^n, err == nil
}

// objectOf names the row of the object that a version's row belongs to.
func objectOf(version register.Row) (register.Row, bool) {
	key, _, ok := splitVersion(version.Sort)
	return register.Row{Table: Objects, Part: version.Part, Sort: key}, ok
}

// Null names the version that was written while versioning was not on.
const Null = "null"

// ErrVersionID says that a text names no version.
var ErrVersionID = errs.New(errs.Invalid, "the version ID is not valid")

// name returns what S3 calls the version.
func (v *version) name() string {
	if v.null() {
		return Null
	}
	return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint64(nil, v.Number), v.ID[:]...))
}

func (v *version) null() bool { return v.Null || v.Number == 0 }

// which names a version: the current one, the null one, or that of a number and ID.
type which struct {
	current, null bool
	number        uint64
	id            ident.ID
}

func parseVersion(name string) (w which, err error) {
	switch name {
	case "":
		return which{current: true}, nil
	case Null:
		return which{null: true}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(name)
	if err != nil || len(b) != 8+len(w.id) {
		return w, ErrVersionID
	}
	w.number, w.id = binary.BigEndian.Uint64(b), ident.ID(b[8:])
	return w, nil
}

// is reports whether v is the version meant.
func (w which) is(v *version) bool {
	switch {
	case v == nil:
		return false
	case w.null:
		return v.null()
	}
	return w.current || !v.null() && v.Number == w.number && v.ID == w.id
}

// entry is an object's row taken apart.
type entry struct {
	slot
	blob  []byte   // of the current version
	blobs [][]byte // of the notes
}

// takeApart decodes an object's row; nil gives an empty one. It may be changed.
func takeApart(v *register.Value) (*entry, error) {
	sl, err := decodeRow[slot](v)
	if err != nil {
		return nil, err
	}
	e := &entry{slot: *sl}
	if v != nil {
		e.blob = v.Blob
	}
	if e.Past == nil {
		return e, nil
	}
	rest := len(e.blob)
	for i := range e.Past.Notes {
		if n := e.Past.Notes[i].Blob; n < 0 || n > rest {
			return nil, errs.New(errs.Corrupt, "the row's blob is shorter than its notes say")
		}
		rest -= e.Past.Notes[i].Blob
	}
	all := e.blob
	e.blob = all[:rest:rest]
	for i := range e.Past.Notes {
		n := e.Past.Notes[i].Blob
		e.blobs = append(e.blobs, all[rest:rest+n:rest+n])
		rest += n
	}
	return e, nil
}

// value encodes the row; nil when there is nothing left to remember. errCrowded if it would
// be too large.
func (e *entry) value() (*register.Value, error) {
	if p := e.Past; p != nil {
		for i := range p.Notes {
			p.Notes[i].Blob = len(e.blobs[i])
		}
		if len(p.Notes) == 0 {
			p.Claim = nil
		}
		if e.Version == nil && len(p.Notes) == 0 && len(p.Gap) == 0 {
			e.Past = nil
		}
	}
	v := e.slot.value(e.blob)
	if e.Past == nil {
		return v, e.fits(v)
	}
	if len(e.blobs) > 0 {
		v.Blob = slices.Concat(append([][]byte{v.Blob}, e.blobs...)...)
	}
	if len(e.Past.Notes) > maxNotes || len(v.Data) > maxNoted || len(v.Blob) > maxBlob {
		return nil, errCrowded
	}
	return v, nil
}

// fits fails with errCrowded if events leave no room in a row.
func (s *slot) fits(v *register.Value) error {
	if v != nil && len(s.Events) > 0 && len(v.Data) > maxNoted {
		return errCrowded
	}
	return nil
}

// find returns the index of the note about a version, -1 if there is none.
func (p *past) find(number uint64) int {
	return slices.IndexFunc(p.Notes, func(n note) bool { return n.Number == number })
}

// note adds a note with its blob, in place of one about the same version.
func (e *entry) note(n note, blob []byte) {
	if i := e.Past.find(n.Number); i >= 0 {
		e.Past.Notes[i], e.blobs[i] = n, blob
		return
	}
	e.Past.Notes, e.blobs = append(e.Past.Notes, n), append(e.blobs, blob)
}

func (e *entry) strike(i int) {
	e.Past.Notes, e.blobs = slices.Delete(e.Past.Notes, i, i+1), slices.Delete(e.blobs, i, i+1)
}

// current returns the version that a request without a version ID sees, nil if there is
// none. errGap: what it is, the row does not say.
func (e *slot) current() (*version, error) {
	switch {
	case e.gap():
		return nil, errGap
	case e.Version == nil || e.Version.Marker:
		return nil, nil
	}
	return e.Version, nil
}

func (e *slot) gap() bool { return e.Version == nil && e.Past != nil && len(e.Past.Gap) > 0 }

// errGap says that the current version is to be looked up in Versions.
var errGap = errs.New(errs.Unavailable, "the current version was deleted just now; try again")

// supersede makes next the current version of a bucket that has versioning, and notes what
// is to become of the one before.
func (e *entry) supersede(next version, blob []byte, v Versioning) {
	if e.Past == nil {
		e.Past = &past{Turn: newTurn()}
	}
	p := e.Past
	e.noteLock(next.Lock)
	if next.Null = v == VersioningSuspended; next.Null {
		e.dropNull()
	}
	if old := e.Version; old != nil {
		e.putAway(old)
	}
	p.Number = max(p.Number+1, firstNumber, uint64(max(next.Modified, 0)))
	next.Number = p.Number
	e.Version, e.blob, p.Mirror, p.Gap = &next, blob, false, nil
}

// Numbers of versions follow the time that the versions carry: what counts is that they grow,
// but so a rebuild gives a version that it makes anew from its bytes the number that it had,
// as a rule. What was there before versioning has the first.
const (
	numberBefore = 1
	firstNumber  = 2
)

// putAway notes that the version that was current gets a row of its own, if it has none.
func (e *entry) putAway(old *version) {
	p := e.Past
	p.Older = true
	e.noteLock(old.Lock)
	v := *old
	if v.Number == 0 {
		v.Number, v.Null = numberBefore, true
	}
	p.Number = max(p.Number, v.Number)
	if v.Null {
		p.Null = v.Number
	}
	// A mirror that was revised is written again.
	if !p.Mirror || p.find(v.Number) >= 0 {
		blob := e.blob
		if p.Mirror {
			blob = nil
		}
		e.note(note{Number: v.Number, ID: v.ID, Do: taskWrite, Version: &v, Turn: p.Turn, Again: p.Mirror}, blob)
	}
}

// dropNull removes the null version, wherever it is.
func (e *entry) dropNull() {
	if e.Version != nil && e.Version.null() {
		e.removeCurrent()
		return
	}
	if n := e.Past.Null; n != 0 {
		e.Past.Null = 0
		e.removeNoted(n, ident.ID{})
	}
}

// removeCurrent takes the current version away and leaves nothing in its place.
func (e *entry) removeCurrent() {
	old, p := e.Version, e.Past
	e.Version, e.blob = nil, nil
	p.turned()
	if p != nil && (p.Mirror || p.find(old.Number) >= 0) {
		e.note(note{Number: old.Number, ID: old.ID, Do: taskRemove, Drops: old.drop()}, nil)
		p.Mirror = false
		return
	}
	e.Drops = append(e.Drops[:len(e.Drops):len(e.Drops)], old.drop()...)
}

// removeNoted notes that a noncurrent version is to be removed; a zero ID is any.
func (e *entry) removeNoted(number uint64, id ident.ID) {
	e.Past.turned()
	n := note{Number: number, ID: id, Do: taskRemove}
	if i := e.Past.find(number); i >= 0 {
		if e.Past.Notes[i].Do == taskRemove {
			return
		}
		n.ID, n.Drops = e.Past.Notes[i].ID, e.Past.Notes[i].Version.drop()
	}
	e.note(n, nil)
	e.newGap()
}

// newGap draws the mark of a gap anew, if there is one.
func (e *entry) newGap() {
	if len(e.Past.Gap) > 0 {
		e.openGap()
	}
}

func (e *entry) openGap() {
	id := ident.New()
	e.Past.Gap = id[:]
}

// versionValue is what a version's own row holds.
func versionValue(v *version, blob []byte) *register.Value {
	sl := &slot{Version: v}
	return &register.Value{Data: codec.EncodeAs(sl.generation(), sl), Blob: blob, Count: 1, Bytes: v.Size}
}
