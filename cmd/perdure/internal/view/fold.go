package view

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

// Line is a line of the tree: an operation, or several that are not shown.
type Line struct {
	Operation *Operation
	Left      []*Operation
}

// Fold leaves out operations of a scope that has many: what the reader looks for is how it began,
// where it is, and what went wrong. With whole it leaves out none.
func Fold(all []*Operation, whole bool) []Line {
	var lines []Line
	unlike := 0
	for i, o := range all {
		shown := whole || len(all) <= foldFrom || i < foldEnds || i >= len(all)-foldEnds
		if !shown && o.Status != checkpoint.StatusSucceeded && unlike < foldStatus {
			unlike++
			shown = true
		}
		if last := len(lines) - 1; shown {
			lines = append(lines, Line{Operation: o})
		} else if last >= 0 && lines[last].Operation == nil {
			lines[last].Left = append(lines[last].Left, o)
		} else {
			lines = append(lines, Line{Left: []*Operation{o}})
		}
	}
	return lines
}

// Text says what is left out; it is empty for a line that is an operation.
func (l Line) Text() string {
	if l.Operation != nil {
		return ""
	}
	counts := make(map[string]int)
	var order []string
	for _, o := range l.Left {
		status := o.Shown()
		if counts[status]++; counts[status] == 1 {
			order = append(order, status)
		}
	}
	parts := make([]string, len(order))
	for i, s := range order {
		parts[i] = fmt.Sprintf("%d %s", counts[s], s)
	}
	return "… " + strings.Join(parts, ", ")
}

// Row is a line of the tree with the branches that stand before it.
type Row struct {
	Line

	// Branches are those in the columns before the line, such as "│  ├─ ".
	Branches string
}

// Rows returns the lines of a tree from above to below, folded unless whole.
func Rows(ops []*Operation, whole bool) []Row { return rows(nil, ops, "", whole) }

func rows(to []Row, ops []*Operation, indent string, whole bool) []Row {
	lines := Fold(ops, whole)
	for i, line := range lines {
		branch, below := "├─ ", "│  "
		if i == len(lines)-1 {
			branch, below = "└─ ", "   "
		}
		to = append(to, Row{line, indent + branch})
		if line.Operation != nil {
			to = rows(to, line.Operation.Children, indent+below, whole)
		}
	}
	return to
}
