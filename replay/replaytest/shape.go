package replaytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/replay"
)

// Shape runs f with each of the inputs, as [Run] does with these options, and compares the shape
// of what was recorded with a file in testdata, which the name may begin with: one line for each
// operation, with its path, its sub-type, and what its result looks like as JSON. Where nothing but
// its place names an operation (an item by index, a name that is repeated without keys) the line
// has the result itself. The file is rewritten as that of [Result.Golden] is.
//
// A difference fails the test, and says what it does to executions that are under way:
//
//   - free: they go on. Operations at the end, members that are new.
//   - declare: they diverge, unless the change is declared. Operations that were inserted, removed,
//     renamed or moved, a result of another kind, an operation of another kind.
//   - lossy: they go on, and nothing will say so. Members that have no place any more, and another
//     value in a place that has no name.
//
// Each difference of the class declare has the declaration to paste. Where the code has it, as far
// as names in the files of the handler's package say, the difference is of the class declared:
// write the file again, and let [Compatible] or perdure compat say what executions make of it.
//
// Shape sees only the paths through the code that the inputs take: give an input for each that
// matters. What no input reaches stands at the end of the file: operations with constant names that
// the package of the handler declares (its files, without tests), but for old sides of declared
// changes. That of other handlers in the package is among it.
func Shape[In, Out any](tb testing.TB, file string, f *replay.Function[In, Out], inputs []In, opts ...Option) {
	tb.Helper()
	if len(inputs) == 0 {
		tb.Fatalf("replaytest: Shape: no inputs: pass one for each way that matters")
		return
	}
	var got strings.Builder
	var seen coverage
	opts = append(slices.Clone(opts), option(func(c *config) { c.ran = seen.ran }))
	for _, in := range inputs {
		text, err := json.Marshal(in)
		if err != nil {
			tb.Fatalf("replaytest: Shape: the input of type %T is written as JSON: %v", in, err)
			return
		}
		fmt.Fprintf(&got, "# %s\n", text)
		for _, o := range Run(tb, f, in, opts...).Operations {
			got.WriteString(shapeOf(&o) + "\n")
			seen.reached(&o)
		}
	}
	missed, declared, known := seen.missed()
	if len(missed) > 0 {
		got.WriteString(notReached + "\n")
	}
	for _, d := range missed {
		got.WriteString(d.name + "\n")
		tb.Logf("replaytest: no input of %s reaches %q, which %s declares", file, d.name, d.line)
	}
	name := filepath.Join("testdata", filepath.FromSlash(strings.TrimPrefix(file, "testdata/")))
	if updating() {
		err := os.MkdirAll(filepath.Dir(name), 0o750)
		if err == nil {
			err = os.WriteFile(name, []byte(got.String()), 0o600)
		}
		if err != nil {
			tb.Errorf("replaytest: %v", err)
		}
		return
	}
	want, err := os.ReadFile(name) //nolint:gosec // the test names the file
	if err != nil {
		tb.Errorf("replaytest: %v; to write it: %s", err, toUpdate(tb.Name()))
		return
	}
	if changes := changesOf(string(want), got.String(), missed, declared, known); len(changes) > 0 {
		tb.Errorf("replaytest: the shape is not that of %s; if that is meant: %s\n%s", name, toUpdate(tb.Name()), strings.Join(changes, "\n"))
	}
}

// between stands between the parts of a line.
const between = "  "

// shapeOf is the line of an operation.
func shapeOf(o *Operation) string {
	parts := []string{o.Path, o.SubType}
	switch {
	case o.Failure != nil:
		parts = append(parts, "fails: "+o.Failure.Type)
	case o.Kind == checkpoint.KindStep || o.Kind == checkpoint.KindChainedInvoke:
		kind, ok := kindOfJSON([]byte(o.Result))
		if parts = append(parts, kind); ok && byPlace(o.Path) {
			parts = append(parts, "= "+o.Result)
		}
	}
	return strings.Join(parts, between)
}

// byPlace reports whether nothing but its place names an operation, or one that it is in.
func byPlace(path string) bool {
	if strings.Contains(path, "#") {
		return true
	}
	for rest := path; ; {
		_, in, found := strings.Cut(rest, "[")
		if !found {
			return false
		}
		index, after, _ := strings.Cut(in, "]")
		if index != "" && strings.Trim(index, "0123456789") == "" {
			return true
		}
		rest = after
	}
}

// kindOfJSON is what a text looks like as JSON: {"Amount":number,"ID":string}. ok is false for a
// text that is no JSON.
func kindOfJSON(text []byte) (kind string, ok bool) {
	if len(bytes.TrimSpace(text)) == 0 {
		return "nothing", true
	}
	var v any
	if json.Unmarshal(text, &v) != nil {
		return "text", false
	}
	return kindOfValue(v), true
}

func kindOfValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		var kinds []string
		for _, item := range v {
			if kind := kindOfValue(item); !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
		slices.Sort(kinds)
		return "[" + strings.Join(kinds, "|") + "]"
	case map[string]any:
		var members []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			members = append(members, fmt.Sprintf("%q:%s", name, kindOfValue(v[name])))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	return "value"
}
