// Package sites shows that the program serves web sites as people make and see them: made by
// Hugo, deployed by the command line, opened in Chromium; set by the aws command line; and up
// while a home is lost.
//
// The package holds tests only.
package sites
