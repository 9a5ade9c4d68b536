package accesslog

import (
	"strings"
	"time"

	"rhizome/base/ident"
	"rhizome/model/object"
)

// Source is what the names of log objects say of the bucket that they are about.
type Source struct{ Owner, Region, Bucket string }

// Name returns the key of a log object: at is when it is written, day when the requests in it
// were, unique what tells it from others.
func Name(c *object.Logging, from Source, at, day time.Time, unique string) string {
	at, day = at.UTC(), day.UTC()
	switch {
	case !c.Partitioned:
		return c.To.Prefix + at.Format("2006-01-02-15-04-05-") + unique
	case c.ByEvent:
		at = day.Truncate(24 * time.Hour)
	}
	return c.To.Prefix + strings.Join([]string{from.Owner, from.Region, from.Bucket, at.Format("2006/01/02/2006-01-02-15-04-05-")}, "/") + unique
}

// newUnique makes what tells objects of one second apart: 16 hexadecimal digits.
func newUnique() string {
	id := ident.New()
	b := make([]byte, 16)
	for i := range b {
		b[i] = hexDigits[id[i]&15]
	}
	return string(b)
}
