package cli

import (
	"fmt"
	"strings"

	"github.com/perdure/perdure/checkpoint"
)

// Of the operations in one scope these are shown if there are more of them: that many of the first
// and of the last, and that many of those that did not succeed.
const (
	foldFrom   = 20
	foldEnds   = 5
	foldStatus = 10
)

// folded is a line of the tree: an operation, or several that are not shown.
type folded struct {
	o    *operation
	left []*operation
}

// fold leaves out operations of a scope that has many: what the reader looks for is how it began,
// where it is, and what went wrong.
func fold(all []*operation, whole bool) []folded {
	var lines []folded
	unlike := 0
	for i, o := range all {
		shown := whole || len(all) <= foldFrom || i < foldEnds || i >= len(all)-foldEnds
		if !shown && o.Status != checkpoint.StatusSucceeded && unlike < foldStatus {
			unlike++
			shown = true
		}
		if last := len(lines) - 1; shown {
			lines = append(lines, folded{o: o})
		} else if last >= 0 && lines[last].o == nil {
			lines[last].left = append(lines[last].left, o)
		} else {
			lines = append(lines, folded{left: []*operation{o}})
		}
	}
	return lines
}

// text says what is left out.
func (f folded) text() string {
	counts := make(map[checkpoint.Status]int)
	var order []checkpoint.Status
	for _, o := range f.left {
		if counts[o.Status]++; counts[o.Status] == 1 {
			order = append(order, o.Status)
		}
	}
	parts := make([]string, len(order))
	for i, s := range order {
		parts[i] = fmt.Sprintf("%d %s", counts[s], s)
	}
	return "… " + strings.Join(parts, ", ") + " (--all shows them)"
}
