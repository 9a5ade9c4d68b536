// Package p2p carries links between nodes over libp2p, of which nothing shows outside.
//
// # Links
//
// A node's libp2p identity is its Ed25519 key, so a link that stands proves both names.
// TCP with TLS 1.3 and yamux is preferred; QUIC is for where only UDP gets through a
// router. Nodes that nobody reaches keep a place at up to two members that they reach,
// and are reached through these; a hole is punched then if it can be.
//
// # Lanes and transfers
//
// From each node to each other there is a lane for each class of calls, a stream that
// lasts, opened at the first call. Messages travel in frames (frame.go shows their
// bytes), in turn, so that a short one never waits for a long one. A stream of package
// rpc is a transfer, a stream of its own (transfer.go). What is Bulk or Background is
// written in small pieces, and the kernel is told to hold little of what was not sent
// yet (TCP_NOTSENT_LOWAT), so that what is urgent goes out soon.
//
// # Who is let in
//
// Everyone may connect: a newcomer with an invitation is a stranger. Two protocols, of
// lanes and of transfers, are for members alone and end with a refusal for anyone else;
// two more serve the methods of rpc.Anyone within narrow limits (limits.go), and the link
// ends after a minute. Guard is asked at every call. Relays serve members alone, to
// members alone, within the limits of their owner.
//
// # A node that is gone
//
// When something is asked and nothing was heard for 1.5 s, a ping is sent; 3 s later the
// link is dropped, and what was asked fails with errs.Unavailable. Idle links cost a
// yamux ping every 30 s each way, about 100 KB an hour. A failed attempt to connect
// is repeated at the next call, but not before a delay, 0.1 to 5 s, which ends when new
// addresses come or the other node connects.
package p2p
