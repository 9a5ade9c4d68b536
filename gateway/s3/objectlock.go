package s3

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

const (
	lockModeHeader  = "X-Amz-Object-Lock-Mode"
	lockUntilHeader = "X-Amz-Object-Lock-Retain-Until-Date"
	lockHoldHeader  = "X-Amz-Object-Lock-Legal-Hold"
	lockRoot        = "ObjectLockConfiguration"
	retentionRoot   = "Retention"
	holdRoot        = "LegalHold"
	// lockDate is how dates of retentions are written.
	lockDate = "2006-01-02T15:04:05.000Z"
)

var lockModes = map[string]object.LockMode{"GOVERNANCE": object.Governance, "COMPLIANCE": object.Compliance}

func lockModeName(m object.LockMode) string {
	for name, mode := range lockModes {
		if mode == m {
			return name
		}
	}
	return ""
}

// lockOf reads what a write says of its object's lock.
func lockOf(h http.Header) (l object.Lock, err error) {
	mode, until, hold := h.Get(lockModeHeader), h.Get(lockUntilHeader), h.Get(lockHoldHeader)
	if (mode == "") != (until == "") {
		return l, s3err.Newf(s3err.InvalidArgument, "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied.")
	}
	if mode != "" {
		if l, err = readRetention(mode, until); err != nil {
			return l, err
		}
	}
	l.Hold, err = readHold(hold)
	return l, err
}

func readRetention(mode, until string) (l object.Lock, err error) {
	if l.Mode = lockModes[mode]; l.Mode == object.LockNone {
		return l, s3err.Argument("x-amz-object-lock-mode", mode, "Unknown wormMode directive.")
	}
	at, err := time.Parse(time.RFC3339, until)
	if err != nil || at.UnixMilli() <= 0 || at.Year() > 9999 {
		return l, s3err.Argument("x-amz-object-lock-retain-until-date", until, "The retain until date must be provided in ISO 8601 format")
	}
	l.Until = at.UnixMilli()
	return l, nil
}

func readHold(s string) (object.Hold, error) {
	switch s {
	case "":
		return object.HoldUnset, nil
	case "ON":
		return object.HoldOn, nil
	case "OFF":
		return object.HoldOff, nil
	}
	return object.HoldUnset, s3err.Argument("x-amz-object-lock-legal-hold", s, "Legal Hold must be either of 'ON' or 'OFF'")
}

// sayLock writes a lock as the headers that lockOf reads.
func sayLock(h http.Header, l object.Lock) {
	if l.Mode != object.LockNone {
		h.Set(lockModeHeader, lockModeName(l.Mode))
		h.Set(lockUntilHeader, l.Ends().Format(lockDate))
	}
	switch l.Hold {
	case object.HoldOn:
		h.Set(lockHoldHeader, "ON")
	case object.HoldOff:
		h.Set(lockHoldHeader, "OFF")
	}
}

// locksToo adds the actions that locking what is written takes.
func locksToo(actions []string, h http.Header) []string {
	actions = actions[:len(actions):len(actions)]
	if h.Get(lockModeHeader) != "" || h.Get(lockUntilHeader) != "" {
		actions = append(actions, "s3:PutObjectRetention")
	}
	if h.Get(lockHoldHeader) != "" {
		actions = append(actions, "s3:PutObjectLegalHold")
	}
	return actions
}

// lockHeaders says how an object is locked, to whom may know.
func (q *request) lockHeaders(o *object.Object) {
	if o.Lock == (object.Lock{}) {
		return
	}
	h, l := http.Header{}, o.Lock
	if l.Mode != object.LockNone && !q.maySee(o, "s3:GetObjectRetention") {
		l.Mode = object.LockNone
	}
	if l.Hold != object.HoldUnset && !q.maySee(o, "s3:GetObjectLegalHold") {
		l.Hold = object.HoldUnset
	}
	sayLock(h, l)
	for name := range h {
		q.set(strings.ToLower(name), h.Get(name))
	}
}

// bypasses reports whether the caller asks to go around governance for an object, and may.
func (q *request) bypasses(key, version string) bool {
	return strings.EqualFold(q.r.Header.Get("X-Amz-Bypass-Governance-Retention"), "true") &&
		q.mayAt(q.bucket, q.who, owns, object.Get{Key: key, Version: version}, q.r.Header, "s3:BypassGovernanceRetention") == nil
}

// lockFact returns the value of a condition key about locks.
func (f facts) lockFact(name string) []string {
	if name != "object-lock-remaining-retention-days" {
		return one(f.h.Get("X-Amz-" + name))
	}
	l, err := lockOf(f.h)
	if err != nil || l.Mode == object.LockNone {
		return nil
	}
	return one(itoa(int64(l.Ends().Sub(f.q.g.clock.Now()) / (24 * time.Hour))))
}

func getLock(q *request) error {
	l := q.bucket.Lock
	if !l.On {
		return s3err.New(s3err.ObjectLockConfigurationNotFoundError, s3err.Field{Name: "BucketName", Value: q.bucketName})
	}
	d := newDoc(lockRoot)
	d.text("ObjectLockEnabled", "Enabled")
	if l.Mode != object.LockNone {
		d.begin("Rule")
		d.begin("DefaultRetention")
		d.text("Mode", lockModeName(l.Mode))
		if l.Days > 0 {
			d.int("Days", int64(l.Days))
		} else {
			d.int("Years", int64(l.Years))
		}
		d.end("DefaultRetention")
		d.end("Rule")
	}
	return q.xml(http.StatusOK, d, lockRoot)
}

func putLock(q *request) error {
	body, err := q.document(maxDocument, false)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return s3err.New(s3err.MissingRequestBodyError)
	}
	root, err := parseXML(body, lockRoot)
	if err != nil {
		return err
	}
	l, err := readLock(root)
	if err != nil {
		return err
	}
	if _, err := q.g.objects.SetLock(q.ctx, q.bucket, l); err != nil {
		return err
	}
	q.reply(http.StatusOK)
	return nil
}

// root reads a small document.
func (q *request) root(name string) (*node, error) {
	body, err := q.document(maxDocument, false)
	if err != nil {
		return nil, err
	}
	return parseXML(body, name)
}

func readLock(root *node) (l object.BucketLock, err error) {
	rule := false
	for _, n := range root.kids {
		switch {
		case n.name == "ObjectLockEnabled" && strings.TrimSpace(n.text) == "Enabled" && !l.On:
			l.On = true
		case n.name == "Rule" && !rule && len(n.kids) == 1 && n.kids[0].name == "DefaultRetention":
			rule = true
			if err := readDefault(n.kids[0], &l); err != nil {
				return l, err
			}
		default:
			return l, malformed(nil)
		}
	}
	if !l.On {
		return l, malformed(nil)
	}
	return l, nil
}

func readDefault(n *node, l *object.BucketLock) error {
	for _, k := range n.kids {
		text := strings.TrimSpace(k.text)
		switch k.name {
		case "Mode":
			if l.Mode = lockModes[text]; l.Mode == object.LockNone {
				return malformed(nil)
			}
		case "Days", "Years":
			count, err := strconv.Atoi(text)
			if err != nil {
				return malformed(err)
			}
			if err := checkPeriod(k.name, count); err != nil {
				return err
			}
			if l.Days+l.Years > 0 {
				return malformed(nil)
			}
			if k.name == "Days" {
				l.Days = count
			} else {
				l.Years = count
			}
		default:
			return malformed(nil)
		}
	}
	if l.Mode == object.LockNone || l.Days+l.Years == 0 {
		return malformed(nil)
	}
	return nil
}

func checkPeriod(unit string, n int) error {
	switch {
	case n < 1:
		return s3err.Argument(unit, strconv.Itoa(n), "Default retention period must be a positive integer value.")
	case unit == "Days" && n > object.MaxLockDays, unit == "Years" && n > object.MaxLockYears:
		return s3err.Argument(unit, strconv.Itoa(n), "Default retention period too large.")
	}
	return nil
}

// locked opens the object of a request about its lock. Whether there is one is told before
// whether its bucket has locks, as AWS does.
func (q *request) locked() (*object.Object, error) {
	o, err := q.g.objects.Stat(q.ctx, q.bucket, object.Get{Key: q.key, Version: q.versionOf()})
	if err != nil {
		return nil, named(err, q.key)
	}
	if again, err := q.judgedOther(o); again {
		return nil, err
	}
	if !q.bucket.Lock.On {
		return nil, withoutLock(object.ErrNoLock)
	}
	return o, nil
}

// withoutLock is what calls about the lock of an object say where there are none; the words
// are a little other than those for writes that ask for one.
func withoutLock(err error) error {
	return s3err.Newf(s3err.InvalidRequest, "Bucket is missing Object Lock Configuration").Because(err)
}

func getRetention(q *request) error {
	o, err := q.locked()
	if err != nil {
		return err
	}
	if o.Lock.Mode == object.LockNone {
		return s3err.New(s3err.NoSuchObjectLockConfiguration)
	}
	d := newDoc(retentionRoot)
	d.text("Mode", lockModeName(o.Lock.Mode))
	d.time("RetainUntilDate", o.Lock.Ends())
	return q.xml(http.StatusOK, d, retentionRoot)
}

func getHold(q *request) error {
	o, err := q.locked()
	if err != nil {
		return err
	}
	if o.Lock.Hold == object.HoldUnset {
		return s3err.New(s3err.NoSuchObjectLockConfiguration)
	}
	h := http.Header{}
	sayLock(h, o.Lock)
	d := newDoc(holdRoot)
	d.text("Status", h.Get(lockHoldHeader))
	return q.xml(http.StatusOK, d, holdRoot)
}

// putRetention decides again when it knows the retention: a policy may ask which it is.
func putRetention(q *request) error {
	root, err := q.root(retentionRoot)
	if err != nil {
		return err
	}
	l, err := readRetentionOf(root)
	if err != nil {
		return err
	}
	return q.putObjectLock(l, writes, "s3:PutObjectRetention", func(version string) (*object.Head, error) {
		return q.g.objects.SetRetention(q.ctx, q.bucket, q.key, version, l, q.bypasses(q.key, version))
	})
}

// readRetentionOf reads a Retention; an empty one takes it away.
func readRetentionOf(root *node) (object.Lock, error) {
	if len(root.kids) == 0 {
		return object.Lock{}, nil
	}
	mode, hasMode := root.child("Mode")
	until, hasUntil := root.child("RetainUntilDate")
	if len(root.kids) != 2 || !hasMode || !hasUntil {
		return object.Lock{}, malformed(nil)
	}
	if lockModes[strings.TrimSpace(mode)] == object.LockNone {
		return object.Lock{}, malformed(nil)
	}
	return readRetention(strings.TrimSpace(mode), strings.TrimSpace(until))
}

func putHold(q *request) error {
	root, err := q.root(holdRoot)
	if err != nil {
		return err
	}
	l, err := readHoldOf(root)
	if err != nil {
		return err
	}
	who := writes
	if l.Hold == object.HoldOff { // or who may only write could free what is to be deleted next
		who = owns
	}
	return q.putObjectLock(l, who, "s3:PutObjectLegalHold", func(version string) (*object.Head, error) {
		return q.g.objects.SetHold(q.ctx, q.bucket, q.key, version, l.Hold == object.HoldOn)
	})
}

func readHoldOf(root *node) (l object.Lock, err error) {
	status, ok := root.child("Status")
	if !ok || len(root.kids) != 1 {
		return l, malformed(nil)
	}
	if l.Hold, err = readHold(strings.TrimSpace(status)); err != nil || l.Hold == object.HoldUnset {
		return l, malformed(err)
	}
	return l, nil
}

func (q *request) putObjectLock(l object.Lock, who need, action string, set func(version string) (*object.Head, error)) error {
	h := q.r.Header.Clone()
	sayLock(h, l)
	if err := q.may(q.bucket, q.who, who, q.key, h, action); err != nil {
		return err
	}
	head, err := set(q.versionOf())
	switch {
	case errors.Is(err, object.ErrNoLock):
		return withoutLock(err)
	case err != nil:
		return named(err, q.key)
	}
	q.versionHeader(head.VersionID)
	q.reply(http.StatusOK)
	return nil
}
