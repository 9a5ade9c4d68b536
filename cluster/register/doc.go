// Package register keeps the rows of a rhizome: (table, partition key, sort key) ->
// value, each row an independent linearizable register replicated on the nodes that
// the layout gives its partition.
//
// A row is one CASPaxos instance (Rystsov, "CASPaxos: Replicated State Machines
// without logs", arXiv 1802.07000): Paxos on the state of one row, no log, no
// leader, any node proposes. The protocol itself is the pure package core below
// this one: time, randomness and messages are its arguments and results, and the
// simulator and the exhaustive explorer drive that very code. This package is its
// shell: it stores what an acceptor must remember, carries messages to replicas
// and back, waits, retries and gives up at a deadline.
//
// # What a caller may rely on
//
//   - Read, Update, Create and the settled rows of a Scan are linearizable per row.
//   - An Update that returned without error is on disk, fsynced, at a majority.
//   - errs.Unavailable means that the outcome is unknown: the change may yet happen,
//     once. Any error that a caller's own Apply returned means that it did not happen.
//   - Nothing here reads a clock for safety.
//
// # Several homes
//
// Serve and Remote carry what coordinators and replicas say to each other. Replica.Adopt
// takes up a layout; Replica.Move imports what it gives this node and drops what it
// takes away; Coordinator.Heal and LinkUp make up for what a replica missed. A message
// carries the term of its row's partition: see Peer, Plans and docs/registers.md.
//
// # What a replica keeps in its row store
//
// See docs/registers.md. Beside each row it keeps local, derived things in the
// same batch as the row itself, so that they never disagree with it:
//
//   - the work list: rows whose value is marked Pending and was not yet Settled. It
//     is a hint of where to look, never a fact about the row;
//   - the doubts: records of which it does not know that the other one of two replicas
//     holds them, so that it does not answer alone;
//   - the digests: of each bucket of a partition's rows, to compare replicas by;
//   - the weights: sums of Count and Bytes of all live values per (table, partition
//     key).
package register
