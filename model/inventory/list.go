package inventory

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/model/object"
)

// Fields are the optional fields that there are, in the order in which S3 writes them.
func Fields() []string {
	return []string{"Size", "LastModifiedDate", "ETag", "StorageClass", "IsMultipartUploaded", "EncryptionStatus", "ObjectLockRetainUntilDate",
		"ObjectLockMode", "ObjectLockLegalHoldStatus", "BucketKeyStatus", "ChecksumAlgorithm", "ObjectOwner"}
}

// schema is what the columns of a file are.
func (j *job) schema() []string {
	out := []string{"Bucket", "Key"}
	if j.c.Versions {
		out = append(out, "VersionId", "IsLatest", "IsDeleteMarker")
	}
	for _, f := range Fields() {
		if slices.Contains(j.c.Fields, f) {
			out = append(out, f)
		}
	}
	return out
}

// list lists on and writes a file, which undo removes.
func (s *Store) list(ctx context.Context, j *job, r *run, rest func(context.Context) error) (undo func(), err error) {
	if len(r.Files) >= maxFiles {
		return nil, errs.Newf(errs.TooLarge, "the bucket has too many objects for one inventory: it would have over %d files", maxFiles)
	}
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	columns, rows, seen := j.schema(), 0, 0
	l := object.ListVersions{Prefix: j.c.Prefix, AfterKey: r.Key, AfterVersion: r.Version}
	var line []byte
	for seen < s.Rows && out.Len() < MaxFile && !r.Whole {
		l.Limit = min(object.MaxListEntries, s.Rows-seen)
		page, err := s.Objects.ListVersions(ctx, j.about, l)
		if err != nil {
			return nil, err
		}
		seen += len(page.Versions)
		for i := range page.Versions {
			v := &page.Versions[i]
			if !j.c.Versions && (!v.Latest || v.Marker) {
				continue
			}
			line = j.appendRow(line[:0], columns, v)
			if _, err := zip.Write(line); err != nil {
				return nil, errs.Newf(errs.Internal, "an inventory cannot be compressed: %w", err)
			}
			rows++
		}
		l.AfterKey, l.AfterVersion, r.Whole = page.NextKey, page.NextVersion, !page.More
		if err := rest(ctx); err != nil {
			return nil, err
		}
	}
	if err := zip.Close(); err != nil {
		return nil, errs.Newf(errs.Internal, "an inventory cannot be compressed: %w", err)
	}
	r.Key, r.Version, r.Listed = l.AfterKey, l.AfterVersion, r.Listed+int64(rows)
	if rows == 0 && (len(r.Files) > 0 || !r.Whole) {
		return func() {}, nil
	}
	return s.writeFile(ctx, j, r, out.Bytes())
}

func (s *Store) writeFile(ctx context.Context, j *job, r *run, text []byte) (undo func(), err error) {
	sum := md5.Sum(text)
	f := file{ID: ident.New(), Size: int64(len(text)), MD5: sum[:]}
	h, err := s.put(ctx, j, j.dataKey(f), "application/gzip", text)
	if err != nil {
		return nil, err
	}
	r.Files = append(r.Files[:len(r.Files):len(r.Files)], f)
	return func() {
		var err error
		if h.VersionID == "" || h.VersionID == object.Null {
			_, err = s.Objects.Delete(ctx, j.to, h.Key, object.Conditions{IfMatch: []string{h.ETag}})
		} else {
			_, err = s.Objects.DeleteVersion(ctx, j.to, h.Key, h.VersionID, object.Conditions{})
		}
		if err != nil {
			s.Logger.Warn("a file of an inventory that another node wrote too could not be removed; no manifest names it", "key", h.Key, "error", err)
		}
	}, nil
}

func (s *Store) put(ctx context.Context, j *job, key, media string, text []byte) (*object.Head, error) {
	if len(key) > object.MaxKey {
		return nil, object.ErrKeyTooLong
	}
	sum := md5.Sum(text) // the ETag that S3 gives
	return s.Objects.Put(ctx, j.to, object.Put{Key: key, Attrs: object.Attrs{ContentType: media}, Body: object.Body{
		Reader: io.Reader(bytes.NewReader(text)), Size: int64(len(text)),
		Finish: func() (object.Digest, error) { return object.Digest{ETag: hex.EncodeToString(sum[:])}, nil },
	}})
}

// appendRow appends a line of CSV, with every field in quotes.
func (j *job) appendRow(b []byte, columns []string, v *object.VersionHead) []byte {
	for i, c := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, strings.ReplaceAll(j.value(c, v), `"`, `""`)...)
		b = append(b, '"')
	}
	return append(b, '\n')
}

const dateForm = "2006-01-02T15:04:05.000Z"

// value is what a version has in a column; nothing for what a delete marker does not have.
func (j *job) value(column string, v *object.VersionHead) string {
	switch column {
	case "Bucket":
		return j.about.Name()
	case "Key":
		return escapeKey(v.Key)
	case "VersionId":
		return v.VersionID
	case "IsLatest":
		return strconv.FormatBool(v.Latest)
	case "IsDeleteMarker":
		return strconv.FormatBool(v.Marker)
	case "LastModifiedDate":
		return v.Modified.UTC().Format(dateForm)
	case "ObjectOwner":
		return j.owner
	}
	if v.Marker {
		return ""
	}
	switch column {
	case "Size":
		return strconv.FormatInt(v.Size, 10)
	case "ETag":
		return v.ETag
	case "StorageClass":
		return "STANDARD"
	case "IsMultipartUploaded":
		return strconv.FormatBool(v.Parts > 0)
	case "EncryptionStatus":
		return "SSE-S3"
	case "BucketKeyStatus":
		return "DISABLED"
	case "ChecksumAlgorithm":
		return v.Checksum.Algorithm
	}
	return lockValue(column, v.Lock)
}

func lockValue(column string, l object.Lock) string {
	switch {
	case column == "ObjectLockLegalHoldStatus" && l.Hold == object.HoldOn:
		return "On"
	case column == "ObjectLockLegalHoldStatus" && l.Hold == object.HoldOff:
		return "Off"
	case column == "ObjectLockMode" && l.Mode == object.Governance:
		return "GOVERNANCE"
	case column == "ObjectLockMode" && l.Mode == object.Compliance:
		return "COMPLIANCE"
	case column == "ObjectLockRetainUntilDate" && l.Until > 0:
		return l.Ends().Format(dateForm)
	}
	return ""
}

// escapeKey percent-encodes a key but for its slashes, as keys are in an inventory.
func escapeKey(key string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(key) {
		c := key[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~/*", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
	}
	return b.String()
}

// The folders of an inventory.

// Folder is where all of an inventory of the bucket called so is.
func Folder(c *object.Inventory, bucket string) string {
	p := c.To.Prefix
	if p != "" && !strings.HasSuffix(p, "/") {
		p += "/"
	}
	return p + bucket + "/" + c.ID + "/"
}

func (j *job) folder() string { return Folder(&j.c, j.about.Name()) }

func (j *job) dataKey(f file) string {
	h := f.ID.String()
	return j.folder() + "data/" + strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-") + ".csv.gz"
}

func began(r *run) time.Time { return time.UnixMilli(r.Began).UTC() }
