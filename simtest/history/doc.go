// Package history lets many clients at once work on few keys of an S3 store, writes down
// what each saw and when, and checks that there is one order of all operations, true to
// their times, in which every answer is right: that the store is linearizable, key by key.
//
// A Store is one client's way to one bucket. Run makes the Clients work and returns a
// History; Check looks for the order with porcupine. Every body is written once only, so
// that an ETag says which write a reader saw. An operation takes effect between its call
// and its return; a write whose outcome nobody knows (a timeout, a 5xx answer) may do so
// at any time after its call, or never. A multipart upload's operation is its completion.
// A copy is a read of the one key and a write of the other, each somewhere in its time.
// A LIST counts as one read of each key, within the time of the LIST: it is no snapshot.
// Refused operations (412, and 404 to If-Match) have no effect and say something about
// the state; a 409 has no effect and says nothing.
//
// Clients must not retry by themselves: an attempt that was given up may still come true,
// and a second one beside it would be another write that the history does not know.
package history
