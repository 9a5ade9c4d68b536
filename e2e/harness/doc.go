// Package harness starts the real program, or a foreign store, as a process of its own
// and gives tests what a user has: the command line, the S3 address and a key.
//
// It knows no package of the program. A Node belongs to the test that started it and is
// killed when that test ends. Folders are the test's own. RHIZOME_BIN names the program
// (by default it is built from the repository); RHIZOME_FOREIGN names a versitygw binary
// to start in the program's place, for tests of clients only.
package harness
