package node

import (
	"rhizome/base/errs"
	"rhizome/model/account"
)

// mayBegin refuses a first start that cannot end well, before it makes anything: a witness
// of nobody, an invitation that is none, an address that S3 cannot have. A start that is
// refused leaves no folder that was not there.
func (n *Node) mayBegin() error {
	c := n.config
	under, err := n.folder.invitation()
	if err == nil && under == nil && c.Join == "" && (c.Witness || c.Gateway) {
		return errs.New(errs.Invalid, "a witness or a gateway joins a rhizome and cannot begin one, for it keeps no objects: give the invitation of another home with --join (rhizome invite prints it there), or leave out --witness and --gateway")
	}
	if c.Join != "" {
		if _, err := account.ParseTicket(c.Join); err != nil {
			return err
		}
		if c.Homeless {
			return errHomeless
		}
	}
	ln, err := listenS3(c)
	if err != nil {
		return err
	}
	return closeOnce(ln)
}

var errHomeless = errs.New(errs.Invalid, "the home that this computer stands in needs a name: give one with --home, --home garden say. Copies are kept in different homes; computers in one place share its name")
