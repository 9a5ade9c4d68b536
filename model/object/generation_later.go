//go:build later

package object

import (
	"slices"

	"rhizome/base/codec"
)

// laterTag is the setting that only the release after this one knows: a tag of a bucket
// stands for it.
const laterTag = "of-a-later-release"

func laterBucket(r *bucketRecord) byte {
	if slices.ContainsFunc(r.Settings.Tags, func(t Tag) bool { return t.Key == laterTag }) {
		return codec.Generation
	}
	return 0
}
