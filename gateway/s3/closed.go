package s3

import "rhizome/gateway/s3/s3err"

// closed refuses everything on a node that is no member of its rhizome any more, with an
// error that programs do not try again.
func (g *gateway) closed() error {
	if g.shut == nil {
		return nil
	}
	if err := g.shut(); err != nil {
		return s3err.Newf(s3err.AccessDenied, "This node was removed from its rhizome and serves nothing any more: use the address of another one.").Because(err)
	}
	return nil
}
