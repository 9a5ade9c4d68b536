package layout

import "rhizome/base/errs"

// spread gives each partition so many copies among the nodes named, over so many
// zones at least.
func (l *Layout) spread(prev *Layout, nodes []int, copies, zones int) ([][]uint16, error) {
	return nil, errs.New(errs.Internal, "not yet")
}
