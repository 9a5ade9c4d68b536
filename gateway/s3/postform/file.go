package postform

import (
	"io"
	"strconv"

	"rhizome/gateway/s3/s3err"
)

// file reads the file's part and counts it.
type file struct {
	r        io.Reader
	n        int64
	min, max int64
	err      error
}

func (f *file) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.r.Read(p)
	f.n += int64(n)
	switch {
	case f.n > f.max:
		n, f.err = 0, f.sizeError(s3err.EntityTooLarge, "MaxSizeAllowed", f.max)
	case err == io.EOF && f.n < f.min:
		f.err = f.sizeError(s3err.EntityTooSmall, "MinSizeAllowed", f.min)
	case err == io.EOF:
		f.err = io.EOF
	case err != nil:
		f.err = broken(err)
	}
	return n, f.err
}

func (f *file) sizeError(c s3err.Code, name string, limit int64) error {
	return s3err.New(c, s3err.Field{Name: "ProposedSize", Value: strconv.FormatInt(f.n, 10)},
		s3err.Field{Name: name, Value: strconv.FormatInt(limit, 10)})
}
