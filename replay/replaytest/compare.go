package replaytest

import (
	"strings"

	"github.com/google/go-cmp/cmp"
)

// IgnoreChance makes cmp.Diff ignore what differs between two runs of the same function when it
// runs operations concurrently: of a [Result] the Bytes, Calls, CheckpointCalls, History and Logs,
// and in the recorded result of a batch which branch was the last one.
//
//	if diff := cmp.Diff(want, got, replaytest.IgnoreChance()); diff != "" {
//
// Results of functions that run one operation after the other are the same without it.
func IgnoreChance() cmp.Option {
	return cmp.Options{
		cmp.FilterPath(func(p cmp.Path) bool {
			switch fieldOf(p, "Result") {
			case "Bytes", "Calls", "CheckpointCalls", "History", "Logs":
				return true
			}
			return false
		}, cmp.Ignore()),
		cmp.FilterPath(func(p cmp.Path) bool { return fieldOf(p, "Operation") == "Result" },
			cmp.Comparer(func(a, b string) bool { return steady(a) == steady(b) })),
	}
}

// fieldOf returns the field of one of our types that a path ends at.
func fieldOf(p cmp.Path, name string) string {
	f, ok := p.Last().(cmp.StructField)
	if !ok {
		return ""
	}
	of := p.Index(-2).Type() //nolint:mnd // what has the field
	bare, _, _ := strings.Cut(of.Name(), "[")
	if bare != name || !strings.HasSuffix(of.PkgPath(), "/replay/replaytest") {
		return ""
	}
	return f.Name()
}

// steady takes from a payload what is chance.
func steady(payload string) string { return chance().ReplaceAllString(payload, "$1*") }
