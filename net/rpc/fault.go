package rpc

import (
	"errors"
	"strings"

	"rhizome/base/errs"
)

// An error travels as one byte, its kind, and its message in UTF-8. The numbers are those
// of errs.Kind, which are sent and never reused; unknownMethod stands for
// ErrUnknownMethod.
const (
	unknownMethod = 0xff
	maxFault      = 4 << 10
)

// EncodeFault returns the form in which a handler's error travels. A long message is cut.
func EncodeFault(err error) []byte {
	if errors.Is(err, ErrUnknownMethod) {
		return []byte{unknownMethod}
	}
	msg := strings.ToValidUTF8(err.Error(), "?")
	if len(msg) > maxFault {
		msg = strings.ToValidUTF8(msg[:maxFault], "")
	}
	return append([]byte{byte(errs.KindOf(err))}, msg...)
}

// DecodeFault undoes EncodeFault. A kind that this program does not know is
// errs.Internal; it never returns nil.
func DecodeFault(b []byte) error {
	switch {
	case len(b) == 0:
		return errs.New(errs.Internal, "the other node failed and did not say why")
	case b[0] == unknownMethod:
		return ErrUnknownMethod
	case b[0] > byte(errs.Full):
		b = append([]byte{byte(errs.Internal)}, b[1:]...)
	}
	return errs.New(errs.Kind(b[0]), strings.ToValidUTF8(string(b[1:]), "?"))
}
