package register

import (
	"context"

	"rhizome/disk/kv"
)

// RowCheck says how the rows of a store are.
type RowCheck struct {
	Rows int64
	// Bad is the number of rows that cannot be read, Named keys of the first of those, as
	// DecodeKey takes them.
	Bad   int64
	Named [][]byte
	// Stopped says why the check ended before the last row; nil if it did not.
	Stopped error
}

// maxNamed bounds the rows that a check names.
const maxNamed = 1000

// CheckRows reads every row of a store, bytes kept apart included, and says which
// cannot be read. Only the end of ctx is an error.
func CheckRows(ctx context.Context, store *kv.Store) (RowCheck, error) {
	var out RowCheck
	out.Stopped = Records(ctx, store, func(RawRecord) error {
		out.Rows++
		return nil
	}, func(key []byte, _ error) error {
		out.Bad++
		if _, err := DecodeKey(key); err == nil && len(out.Named) < maxNamed {
			out.Named = append(out.Named, key)
		}
		return nil
	})
	return out, ctx.Err()
}
