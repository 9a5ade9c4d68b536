package s3

import (
	"rhizome/base/errs"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// ErrCORS is what CheckCORS finds wrong; its text says what.
var ErrCORS = errs.New(errs.Invalid, "the CORS configuration is not understood")

// CheckCORS reads a CORS configuration in S3's XML.
func CheckCORS(text []byte) ([]object.CORSRule, error) {
	if len(text) > maxCORS {
		return nil, errs.Newf(errs.Invalid, "%w: it has more than %d bytes", ErrCORS, maxCORS)
	}
	root, err := parseXML(text, corsRoot)
	if err != nil {
		return nil, errs.Newf(errs.Invalid, "%w: it is no CORSConfiguration in XML", ErrCORS)
	}
	rules, err := readCORS(root)
	if e := s3err.As(err); e != nil {
		err = errs.Newf(errs.Invalid, "%w: %s", ErrCORS, e.Message)
	}
	return rules, err
}

// CORSText writes rules as CheckCORS reads them.
func CORSText(rules []object.CORSRule) []byte {
	d := newDoc(corsRoot)
	for i := range rules {
		d.rule(&rules[i])
	}
	d.end(corsRoot)
	text := append([]byte(nil), d.b...)
	d.free()
	return text
}
