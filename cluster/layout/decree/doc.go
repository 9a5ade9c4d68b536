// Package decree chooses one value among many voters: Paxos for a single value
// (Lamport, "Paxos Made Simple", 2001). The voters of layout v choose layout v+1 by it.
//
// It is pure. Messages are arguments and results; there is no goroutine, clock, chance,
// socket or disk in it. The shell above stores what must be stored, carries messages,
// waits and tries again; the explorer and the simulator beside this code drive these
// very functions.
//
// # Words
//
//   - A Ballot orders the attempts to have a value chosen. No two attempts share one.
//   - An Acceptor is one voter's memory, a record that is durable before it answers.
//   - A Proposer takes one value through its attempts.
//   - A value is opaque bytes. Promises carry its Hash alone, as there may be thousands
//     of voters; the proposer that needs the bytes fetches them from one of them.
//
// # Invariants
//
//   - An acceptor never takes back a promise, and never forgets what it accepted.
//   - At one ballot at most one value is proposed.
//   - A value accepted at one ballot by a majority is chosen; at every higher ballot no
//     other value is proposed.
//
// # What the shell must do
//
//   - Keep one Acceptor for each decree and store it before an answer leaves,
//     whenever a function says so. The voters of a decree, in the order that numbers
//     them, are the same for everyone.
//   - Answer no more for a decree whose outcome is known here: tell the outcome instead.
//     Only then may the Acceptor be dropped.
//   - Look at a value before it is accepted: what makes no sense is not voted for.
package decree
