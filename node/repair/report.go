package repair

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/base/vfs"
	"rhizome/disk/kv"
	"rhizome/model/object"
)

const fileTime = "20060102T150405Z"

// Report is what a rebuild found. Its JSON form is for programs and complete.
type Report struct {
	Time time.Time `json:"time"`
	// Aside is where the damaged row store is kept; empty if there was none.
	Aside string `json:"damaged_rows,omitempty"`
	// Rows were written; Saved of them are as a snapshot had them.
	Rows  int64 `json:"rows"`
	Saved int64 `json:"rows_from_snapshots"`

	Files []kv.FileDamage `json:"damaged_files"`
	// Unlisted: the list of the store's files was lost, so there may have been others.
	Unlisted bool `json:"file_list_lost,omitempty"`
	// WritesLost: writes since WritesLostSince (zero: unknown) may be lost without trace.
	WritesLost      bool       `json:"writes_lost,omitempty"`
	WritesLostSince *time.Time `json:"writes_lost_since,omitempty"`
	// Gaps is the number of ranges of rows of which some may be lost without trace.
	Gaps      int        `json:"gaps"`
	Snapshots []Snapshot `json:"snapshots"`
	// Absent are disks that are not there; what lies on them is among the lost.
	Absent []string `json:"absent_disks,omitempty"`
	// NewLineage: no layout was found, so the rhizome has a new lineage.
	NewLineage bool `json:"new_lineage,omitempty"`

	object.Findings
}

// Snapshot is one snapshot that was read.
type Snapshot struct {
	Path  string    `json:"path"`
	Time  time.Time `json:"time"`
	Blobs bool      `json:"with_small_objects"`
	// Damaged counts the places that could not be read.
	Damaged int `json:"damaged"`
}

func (r *Report) damage(d *kv.Damage) {
	r.Files, r.Unlisted, r.WritesLost, r.Gaps = d.Files, d.NoList, d.Log, len(d.Gaps)
	if d.Log && !d.LogSince.IsZero() {
		t := d.LogSince.UTC()
		r.WritesLostSince = &t
	}
}

// Traceless reports whether something may be lost that nothing names: rows of which
// no copy, no extent and no other row tells.
func (r *Report) Traceless() bool { return r.Gaps > 0 || r.WritesLost }

// save keeps the report in the data folder, for programs and for people.
func (r *Report) save(fs vfs.FS, data string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return errs.Newf(errs.Internal, "the report cannot be written: %w", err)
	}
	name := "repair-" + r.Time.Format(fileTime)
	text := r.Text(lang.New(lang.English)) + "\n----\n\n" + r.Text(lang.New(lang.French))
	return errors.Join(writeDurably(fs, data, name+".json", append(b, '\n')),
		writeDurably(fs, data, name+".txt", []byte(text)))
}

// Text says the report to a person.
func (r *Report) Text(p lang.Printer) string {
	w := &writer{p: p}
	w.T("The rows of this node were made anew on %s.", r.Time.Format(time.RFC3339))
	w.T("%s rows are there again, %s of them as a snapshot had them.", p.Int(r.Rows), p.Int(r.Saved))
	if r.Aside != "" {
		w.T("The damaged rows are kept in %s. Remove them once you miss nothing.", r.Aside)
	}
	r.causes(w)
	w.list(lang.M("Lost, or damaged so that they cannot be read whole:"), r.Lost)
	w.list(lang.M("Made anew from the stored bytes (some may have been deleted or overwritten shortly before):"), r.Made)
	w.list(lang.M("There, but a newer version may be lost:"), r.Doubtful)
	w.list(lang.M("Buckets:"), r.Buckets)
	if len(r.Lost) == 0 && !r.Traceless() {
		w.T("Nothing is lost.")
	}
	w.T("The node has a new key: recovery kits made before are of no use any more. Start the node with rhizome up, then make a new one with rhizome recovery-kit.")
	return w.b.String()
}

func (r *Report) causes(w *writer) {
	for _, f := range r.Files {
		w.T("Damaged: %s: %s", f.Name, f.Reason)
	}
	for _, s := range r.Snapshots {
		w.T("Snapshot of %s, %s damaged places: %s", s.Time.Format(time.RFC3339), w.p.Int(int64(s.Damaged)), s.Path)
	}
	for _, d := range r.Absent {
		w.T("The disk %s is not there; what lies on it counts as lost until it is back.", d)
	}
	switch {
	case r.WritesLostSince != nil:
		w.T("Part of the log of the last writes is lost: anything that was written or deleted since %s may be as it was before, or missing.", r.WritesLostSince.Format(time.RFC3339))
	case r.WritesLost:
		w.T("Part of the log of the last writes is lost: what was written or deleted last may be as it was before, or missing.")
	}
	if r.Gaps > 0 {
		w.T("Rows may be lost without a trace in %s places: small objects, keys and settings that are younger than the last snapshot.", w.p.Int(int64(r.Gaps)))
	}
	if r.NewLineage {
		w.T("No layout was found: this is a rhizome of its own now.")
	}
}

// writer collects lines; T says one.
type writer struct {
	p lang.Printer
	b strings.Builder
}

func (w *writer) T(text string, args ...any) { w.b.WriteString(w.p.T(text, args...) + "\n") }

func (w *writer) list(title string, found []object.Finding) {
	if len(found) == 0 {
		return
	}
	w.b.WriteString("\n" + w.p.T(title) + "\n")
	for _, f := range found {
		name := f.Bucket
		if f.Key != "" {
			name += "/" + f.Key
		}
		if f.Part > 0 {
			name += " " + w.p.T("(part %d)", f.Part)
		}
		w.b.WriteString("  " + name + ": " + w.p.T(What(f.What)) + "\n")
	}
	w.b.WriteString("\n")
}

// What says in English what a finding's word means; package lang has the French.
func What(word string) string {
	switch word {
	case object.LostRow:
		return lang.M("only its name is left")
	case object.LostInline:
		return lang.M("its bytes stood in its row and are lost")
	case object.LostList:
		return lang.M("where its bytes are is lost")
	case object.LostBytes:
		return lang.M("some of its bytes are not on this node's disks")
	case object.DamagedBytes:
		return lang.M("some of its bytes are damaged")
	case object.LostExtents:
		return lang.M("its row is lost, and not all of its bytes are left")
	case object.LostKey:
		return lang.M("the bucket's key is lost; its bytes are kept in case it is found")
	case object.KeptBytes:
		return lang.M("bytes of it that nothing uses are kept: a rebuild with every disk may find what they belong to")
	case object.FromBytes:
		return lang.M("made anew from its bytes")
	case object.HeldAnew:
		return lang.M("a version made anew, with a legal hold, for one that was set later would be lost: lift it with rhizome object unhold if there was none")
	case object.NoPlace:
		return lang.M("a version from before the bucket kept versions has no place among the others; its bytes are kept")
	case object.FromParts:
		return lang.M("made anew from the parts of its upload")
	case object.LostUpload:
		return lang.M("its row is lost; its parts are there again as an upload under way, which a client can complete")
	case object.MendedList:
		return lang.M("where its bytes are was found again")
	case object.MaybeOld:
		return lang.M("a newer version may be lost")
	case object.NewSettings:
		return lang.M("its settings are lost, and it is open to nobody: allow keys again with rhizome bucket allow, and set its policy, rules and site anew; versioning and object lock are on again if anything tells of them")
	case object.OldSettings:
		return lang.M("its settings are as the snapshot had them: look whether it is still open to those only who may read it")
	}
	return word
}
