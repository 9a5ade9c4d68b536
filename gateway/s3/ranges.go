package s3

import (
	"math"
	"strconv"
	"strings"

	"rhizome/model/object"
)

// parseRange reads a Range header. As in S3, several ranges, other units and what
// cannot be understood mean the whole object: nil.
func parseRange(s string) *object.Range {
	s, ok := strings.CutPrefix(s, "bytes=")
	if !ok {
		return nil
	}
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		return nil
	}
	if first == "" {
		n, ok := offset(last)
		if !ok {
			return nil
		}
		return &object.Range{First: -1, Last: n}
	}
	f, ok := offset(first)
	if !ok {
		return nil
	}
	if last == "" {
		return &object.Range{First: f, Last: -1}
	}
	l, ok := offset(last)
	if !ok || l < f {
		return nil
	}
	return &object.Range{First: f, Last: l}
}

// offset reads digits; a number that is too large is the largest.
func offset(s string) (int64, bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	if s == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return math.MaxInt64, true
	}
	return n, true
}

func contentRange(first, length, size int64) string {
	return "bytes " + itoa(first) + "-" + itoa(first+length-1) + "/" + itoa(size)
}
