// Package lint checks the source files themselves and says why a rule is there.
//
// It owns the floor plan of the house (floors.go) and the habits that keep a large
// program readable: who may import whom, what each package says about itself, where
// time, files, chance and the end of the process may be touched, how long a function
// may grow, what a test may not do. It holds tests only and nothing imports it.
//
// The checks read the files; they do not ask the go command, whose answers the test
// cache would hide changes from. Each check is a function from the parsed tree to
// problems, and is itself tested on a small tree that breaks its rule.
package lint
