package cli

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/internal/rehearsal"
)

// declaredChange is a declared change of a function, and which executions need it.
type declaredChange struct {
	As     string `json:"as"`
	Change string `json:"change"`
	// Needed are the executions that take its old side.
	Needed []string `json:"needed"`
}

// declaredChanges are those of a function that its running executions have reached.
type declaredChanges struct {
	Function  string            `json:"function"`
	Rehearsed int               `json:"rehearsed"`
	Changes   []*declaredChange `json:"changes"`
	// Unknown are executions of which it was not found out, for they do not fit or cannot be
	// decided.
	Unknown []string `json:"unknown,omitempty"`
}

// changesOf sums up which declared changes executions need.
func changesOf(all *verdicts) *declaredChanges {
	out := &declaredChanges{Function: all.Function, Rehearsed: all.Rehearsed, Changes: []*declaredChange{}}
	known := make(map[string]*declaredChange)
	for i := range all.All {
		v := &all.All[i]
		if v.class() != classFits {
			out.Unknown = append(out.Unknown, v.Name)
		}
		mine := make(map[*declaredChange]bool)
		for _, d := range v.Declared {
			c := out.of(known, d)
			if d.Old && !mine[c] {
				mine[c] = true
				c.Needed = append(c.Needed, v.Name)
			}
		}
	}
	return out
}

// of returns the change that a declaration is of: the items of a map and the rounds of a loop are
// one.
func (out *declaredChanges) of(known map[string]*declaredChange, d rehearsal.Declared) *declaredChange {
	place := keys.ReplaceAllString(d.Change, "[]")
	c := known[d.As+place]
	if c == nil {
		c = &declaredChange{As: d.As, Change: place, Needed: []string{}}
		known[d.As+place] = c
		out.Changes = append(out.Changes, c)
	}
	return c
}

// oldSide is an old side of a declared change that executions take.
type oldSide struct {
	text       string
	executions []string
}

// oldSides are those that executions take which fit: the items of a map and the rounds of a loop
// are one.
func (all *verdicts) oldSides() (sides []*oldSide) {
	known := make(map[string]*oldSide)
	for i := range all.All {
		v := &all.All[i]
		mine := make(map[string]bool)
		for _, d := range v.Declared {
			text := keys.ReplaceAllString(d.Text, "[]")
			if !d.Old || mine[text] || v.class() != classFits {
				continue
			}
			mine[text] = true
			side := known[text]
			if side == nil {
				side = &oldSide{text: text}
				known[text] = side
				sides = append(sides, side)
			}
			side.executions = append(side.executions, v.Name)
		}
	}
	return sides
}

// needed reports whether a declaration must stay, or may have to.
func (out *declaredChanges) needed() bool {
	for _, c := range out.Changes {
		if len(c.Needed) > 0 {
			return true
		}
	}
	return len(out.Unknown) > 0
}

// printDeclared prints which declarations may go. The error says that some must stay.
func (a *app) printDeclared(all *verdicts) error {
	out := changesOf(all)
	headline := "no running execution of " + out.Function + " takes an old side: its declarations may go"
	if out.needed() {
		headline = "declarations of " + out.Function + " must stay"
	}
	if a.output == "json" {
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(a.Out, headline)
		for _, c := range out.Changes {
			if len(c.Needed) == 0 {
				fmt.Fprintf(a.Out, "  op.%s at %q may go: no execution takes its old side\n", c.As, c.Change)
				continue
			}
			fmt.Fprintf(a.Out, "  op.%s at %q stays: %s × its old side\n      %s\n", c.As, c.Change, thousands(len(c.Needed)), fewNames(c.Needed))
		}
		if len(out.Unknown) > 0 {
			fmt.Fprintf(a.Out, "  unknown for what does not fit or cannot be decided: %s\n", fewNames(out.Unknown))
		}
	}
	if out.needed() {
		return failedError{errors.New(headline)}
	}
	return nil
}
