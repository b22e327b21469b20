package changes_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/replay/internal/changes"
)

// enough is how many executions come across everything: fewer are not asked to.
const enough = 2000

// report prints what the executions came across, and fails if it is not all that there is.
func report(t *testing.T, n int, sum map[string]int) {
	t.Helper()
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(sum)) {
		fmt.Fprintf(&b, "\n%7d %s", sum[what], what)
	}
	t.Logf("%d executions:%s", n, b.String())
	for _, what := range all() {
		if n >= enough && sum[what] == 0 {
			t.Errorf("no execution came across this: %s", what)
		}
	}
}

// all lists what executions must come across: what a program can have, how it can be changed and
// deployed, and what an execution can have done when a change of it is deployed.
func all() (list []string) {
	add := func(as string, what ...string) {
		for _, text := range what {
			list = append(list, as+": "+text)
		}
	}
	for kind := changes.Step; kind <= changes.Declared; kind++ {
		if kind != changes.Batch {
			add("program", kind.String())
		}
	}
	for rule := changes.All; rule <= changes.Indexed; rule++ {
		add("program", "batch: "+rule.String())
	}
	add("program", "batch that fails", "bound of a batch", "bound of an open parallel", "large result", "a large result in a batch",
		"an operand that is a batch", "saga: a scope that fails", "saga: a future fails that nothing awaits", "compensation", "relaxed step",
		"name that repeats", "key", "future that nothing awaits", "written as Was or WasKey")
	add("deployed", ways()...)
	list = append(list, "an execution is stopped, for a change is not declared")
	add("change", "inserted", "removed", "renamed", "wrapped in a group", "unwrapped", "split", "merged", "swapped", "another kind",
		"a key more", "a loop changes", "inserted under a name that repeats", "an Undo is gone", "run beside each other",
		"another bound of what is open", "a branch of an open parallel more", "another kind of batch")
	add("change", "an operand more", "a branch more, which is not declared", "an operand is gone", "an operand is removed in its place",
		"an operand is renamed", "an operand has another key", "an operand is of another kind", "an operand is wrapped",
		"the Undo of an operand is gone", "operands change places", "a batch has another bound", "items have keys")
	for _, form := range []changes.Form{changes.Added, changes.Removed, changes.Replaced} {
		for _, state := range []changes.State{changes.TakesNew, changes.TakesOld, changes.TakesNeither} {
			add("case", fmt.Sprintf("in order, %s: %s", form, state))
		}
	}
	for _, form := range []changes.Form{changes.Added, changes.Bare, changes.Removed, changes.Gone, changes.Replaced} {
		add("case", fmt.Sprintf("operand of a batch that is not begun, %s: new", form),
			fmt.Sprintf("operand of a batch that is open, %s: new", form), fmt.Sprintf("operand of a batch that is decided, %s: old", form))
	}
	add("case", "in order, undone before: new", "operand of a batch that is open, replaced: old", "operand of a batch that is open, removed: old",
		"operand of a batch that is open, gone: old", "operand of a batch that is open, undone before: new")
	return list
}
