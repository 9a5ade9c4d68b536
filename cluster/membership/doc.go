// Package membership knows who belongs to a rhizome, who can be reached, which layout
// is in force, and what time most nodes agree on.
//
// # Cards
//
// Every node has a card: what it tells of itself, numbered so that a newer one replaces
// an older. Nodes exchange cards, and the layouts that the other lacks, when a link comes
// up, when something changed, and every Period else. So a node whose address changed is
// found again through any node that both know. A card is a hint: nothing that is kept
// depends on one, but who is refused for an old copy (below).
//
// # The chain of layouts
//
// Layout v+1 is chosen by single-decree Paxos (package layout/decree) among the voters
// of layout v, so of two changes at once one wins and the other is told. A change that
// would move a partition is not proposed before a majority of the partition's replicas
// have taken it up under the layout before, unless it is forced. A node makes a layout
// durable before it acts by it or tells of it.
//
// A node that the newest layout does not name is no member: Member says so to the links,
// which refuse it from that moment on.
//
// Recover goes on under a new lineage by the word of a person. If nodes that were not told
// of it go on otherwise, there are two histories. Who exchanges news names the version and
// the lineage of its layout: a layout that is not in the other's chain, though its number
// is not beyond it, is of another history. Both refuse each other from then on, and say so.
//
// # Time
//
// Clock is the time that most nodes agree on. Each exchange compares two clocks; if more
// than half of those compared lie close together, theirs is the time, and Skew says how
// far this machine's clock is off. Between exchanges it runs by the machine's monotonic
// clock, so that a clock that jumps misleads nobody. It serves signatures, expiry and
// dates; nothing that is kept depends on it.
//
// # Old copies
//
// A node whose data folder is put back as it once was has forgotten promises and rows, and
// must not vote. So it has an age: a number that it makes durable before it tells of it, and
// that grows with each start, and while rows are written once in a minute or two. A card
// tells the age and which process wrote it. Who knows a node at an age refuses another process of it
// that began no older than that, or the same one when it is younger by more than a late message is, and
// tells it; it is then nobody's member. What was written in the last
// minutes before the copy was made, or is known to nobody who answers, is not noticed. A
// node that starts tells of no row and does not vote before another node took it for what it
// is, or nobody answered for two seconds. If one that knows better answers after one that does not, the
// copy takes part until then.
//
// # In the row store
//
//	'm' 'l' version (8)  a layout, as package layout encodes it
//	'm' 'v' version (8)  what this node promised and accepted for that layout
//	'm' 'c' node (32)    the newest card of a node
//	'm' 'a' node (32)    the addresses of a node that a person gave, if any
//	'm' 'e'              the node's age (8), which begins its card numbers
//	'm' 'o'              who said that these rows are an old copy (32), if somebody did
//	'm' 'p' node (32)    empty: the node came with an old copy of its rows
package membership
