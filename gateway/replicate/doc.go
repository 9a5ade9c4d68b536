// Package replicate keeps buckets of other S3 stores as buckets here are: it takes the keys
// that are due from package object, compares what a key is here with what it is there, and
// sends what differs.
//
// # What may be relied on
//
// Every acknowledged change of a key that a rule is about has the key compared after it, at
// least once, whatever crashes. What is sent is what the key is then, so that states which
// were replaced before they were sent are passed over, also where both sides keep versions.
// One key is sent by one worker at a time. An older state does not take a newer one's place:
// a request says which ETag it replaces, where the store heeds that; and who finds that another
// run of a node claimed the key looks once more when nothing of that run can arrive any more.
//
// # What is compared
//
// Size, and either the mark that each object sent carries (metadata rhizome-replica: the ETag and a
// digest of the attributes), or ETag and attributes themselves; then the tags. Objects in parts are sent
// in the same parts, so that most stores give them the same ETag; those of one piece above
// wholeSize in parts of partSize. An upload in parts is noted in the key's row and goes on where
// the store lists its parts.
//
// # Marks and loops
//
// Each request carries the header X-Rhizome-Replica, by which another rhizome knows that the change
// is not to be sent on, if the key may replicate there. So two that replicate to each other come to rest. A rhizome answers
// with the ID of its bucket: in a first copy replicas are sent on, but not to where their mark says
// that they came from, and in nobody else's place.
//
// # Limits
//
// Each destination of a bucket has a lane: at most InFlight keys at once, and as many bytes a second
// as the remote may be sent. A store that is away, or refuses the key, is left alone for a second and then
// twice as long each time, up to 15 minutes, a quarter more or less; an object that it refuses
// waits alone. Memory holds some hundred rows for each lane and the buffers of what is under way.
//
// Sources: Amazon S3 User Guide, "Replicating objects", November 2026.
package replicate
