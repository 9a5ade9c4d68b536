// Package simtest plays whole rhizomes in one process and in virtual time: homes with the
// real rows, extents, objects and S3 gateway, on disks in memory that lose what was not
// synced and a network in memory that loses, delays and cuts. Clients at all homes work on
// few keys through the gateways while things go wrong, and what they saw is checked for
// linearizability (package history). It has tests alone; nothing of the program imports it.
//
// A seed draws what is tried and what goes wrong. Goroutines of one instant run in any
// order, so that a seed repeats the plan of a run and not each of its steps.
//
// Not real here: who decides about layouts (a town planner does, by the rule that a
// partition moves only when a majority of its replicas have imported it; the decision
// itself is that of packages layout/decree and membership, which have simulations of their
// own) and the links (net/rpc/p2p). The lab of e2e runs the program itself.
package simtest
