// Package rpc carries calls and streams between the nodes of a rhizome.
//
// A node is known by its public key. Links are authenticated both ways and encrypted;
// who is let in is decided by the floors above, through Guard. What is reachable only
// through others is reached through them.
//
// # Calls and streams
//
// A call is one request and one answer, each up to MaxMessage bytes. A stream is for
// bytes that do not fit: a head, then bytes both ways. Each has a Class, and what is
// urgent never waits behind what is not: a background copy does not delay a read.
//
// # Errors
//
// A handler's error reaches the caller with its kind of package errs and its message.
// That no answer came is errs.Unavailable, and what was asked may have been done all
// the same.
//
// # Versions
//
// Methods are numbers that are never reused; messages are records of package codec, so
// that neighbouring releases understand each other. A method that the other side does
// not know is errs.Invalid there and ErrUnknownMethod here.
package rpc
