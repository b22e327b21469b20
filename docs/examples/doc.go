// Package examples is the root of perdure's runnable programs. Each directory
// below it holds one program, to be run with
//
//	go run ./docs/examples/<program>
//
// Package internal/demo is what those of docs/patterns.md are shown with.
//
// The programs are a module of their own, so that what they need never becomes
// a requirement of the SDK.
package examples
