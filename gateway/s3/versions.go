package s3

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// versionAsked returns the version that the query names, "" if none.
func (q *request) versionAsked() (string, error) {
	v := q.query.get("versionId")
	if v == "" && q.query.has("versionId") {
		return "", s3err.Argument("versionId", "", "Version id cannot be the empty string")
	}
	return v, nil
}

// versionOf is versionAsked for the calls about an object's tags and lock, where an empty ID
// is none: there are clients that send it, and nothing but the current version can be meant.
func (q *request) versionOf() string { return q.query.get("versionId") }

// versionHeader names a version, unless the bucket never had versioning.
func (q *request) versionHeader(id string) {
	if q.bucket != nil && q.bucket.Versioning != object.VersioningOff {
		q.some("x-amz-version-id", id)
	}
}

// markerHeaders says that a delete marker is in the way.
func (q *request) markerHeaders(m *object.MarkerError) {
	q.set("x-amz-delete-marker", "true")
	q.versionHeader(m.Head.VersionID)
	if m.Kind == object.ErrMarker {
		q.set("Allow", http.MethodDelete)
		q.set("Last-Modified", m.Head.Modified.UTC().Format(http.TimeFormat))
	}
}

// remove deletes an object, or one version of it for good.
func (q *request) remove(key, version string, cond object.Conditions) (*object.Deleted, error) {
	if version == "" {
		return q.g.objects.Delete(q.ctx, q.bucket, key, cond)
	}
	cond.Bypass = q.bypasses(key, version)
	return q.g.objects.DeleteVersion(q.ctx, q.bucket, key, version, cond)
}

func getVersioning(q *request) error {
	const root = "VersioningConfiguration"
	d := newDoc(root)
	switch q.bucket.Versioning {
	case object.VersioningOn:
		d.text("Status", "Enabled")
	case object.VersioningSuspended:
		d.text("Status", "Suspended")
	}
	return q.xml(http.StatusOK, d, root)
}

func putVersioning(q *request) error {
	body, err := q.document(maxDocument, false)
	if err != nil {
		return err
	}
	root, err := parseXML(body, "VersioningConfiguration")
	if err != nil {
		return err
	}
	v, err := readVersioning(root)
	if err != nil {
		return err
	}
	_, err = q.g.objects.SetVersioning(q.ctx, q.bucket, v)
	if errors.Is(err, object.ErrLockState) {
		return s3err.Newf(s3err.InvalidBucketState, "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.")
	}
	if err != nil {
		return err
	}
	q.reply(http.StatusOK)
	return nil
}

func readVersioning(root *node) (v object.Versioning, err error) {
	for _, n := range root.kids {
		text := strings.TrimSpace(n.text)
		switch {
		case n.name == "Status" && text == "Enabled":
			v = object.VersioningOn
		case n.name == "Status" && text == "Suspended":
			v = object.VersioningSuspended
		case n.name == "MfaDelete" && text == "Disabled":
		case n.name == "MfaDelete" && text == "Enabled":
			return v, notImplemented("MFA delete is not implemented.")
		default:
			return v, malformed(nil)
		}
	}
	if v == object.VersioningOff {
		return v, s3err.New(s3err.IllegalVersioningConfiguration)
	}
	return v, nil
}

// asksVersions reads which versions are to be listed.
func (q *request) asksVersions() (l listing, v object.ListVersions, err error) {
	s := q.query.get("max-keys")
	if n, err := strconv.ParseInt(s, 10, 32); err == nil && n < 0 {
		return l, v, s3err.Argument("max-keys", s, "max-keys cannot be negative")
	}
	if l, err = q.listing("max-keys"); err != nil {
		return l, v, err
	}
	v = object.ListVersions{Prefix: l.prefix, Delimiter: l.delimiter, AfterKey: q.query.get("key-marker"),
		AfterVersion: q.query.get("version-id-marker"), Limit: l.limit}
	if v.AfterKey == "" && v.AfterVersion != "" {
		return l, v, s3err.Argument("version-id-marker", v.AfterVersion, "A version-id marker cannot be specified without a key marker.")
	}
	return l, v, nil
}

func foreseeVersions(q *request, g guess) {
	_, v, err := q.asksVersions()
	if err != nil {
		return
	}
	if v.AfterVersion != "" {
		g.ahead.Object(g.bucket, v.AfterKey)
	}
	g.ahead.ListVersions(g.bucket, v)
	q.foreseeOwner(g)
}

func listVersions(q *request) error {
	l, v, err := q.asksVersions()
	if err != nil {
		return err
	}
	page, err := q.g.objects.ListVersions(q.ctx, q.bucket, v)
	if err != nil {
		return err
	}
	owner, err := q.owner(q.bucket)
	if err != nil {
		return err
	}
	const root = "ListVersionsResult"
	d := newDoc(root)
	d.text("Name", q.bucketName)
	d.text("Prefix", l.name(l.prefix))
	d.text("KeyMarker", l.name(v.AfterKey))
	d.text("VersionIdMarker", v.AfterVersion)
	if page.More {
		d.text("NextKeyMarker", l.name(page.NextKey))
		d.some("NextVersionIdMarker", page.NextVersion)
	}
	l.echo(d, "MaxKeys")
	d.bool("IsTruncated", page.More)
	for i := range page.Versions {
		l.version(d, &page.Versions[i], owner)
	}
	l.prefixes(d, page.Prefixes)
	return q.xml(http.StatusOK, d, root)
}

func (l *listing) version(d *doc, v *object.VersionHead, owner string) {
	name := "Version"
	if v.Marker {
		name = "DeleteMarker"
	}
	d.begin(name)
	d.text("Key", l.name(v.Key))
	d.text("VersionId", v.VersionID)
	d.bool("IsLatest", v.Latest)
	if v.Marker {
		d.time("LastModified", v.Modified)
		d.owner("Owner", owner)
	} else {
		d.entry(&v.Head, owner)
	}
	d.end(name)
}
