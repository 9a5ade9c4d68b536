// Package clients shows that programs people already have store data in the node and get
// it back: each test starts a node and drives it with one client as its users do.
//
// The package holds tests only. They use nothing but S3, so they also run against a
// foreign store (make foreign), which tells a fault of a test from a fault of the node.
package clients
