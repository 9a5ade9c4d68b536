package core

// Of two replicas both have to accept what is chosen, so each holds what was chosen
// last, or something newer. One of them answers a read alone if it knows that what it
// holds is nothing newer that the other one may lack: docs/registers.md proves it.

// ReadAlone tells what the cell holds, and whether that answers a read for both of two
// replicas: it does unless the record is in doubt. Promises do not matter: what was
// promised and not accepted here was not chosen. An absent row is in no doubt. The
// replica has imported the whole partition, under the version that the asker goes by.
func (c *Cell) ReadAlone(l *Limits) Answer {
	a := c.Read(l)
	a.Alone = !c.Soft && !c.Doubt || l.rules.aloneAny
	return a
}

// Vouch takes the other replica's word that it holds the record at b for certain, under
// the version that both serve, and reports whether this cell holds it too: then neither
// is in doubt of it.
func (c *Cell) Vouch(b Ballot) bool {
	if c.Ballot != b || c.Soft {
		return false
	}
	c.Doubt = false
	return true
}
