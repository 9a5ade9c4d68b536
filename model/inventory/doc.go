// Package inventory writes lists of buckets into other buckets, as S3 Inventory does: CSV files,
// compressed with gzip, and a manifest that names them.
//
// It owns one table, of runs: the row of a configuration says what was listed of the run that
// is under way and how far, and when the last whole one began.
//
//	Runs    bucket ID    configuration's ID    run
//
// A run is made of steps. A step lists on from where the last one ended, writes what it found
// as one file, and notes file and place in the row, if the row is still what it was: that is its
// commit point. So any node goes on where another stopped, and of two that do the same step
// one finds that it came late, and removes its file. Once all is listed the manifest is written,
// then its checksum, and then the row says that the run is done; until then the manifest may be
// written again, the same. A crash between a file and the row leaves a file that no manifest
// names.
//
// A list is no snapshot: what is changed meanwhile may be in it as it was or as it is. Every
// version that is there from the beginning to the end is in it once.
//
// The node that is the first of the row's replicas which can be reached does the steps, when a
// run is due: in an hour of the day that is the configuration's own, each day or on Sundays (UTC),
// and the first as soon as there is a configuration. Memory: one file as compressed, at most
// MaxFile and a page.
//
// Sources: Amazon S3 User Guide, "Cataloging and analyzing your data with S3 Inventory", "Amazon
// S3 Inventory list", "Locating your inventory list", November 2026.
package inventory
