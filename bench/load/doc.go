// Package load puts a store under a fixed load and measures what comes back.
//
// A run is a list of phases; each works with a fixed number of connections, every one of
// which sends its next request when its last was answered. Bodies are random bytes that
// cannot be compressed and differ from object to object. Rates count whole successful
// requests; a failed request fails the phase. Times are in milliseconds, bytes in units
// of 1,000,000 where a rate is given, processor time is the server's alone.
package load
