package core

// rules are switches that break the protocol, one rule at a time. Only tests set
// them, to show that the explorer sees each rule missing; the zero value is the
// protocol.
type rules struct {
	noPromise     bool // Prepare does not bind
	noFloor       bool // forgetting leaves no floor
	noCeiling     bool // promises are lost at a restart
	forgetByMost  bool // a majority of confirmations is enough to forget
	anyVersion    bool // confirmations of other layout versions count
	readAny       bool // a read answers with the highest of any majority
	createAgain   bool // later attempts of a Create skip Prepare too
	noRecent      bool // a retry does not look for itself
	noHorizon     bool // a retry takes "not listed" for "not done"
	blindRefusal  bool // a refusal rests on a value that may yet vanish
	noSeal        bool // an import source goes on serving the old version
	noImportBound bool // an import brings records, not promises
	noSoft        bool // an imported record below its promise counts in reads
	importAgain   bool // who may have voted takes a chosen record as if it had not
	softNever     bool // an imported record that is not chosen counts all the same
	anySource     bool // a source that has not imported hands on what it has
	keepStale     bool // a new tenure begins with the rows of an old one
	confirmEarly  bool // who may import a row again confirms that it holds a deletion
	importOne     bool // one import source is enough
	neverTwice    bool // a refused Accept is taken as never accepted before
	anyFence      bool // a read counts answers from behind a fence
	forgoBelow    bool // a row that is not made yet is foreclosed below its maker's ballot
	makeAnew      bool // a Create goes on though its row may have been foreclosed and forgotten
	longPage      bool // a page of a scan ends with the longest answer
}
