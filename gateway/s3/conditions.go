package s3

import (
	"net/http"
	"strings"
	"time"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// readConditions reads the conditions of a read, with names behind a prefix: "" or
// that of a copy's source.
func readConditions(h http.Header, prefix string) object.Conditions {
	return object.Conditions{
		IfMatch:           etags(h[prefix+"If-Match"]),
		IfNoneMatch:       etags(h[prefix+"If-None-Match"]),
		IfModifiedSince:   date(h[prefix+"If-Modified-Since"]),
		IfUnmodifiedSince: date(h[prefix+"If-Unmodified-Since"]),
	}
}

// writeConditions reads the conditions of a write. S3 has If-None-Match: * and
// If-Match there, one at a time; what it does not have is refused, never ignored.
func writeConditions(h http.Header) (object.Conditions, error) {
	c := object.Conditions{IfMatch: etags(h["If-Match"]), IfNoneMatch: etags(h["If-None-Match"])}
	for _, name := range [...]string{"If-Modified-Since", "If-Unmodified-Since"} {
		if len(h[name]) > 0 {
			return c, headerNotImplemented(name)
		}
	}
	switch {
	case len(h["If-Match"]) > 0 && len(c.IfMatch) != 1:
		return c, headerNotImplemented("If-Match")
	case len(h["If-None-Match"]) > 0 && (len(c.IfNoneMatch) != 1 || c.IfNoneMatch[0] != "*"):
		return c, headerNotImplemented("If-None-Match")
	case len(c.IfMatch) > 0 && len(c.IfNoneMatch) > 0:
		return c, headerNotImplemented("If-Match,If-None-Match")
	}
	return c, nil
}

// deleteConditions reads the condition of a delete: If-Match alone.
func deleteConditions(h http.Header) (object.Conditions, error) {
	if len(h["If-None-Match"]) > 0 {
		return object.Conditions{}, headerNotImplemented("If-None-Match")
	}
	return writeConditions(h)
}

// etags splits a list of ETags and takes their quotes and weakness away.
func etags(values []string) []string {
	var out []string
	for _, v := range values {
		for v != "" {
			var e string
			e, v = cutETag(v)
			if e != "" {
				out = append(out, e)
			}
		}
	}
	return out
}

// cutETag returns the first ETag of a list, and the rest. A comma inside quotes is
// part of the ETag.
func cutETag(v string) (etag, rest string) {
	v = strings.TrimLeft(v, " \t,")
	v = strings.TrimPrefix(v, "W/")
	if quoted, ok := strings.CutPrefix(v, `"`); ok {
		if e, rest, ok := strings.Cut(quoted, `"`); ok {
			return e, rest
		}
	}
	etag, rest, _ = strings.Cut(v, ",")
	return strings.Trim(etag, " \t\""), rest
}

// date reads an HTTP date; what is none is as if it were not there (RFC 9110).
func date(values []string) time.Time {
	if len(values) == 0 {
		return time.Time{}
	}
	t, err := http.ParseTime(values[0])
	if err != nil {
		return time.Time{}
	}
	return t
}

// refusedWrite adds to the error of a conditional write what AWS says with it.
func refusedWrite(err error, c object.Conditions, key string) error {
	if len(c.IfMatch)+len(c.IfNoneMatch) == 0 || err == nil {
		return named(err, key)
	}
	name := "If-Match"
	if len(c.IfNoneMatch) > 0 {
		name = "If-None-Match"
	}
	switch e := translate(err); e.Code {
	case s3err.PreconditionFailed:
		return e.With("Condition", name)
	case s3err.OperationAborted:
		return s3err.New(s3err.ConditionalRequestConflict, s3err.Field{Name: "Condition", Value: name}).Because(err)
	}
	return named(err, key)
}

// named adds the key to NoSuchKey.
func named(err error, key string) error {
	if err == nil {
		return nil
	}
	if e := translate(err); e.Code == s3err.NoSuchKey && len(e.Fields) == 0 {
		return e.With("Key", key)
	}
	return err
}
