package replaytest

import (
	"slices"
	"testing"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay"
)

// ExploreAround is Explore of a function that something wrong is put around.
func ExploreAround[In, Out any](
	tb testing.TB, f *replay.Function[In, Out], around func(local.Handler) local.Handler, in In, opts ...ExploreOption,
) *Report {
	tb.Helper()
	x := newExplorer(tb, f, in, opts)
	x.f = around(x.f)
	x.explore()
	return x.report
}

// ParseSchedule returns how a schedule that was read is spelled.
func ParseSchedule(text string) (string, error) {
	s, err := parseSchedule(text)
	return s.String(), err
}

// Matches reports whether a path is the one of an option.
func Matches(pattern, path string) bool { return matches(pattern, path) }

// Several lists the pairs and triples that Explore would try.
func Several[In, Out any](tb testing.TB, f *replay.Function[In, Out], in In, opts ...ExploreOption) []string {
	tb.Helper()
	x := newExplorer(tb, f, in, opts)
	var lines []string
	for _, plan := range x.several(x.singles(x.try(nil))) {
		lines = append(lines, plan.String())
	}
	return lines
}

// DeclaredIn lists the names of the operations that a folder declares.
func DeclaredIn(dir string) (names []string, err error) {
	all, _, err := declaredIn(dir)
	for _, d := range all {
		names = append(names, d.name)
	}
	slices.Sort(names)
	return names, err
}

// ShapeChanges says what has changed between two shapes, of a package in which these operations are
// declared and reached by no input, if that is known.
func ShapeChanges(want, got string, missed []string, known bool) []string {
	all := make([]declaredAt, len(missed))
	for i, name := range missed {
		all[i] = declaredAt{name, "order/main.go:7"}
	}
	return changesOf(want, got, all, nil, known)
}

// DeclaredShapeChanges is [ShapeChanges] of a package in a folder, all of whose operations are
// reached.
func DeclaredShapeChanges(dir, want, got string) ([]string, error) {
	_, changed, err := declaredIn(dir)
	return changesOf(want, got, nil, changed, true), err
}
