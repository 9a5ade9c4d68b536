package register

// OnRow has f called after each change of a row of the table on this replica, when it is
// durable: by an Accept, an import or a mending. v is nil for a tombstone. late says that
// others had it before, so that nobody is about to bring what belongs to it: it was
// imported, or handed over by who compared. f is called with the row's latch held: it
// returns at once and does not call the replica; changes of one row come in order, and one
// may come again. Call OnRow before there are changes.
func (r *Replica) OnRow(t Table, f func(row Row, v *Value, late bool)) {
	r.watchers[t] = append(r.watchers[t], f)
}

func (r *Replica) tell(row Row, v *Value, late bool) {
	for _, f := range r.watchers[row.Table] {
		f(row, v, late)
	}
}
