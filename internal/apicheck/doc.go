// Command apicheck compares the exported surface of this repository's modules with api.txt, where
// it is written down, one declaration a line.
//
//	go run ./internal/apicheck              # fails if they differ
//	go run ./internal/apicheck -write       # writes api.txt
//	go run ./internal/apicheck -since REV   # compares with the api.txt of a revision as well
//
// A change of the surface is a decision: it is seen in the diff of api.txt. A change that code may
// not compile with any more, as golang.org/x/exp/apidiff sees it, also needs a row in the table
// below "### Migration" of CHANGELOG.md that names what has changed, such as `op.Wait` or
// `op.Context.InvocationContext`: without it -write writes nothing, and -since fails.
//
// The surface is that of the packages that users import: those of the modules that are tagged,
// without internal packages, commands and programs of examples. api.txt is Go without bodies, and
// is read back with go/types.
package main
