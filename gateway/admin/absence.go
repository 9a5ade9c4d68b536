package admin

import (
	"context"
	"net/http"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
)

// lookFor is how long it is found out who is away, when a request failed.
const lookFor = time.Second / 2

// absence says of a request to which too few nodes answered which homes are away and what
// to do, if that is why.
func (s *Server) absence(r *http.Request, p lang.Printer, err error) error {
	if s.Cluster == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), lookFor)
	defer cancel()
	around, lerr := s.lookAround(ctx)
	if lerr != nil {
		return err
	}
	away, stand := around.awayNames(p), around.layout.Stand
	who, removed := around.refusing(p)
	switch {
	case removed:
		return errs.Newf(errs.Denied, "this node is no member of its rhizome any more (so say %s): it was removed, or declared lost there. rhizome status says what to do", who)
	case away == "" || stand.Stopped == 0:
		return err
	case r.Method == http.MethodGet:
		return errs.Newf(errs.Unavailable, "this cannot be told at present: it takes homes that are away (%s), because they may know of something that was being written when they went. Try again when they are back", away)
	case stand.Waiting > 0:
		return errs.Newf(errs.Unavailable, "this cannot be done at present: other homes are just taking over data, which takes all homes that had it, and one is away (%s). Try again when it is back; look first, for what was asked may yet be done then", away)
	case around.voters() == 2:
		return errs.Newf(errs.Unavailable, "this cannot be done at present: of two homes one is away (%s), and until it is back nothing can be written or changed, be it objects, buckets, keys, invitations or homes. Try again when it is back; look first, for what was asked may yet be done then. If it is lost for good: rhizome layout recover", away)
	}
	return errs.Newf(errs.Unavailable, "this cannot be done at present: too many homes are away (%s). Try again when one is back; look first, for what was asked may yet be done then. If they are lost for good: rhizome layout recover", away)
}
