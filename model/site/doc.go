// Package site makes buckets into web sites: what a host name leads to, what is served
// for a path, deployments, passwords, visits. It speaks no HTTP; gateway/web does.
//
// # Rows
//
//	table   partition key   sort key                    value
//	Hosts   host name                                   hostRecord: the bucket
//	Visits  bucket ID       day (YYYYMMDD) + node ID    visitRecord: what one node counted
//
// The site itself, object.Site, is in its bucket's row, which every request reads anyway:
// a visitor costs the rows of the host, the bucket and the object, read side by side, and
// not one more. A bucket is one site; a site is one bucket and goes with it. Every change
// of a site is one update of that row, computed from what stands there.
//
// # Names
//
// A host name leads to the bucket that its row names, if that bucket's record lists it. It
// is listed first, then claimed, so that deleting the bucket finds every name that may
// lead to it. A name is free if it has no row, or if its row leads to a bucket that is
// gone or does not list it. Each claim draws a mark: who takes over a name that
// looked free does so only if nobody claimed it since before he looked. A name
// of another site is had by moving it, in one update of its row, which is for the gateway
// to allow. Beside these, BUCKET.domain leads to a site under the domains that a node is
// told, through the bucket's global name.
//
// # Deployments
//
// A deployment is a manifest, which never changes: paths, and for each the object that
// has its bytes. Objects lie in the bucket under Prefix, in the folder of the deployment
// that brought them, under the SHA-256 of their bytes; so does the manifest. The site's
// record says which deployment is current, which are kept and which are under way.
// Switching is one update of the record, which a request reads once: whatever it answers is
// of one deployment.
//
// What must not be deleted: an object that a deployment names which is kept, or will be.
// A deployment enters the list of those under way; reads the record; counts only on objects
// of deployments that are kept or under way by then, and brings all others itself; and is finished by
// an update of the record that finds it still in the list. Sweep lists the objects first
// and reads the record then. If anything is under way, it deletes nothing. If not,
// it deletes what it listed and no kept deployment names. That is right however late it is:
// an object that no kept deployment names while nothing is under way is named by no
// deployment ever after, for each later one counts on what is kept when it begins, on
// what others bring that are under way then, and so began later than the record was read,
// and on what it brings into its own folder: these folders did not exist when the objects were listed.
// No clock is asked; a deployment that was left is taken off the list after a day, or after an hour
// where many are under way, and who made it is refused, should he live.
//
// # Units
//
// Sizes are bytes, times Unix milliseconds but for days, which are UTC.
package site
