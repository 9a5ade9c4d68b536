// Package core is the protocol of registers, and nothing else: CASPaxos on the
// state of one row (Rystsov, arXiv 1802.07000), with the rules for forgetting
// deletions, for scans and for a change of replicas that docs/design.md gives.
//
// It is pure. Time, randomness and messages are arguments and results; there is no
// goroutine, clock, socket, disk or map order in it. The shell above stores what
// must be stored and carries messages; the simulator and the exhaustive explorer
// beside this code drive these very functions.
//
// # Words
//
//   - A Ballot orders the attempts to change a row.
//   - A Record is a value with the ballot it was accepted at.
//   - A Cell is one row as one replica holds it: record and promise.
//   - A Proposer takes one change through its attempts, a Reader one read.
//   - Limits are the promises that a replica holds beside those kept with the row.
//
// # Invariants
//
//   - A promise is never taken back: not by a restart (Limits.Start), not by
//     forgetting a row (Limits.Floor), not by a change of replicas (Import).
//   - At one ballot at most one record exists for a row.
//   - A majority that accepted one ballot has chosen its record; every record
//     chosen later descends from it.
//   - A change is an ancestor of the chosen record at most once.
package core
