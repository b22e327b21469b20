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
// of what was recorded with a file in testdata: one line for each operation, with its path, its
// sub-type, and what its result looks like as JSON. Where nothing but its place names an operation
// (an item by index, a name that is repeated without keys) the line has the result itself. The
// file is rewritten as that of [Result.Golden] is.
//
// A difference fails the test, and says what it does to executions that are under way:
//
//   - free: they go on. Operations at the end, members that are new.
//   - declare: they diverge, unless the change is declared. Operations that were inserted, removed,
//     renamed or moved, a result of another kind, an operation of another kind.
//   - lossy: they go on, and nothing will say so. Members that have no place any more, and another
//     value in a place that has no name.
//
// Shape sees only the paths through the code that the inputs take: give an input for each that
// matters.
func Shape[In, Out any](tb testing.TB, file string, f *replay.Function[In, Out], inputs []In, opts ...Option) {
	tb.Helper()
	if len(inputs) == 0 {
		tb.Fatalf("replaytest: Shape: no inputs: pass one for each way that matters")
		return
	}
	var got strings.Builder
	for _, in := range inputs {
		text, err := json.Marshal(in)
		if err != nil {
			tb.Fatalf("replaytest: Shape: the input of type %T is written as JSON: %v", in, err)
			return
		}
		fmt.Fprintf(&got, "# %s\n", text)
		for _, o := range Run(tb, f, in, opts...).Operations {
			got.WriteString(shapeOf(&o) + "\n")
		}
	}
	name := filepath.Join("testdata", filepath.FromSlash(file))
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
	if changes := changesOf(string(want), got.String()); len(changes) > 0 {
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

// line is a line of a shape.
type line struct{ path, subType, kind, value string }

// sections are the lines of a shape by input.
func sections(shape string) (order []string, lines map[string][]line) {
	lines = make(map[string][]line)
	input := ""
	for text := range strings.Lines(shape) {
		text = strings.TrimRight(text, "\r\n")
		if strings.HasPrefix(text, "# ") {
			input = text
			order = append(order, input)
			continue
		}
		parts := append(strings.SplitN(text, between, 4), "", "", "") //nolint:mnd // as line has
		lines[input] = append(lines[input], line{parts[0], parts[1], parts[2], parts[3]})
	}
	return order, lines
}

// changesOf says what has changed between two shapes, and what that does to executions that are
// under way.
func changesOf(want, got string) (changes []string) {
	_, before := sections(want)
	order, after := sections(got)
	for _, input := range order {
		was, ok := before[input]
		if !ok {
			changes = append(changes, "free: "+strings.TrimPrefix(input, "# ")+" is an input that the file does not have")
			continue
		}
		changes = append(changes, changesOfInput(was, after[input])...)
	}
	for input := range before {
		if !slices.Contains(order, input) {
			changes = append(changes, "free: "+strings.TrimPrefix(input, "# ")+" is an input that the test does not have any more")
		}
	}
	slices.Sort(changes)
	return slices.Compact(changes)
}

func changesOfInput(was, is []line) (changes []string) {
	add := func(format string, a ...any) { changes = append(changes, fmt.Sprintf(format, a...)) }
	place := func(in []line, path string) int {
		return slices.IndexFunc(in, func(l line) bool { return l.path == path })
	}
	last := -1 // of the operations that both have
	for i, l := range is {
		if place(was, l.path) >= 0 {
			last = i
		}
	}
	at := -1
	for i, l := range is {
		before := place(was, l.path)
		switch {
		case before < 0 && i > last:
			add("free: %s is new, behind all others", l.path)
			continue
		case before < 0:
			add("declare: %s is new before %s: it was added, or stands for what is gone", l.path, is[i+1].path)
			continue
		case before < at:
			add("declare: %s comes later than it did", l.path)
		}
		at = max(at, before)
		compareLines(add, was[before], l)
	}
	for _, l := range was {
		if place(is, l.path) < 0 {
			add("declare: %s is gone: it was removed, or is replaced", l.path)
		}
	}
	return changes
}

// compareLines says what has changed in an operation.
func compareLines(add func(format string, a ...any), was, is line) {
	switch {
	case was.subType != is.subType:
		add("declare: %s is a %s and was a %s", is.path, is.subType, was.subType)
	case was.kind != is.kind && strings.HasPrefix(was.kind, "{") && strings.HasPrefix(is.kind, "{"):
		gone, fresh := differing(was.kind, is.kind), differing(is.kind, was.kind)
		if len(gone) > 0 {
			add("lossy: the result of %s has no place any more for %s", is.path, strings.Join(gone, ", "))
		} else {
			add("free: the result of %s has more: %s", is.path, strings.Join(fresh, ", "))
		}
	case was.kind == "nothing" || was.kind == "{}":
		if is.kind != was.kind {
			add("lossy: %s had no result, and has %s: executions that are past it get the zero value", is.path, is.kind)
		}
	case was.kind != is.kind:
		add("declare: the result of %s is %s and was %s", is.path, is.kind, was.kind)
	case was.value != is.value:
		add("lossy: at %s stands another value (%s, it was %s), and nothing but its place names it: give keys", is.path,
			strings.TrimPrefix(is.value, "= "), strings.TrimPrefix(was.value, "= "))
	}
}

// differing lists the members that one object has and another one has not, or has otherwise.
func differing(a, b string) (names []string) {
	in := membersOf(b)
	for _, m := range membersOf(a) {
		if !slices.Contains(in, m) {
			names = append(names, m)
		}
	}
	return names
}

// membersOf lists the members of an object as kindOfJSON writes it.
func membersOf(kind string) (members []string) {
	kind = strings.TrimSuffix(strings.TrimPrefix(kind, "{"), "}")
	depth, from := 0, 0
	for i, r := range kind {
		switch r {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				members = append(members, kind[from:i])
				from = i + 1
			}
		}
	}
	if from < len(kind) {
		members = append(members, kind[from:])
	}
	return members
}
