// Package postform owns browser uploads: the multipart/form-data body of a POST to a
// bucket and the policy document that says what it may hold.
//
// The form is read as a stream: all fields up to the file, which must come last; what
// follows the file is not read. Limits: MaxFieldBytes of fields, MaxFields of them, a
// policy of MaxPolicy, a file of MaxFile. The variable ${filename} is replaced in every
// field before the policy is checked. A field comes at most once. Errors are
// *s3err.Error. Nothing here is safe for concurrent use of one Form.
//
// Source: "Browser-Based Uploads Using POST", Amazon S3 API Reference; RFC 7578.
package postform

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"strings"

	"rhizome/gateway/s3/s3err"
)

// Limits of a form, in bytes but for MaxFields.
const (
	MaxFieldBytes = 20 << 10 // names and values before the file
	MaxFields     = 100
	MaxPolicy     = 20 << 10 // decoded
	MaxFile       = 5 << 30
	maxFilename   = 1 << 10
	maxPreamble   = 128 << 10 // all that comes before the file, headers of parts included
	maxBoundary   = 128
)

// Form is a browser's upload. Field names are in lower case.
type Form struct {
	Fields   map[string]string
	Filename string // base name that the browser gave
	// File yields the file's bytes, once. It ends with io.EOF only at the boundary behind
	// them; with EntityTooLarge above MaxFile or the policy's content-length-range and
	// EntityTooSmall below it; with IncompleteBody if the form ends before.
	File io.Reader

	file *file
}

// Parse reads the fields of a form up to the file. contentType is the request's
// Content-Type. It fails with RequestIsNotMultiPartContent, MalformedPOSTRequest,
// MaxPostPreDataLengthExceeded, InvalidArgument (a field twice, or one that no header
// could hold), IncorrectNumberOfFilesInPostRequest (no file).
func Parse(body io.Reader, contentType string) (*Form, error) {
	boundary, err := boundaryOf(contentType)
	if err != nil {
		return nil, err
	}
	gate := &gate{r: body, left: maxPreamble}
	parts := multipart.NewReader(gate, boundary)
	f := &Form{Fields: make(map[string]string)}
	for left := MaxFieldBytes; ; {
		p, err := parts.NextRawPart()
		if err != nil {
			return nil, f.ended(err)
		}
		name := strings.ToLower(p.FormName())
		if name == "" {
			return nil, s3err.New(s3err.MalformedPOSTRequest)
		}
		if name == "file" {
			gate.open = true
			return f, f.setFile(p)
		}
		n, err := f.add(name, p, left)
		if err != nil {
			return nil, err
		}
		left -= n
	}
}

// Is reports whether a body of this Content-Type can be a form.
func Is(contentType string) bool {
	_, err := boundaryOf(contentType)
	return err == nil
}

// boundaryOf reads the boundary out of a Content-Type.
func boundaryOf(contentType string) (string, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		return "", s3err.New(s3err.RequestIsNotMultiPartContent)
	}
	b := params["boundary"]
	if b == "" || len(b) > maxBoundary {
		return "", s3err.New(s3err.MalformedPOSTRequest)
	}
	return b, nil
}

// ended says what the end of the form, or a failure, before a file means.
func (f *Form) ended(err error) error {
	if err == io.EOF {
		return s3err.New(s3err.IncorrectNumberOfFilesInPostRequest)
	}
	return broken(err)
}

// broken maps a failure of reading.
func broken(err error) error {
	switch {
	case s3err.As(err) != nil:
		return s3err.As(err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return s3err.New(s3err.IncompleteBody).Because(io.ErrUnexpectedEOF)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return s3err.New(s3err.RequestTimeout).Because(err)
	}
	return s3err.New(s3err.MalformedPOSTRequest).Because(err)
}

// add reads one field and returns how much of the limit it took.
func (f *Form) add(name string, p io.Reader, left int) (int, error) {
	if _, ok := f.Fields[name]; ok {
		return 0, s3err.Argument(name, "", "The form has this field more than once.")
	}
	left -= len(name)
	if left < 0 || len(f.Fields) == MaxFields {
		return 0, s3err.New(s3err.MaxPostPreDataLengthExceeded)
	}
	value, err := io.ReadAll(io.LimitReader(p, int64(left)+1))
	switch {
	case err != nil:
		return 0, broken(err)
	case len(value) > left:
		return 0, s3err.New(s3err.MaxPostPreDataLengthExceeded)
	}
	f.Fields[name] = string(value)
	return len(name) + len(value), nil
}

// setFile takes the file's part, and replaces its name in all fields.
func (f *Form) setFile(p *multipart.Part) error {
	f.Filename = p.FileName()
	f.Filename = f.Filename[strings.LastIndexByte(f.Filename, '\\')+1:]
	if len(f.Filename) > maxFilename {
		return s3err.New(s3err.MalformedPOSTRequest)
	}
	f.file = &file{r: p, max: MaxFile}
	f.File = f.file
	for name, value := range f.Fields {
		value = strings.ReplaceAll(value, "${filename}", f.Filename)
		f.Fields[name] = value
		if isHeader(name) && !(isToken(name) && isText(value)) {
			return s3err.Argument(name, value, "The field has a character that is not allowed in it.")
		}
	}
	return nil
}

// gate limits what is read before the file.
type gate struct {
	r    io.Reader
	left int
	open bool
}

func (g *gate) Read(p []byte) (int, error) {
	if g.open {
		return g.r.Read(p)
	}
	if g.left == 0 {
		return 0, s3err.New(s3err.MaxPostPreDataLengthExceeded)
	}
	n, err := g.r.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}
