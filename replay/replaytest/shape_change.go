package replaytest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/perdure/perdure/internal/paste"
)

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
		if input == notReached {
			lines[input] = append(lines[input], line{path: text})
			continue
		}
		parts := append(strings.SplitN(text, between, 4), "", "", "") //nolint:mnd // as line has
		lines[input] = append(lines[input], line{parts[0], parts[1], parts[2], parts[3]})
	}
	return order, lines
}

// changesOf says what has changed between two shapes, and what that does to executions that are
// under way. declared are the operations in changes that the code declares.
func changesOf(want, got string, missed, declared []declaredAt, known bool) (changes []string) {
	_, before := sections(want)
	order, after := sections(got)
	for _, input := range order {
		was, ok := before[input]
		if input == notReached {
			continue
		}
		if !ok {
			changes = append(changes, "free: "+strings.TrimPrefix(input, "# ")+" is an input that the file does not have")
			continue
		}
		changes = append(changes, changesOfInput(was, after[input], declared)...)
	}
	if !known {
		before[notReached] = after[notReached]
	}
	for _, d := range missed {
		if !slices.Contains(before[notReached], line{path: d.name}) {
			changes = append(changes, fmt.Sprintf("free: %s is declared (%s), and no input reaches it: give one that does", d.name, d.line))
		}
	}
	for _, l := range before[notReached] {
		if !slices.Contains(after[notReached], l) {
			changes = append(changes, "free: "+l.path+" was reached by no input, and is, or is not declared any more")
		}
	}
	for input := range before {
		if !slices.Contains(order, input) && input != notReached {
			changes = append(changes, "free: "+strings.TrimPrefix(input, "# ")+" is an input that the test does not have any more")
		}
	}
	slices.Sort(changes)
	return slices.Compact(changes)
}

func changesOfInput(was, is []line, declared []declaredAt) (changes []string) {
	add := func(format string, a ...any) { changes = append(changes, fmt.Sprintf(format, a...)) }
	declare := func(l *line, what, pasted string) {
		if i := slices.IndexFunc(declared, func(d declaredAt) bool { return d.name == l.name() }); i >= 0 {
			add("declared: %s, and %s declares a change of it", what, declared[i].line)
			return
		}
		add("declare: %s: %s", what, pasted)
	}
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
			declare(&l, fmt.Sprintf("%s is new before %s", l.path, is[i+1].path), pasteNew(&l, was, is))
			continue
		case before < at:
			declare(&l, l.path+" comes later than it did", `op.Replaces(op.Inline("new order", …), op.Inline("old order", …)) around what has changed places`)
		}
		at = max(at, before)
		compareLines(add, declare, was[before], l)
	}
	for _, l := range was {
		if place(is, l.path) < 0 {
			declare(&l, l.path+" is gone", paste.Removed(l.construction())+" where it stood, or as the old side of op.Replaces")
		}
	}
	return changes
}

// compareLines says what has changed in an operation.
func compareLines(add func(format string, a ...any), declare func(l *line, what, pasted string), was, is line) {
	switch {
	case was.subType != is.subType:
		declare(&is, fmt.Sprintf("%s is a %s and was a %s", is.path, is.subType, was.subType), paste.Replaces(is.construction(), was.construction()))
	case was.kind != is.kind && strings.HasPrefix(was.kind, "{") && strings.HasPrefix(is.kind, "{"):
		gone, fresh := differing(was.kind, is.kind), differing(is.kind, was.kind)
		if len(gone) > 0 {
			add("lossy: the result of %s has no place any more for %s: %s", is.path, strings.Join(gone, ", "), paste.Type(is.name()))
		} else {
			add("free: the result of %s has more: %s", is.path, strings.Join(fresh, ", "))
		}
	case was.kind == "nothing" || was.kind == "{}":
		if is.kind != was.kind {
			add("lossy: %s had no result, and has %s: executions that are past it get the zero value: %s", is.path, is.kind, paste.Type(is.name()))
		}
	case was.kind != is.kind:
		declare(&is, fmt.Sprintf("the result of %s is %s and was %s", is.path, is.kind, was.kind), paste.Type(is.name()))
	case was.value != is.value:
		add("lossy: at %s stands another value (%s, it was %s), and nothing but its place names it: give keys", is.path,
			strings.TrimPrefix(is.value, "= "), strings.TrimPrefix(was.value, "= "))
	}
}

// pasteNew is what declares an operation that is new: under which name it was before, if one of its
// sub-type is gone from its scope.
func pasteNew(l *line, was, is []line) string {
	added := paste.Added(l.construction())
	for _, old := range was {
		gone := !slices.ContainsFunc(is, func(n line) bool { return n.path == old.path })
		if gone && old.subType == l.subType && scopeOfPath(old.path) == scopeOfPath(l.path) {
			return fmt.Sprintf("%s.Was(%q) if that was its name, or %s", l.construction(), old.name(), added)
		}
	}
	return added
}

// scopeOfPath is the path of what an operation is in.
func scopeOfPath(path string) string { return path[:max(0, strings.LastIndex(path, "/"))] }

// name is the name of the operation, without its key.
func (l *line) name() string {
	name, _ := nameOfPath(l.path)
	return name
}

// construction is how the operation is declared.
func (l *line) construction() string {
	name, key := nameOfPath(l.path)
	return paste.Operation("", l.subType, name, key)
}

// nameOfPath is the name at the end of a path, and its key.
func nameOfPath(path string) (name, key string) {
	last, _, _ := strings.Cut(path[strings.LastIndex(path, "/")+1:], "#")
	name, key, _ = strings.Cut(strings.TrimSuffix(last, "]"), "[")
	return name, key
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
