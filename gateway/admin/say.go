package admin

import (
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
)

// sayDisks says in the person's language why disks cannot be used.
func sayDisks(p lang.Printer, disks []api.Disk) []api.Disk {
	for i := range disks {
		disks[i].Reason = reason(p, disks[i].Reason, disks[i].Err)
	}
	return disks
}

// sayRepair says what is damaged.
func sayRepair(p lang.Printer, r api.Repair) api.Repair {
	for i := range r.Lost {
		r.Lost[i].Reason = reason(p, r.Lost[i].Reason, r.Lost[i].Err)
	}
	r.Snapshot.Reason = reason(p, r.Snapshot.Reason, r.Snapshot.Err)
	if l := r.Lifecycle; l != nil {
		said := *l
		said.Reason = reason(p, l.Reason, l.Err)
		r.Lifecycle = &said
	}
	return r
}

// sayPieces says what is wrong with pieces of an object, and names the nodes that keep
// them; home is that of the node that is asked.
func sayPieces(p lang.Printer, names naming, home string, pieces []api.Piece) []api.Piece {
	for i := range pieces {
		pieces[i].Reason = reason(p, pieces[i].Reason, pieces[i].Err)
		for j := range pieces[i].Copies {
			c := &pieces[i].Copies[j]
			c.Reason = names.in(reason(p, c.Reason, c.Err))
			if c.Name = home; names != nil {
				c.Name = names.of(c.Node, home).name
			}
		}
	}
	return pieces
}

func reason(p lang.Printer, text string, err error) string {
	if err != nil {
		return p.Error(err)
	}
	return p.T(text)
}
