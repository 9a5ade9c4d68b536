// Package harm does to a running node what the world does to it, and shows that what was
// acknowledged is there afterwards: it is killed at random moments, its files are damaged,
// its disk runs full, uploads are left half done, and clients lie.
//
// The package holds tests only. Chance comes from a seed that is printed; RHIZOME_SEED
// plays a run again. RHIZOME_SOAK=1 makes each test many times as long.
package harm
