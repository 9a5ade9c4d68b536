// Package layout says which nodes keep which partition, and how that changes. It is
// pure: no clock, no disk, no network, no chance.
//
// A layout is numbered. It maps each of P partitions to the replicas that vote on
// the rows of that partition; those that are no witness keep its bytes too. P is
// 1,024 and stands in the layout. A row's partition is BLAKE3(partition key) mod P,
// so a rhizome of other sizes can be made with other P; P does not change while a
// rhizome runs, and Next and Chain refuse to.
//
// # How a layout is computed
//
// Next takes the layout before and what people changed, and gives the one layout
// that follows: the same on every machine. In this order it
//
//  1. decides how many holders each partition has and over how many homes (see
//     below);
//  2. makes the usable capacity as large as it can be: no other layout under the
//     same rule offers more bytes;
//  3. gives each node its fair share, rounded to whole partitions: the share of its
//     capacity in all capacity that the rule lets be used;
//  4. among the layouts that do so, takes one that moves the least data.
//
// 2 and 3 are a water-filling in closed form, because partitions are alike; 4 is a
// minimum-cost flow (flow.go). The problem and the idea of the flow are those of
// "An algorithm for geo-distributed and redundant storage in Garage" (arXiv
// 2302.13798); docs/decisions/040-layout-flow.md says what is done otherwise.
//
// A node's share is whole partitions, so that it is within 5% of the fair share if
// that is 20 partitions or more: with 1,024 partitions and 3 replicas up to about 150
// nodes. Larger rhizomes are made with more partitions.
//
// # How many replicas
//
// Settings.Replicas (1, 3, 5 or 7; 3 if zero) is what is wanted. A home is a zone with a node that has
// capacity, is no witness and is not draining.
//
//   - Settings.Zones 0: one holder in each of min(Replicas, homes) homes. One home: 1;
//     two: 2; three and more: 3.
//   - Settings.Zones z: min(Replicas, storage nodes) holders in at least min(z, homes)
//     homes.
//   - An even number of holders survives no more losses than the odd number below it
//     and asks one more for each decision. So if it comes out even, a witness that
//     stands in none of the homes makes it odd; without one, it is lowered by one
//     (four homes and Replicas 5: 3), except 2, which stays 2 so that bytes are
//     in both homes.
//   - Witnesses are used for that alone: at most one in a partition, never in place
//     of storage. Gateways and draining nodes get nothing; they stay in Nodes.
//
// # Terms
//
// Term(p) is the version since which the set of partition p's replicas is what it
// is. Rows carry it. A layout that leaves the set alone leaves the term alone, but for
// one that begins a lineage (Recover): under it every partition's term begins anew.
//
// # Units
//
// Capacities and sizes are bytes. A partition's bytes are counted once, not once for
// each holder. Layouts, chains and plans are not changed once made, so they may be read
// by many goroutines.
package layout
