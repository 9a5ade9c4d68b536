// Package events tells webhooks what happened in buckets: it takes events from the outbox
// (package object), posts each to its webhook and removes it from there once it was taken.
//
// # What a webhook may rely on
//
// Every acknowledged change that a rule is about is told at least once, by a POST whose body
// is an event message as S3 writes it (version 2.1, one record each), in whatever order; the
// sequencer orders those of one key. An answer of 200 to 299 within 10 seconds takes an
// event; any other, or none, has it told again: after a second, then twice as long each time,
// up to 15 minutes, a quarter more or less. Nothing is dropped for having failed. An answer that
// refuses the one event (400, 413, 415, 422) has that one wait, and others go on. Redirects
// are not followed. Each webhook has a lane of its own: one that is slow or away holds up no
// other, and at most InFlight events of it are under way, Rate a second.
//
// # Signature
//
// The header X-Rhizome-Signature is "t=TIME,v1=HEX": the time in Unix seconds, and HMAC-SHA-256,
// under the webhook's secret, of TIME, a dot and the body. Who checks it refuses times that lie
// more than some minutes back. X-Rhizome-Event-Id is the same whenever one event is told
// again.
//
// # Limits
//
// Of a million events that wait memory holds those under way. Of a row's replicas the first that
// can be reached tells; when two nodes do, it is told twice. What no row holds any more
// because a webhook was away for too long is told as one record, with the eventName
// "s3:EventsLost" and how many there were.
//
// Sources: Amazon S3 User Guide, "Event message structure", November 2026.
package events
