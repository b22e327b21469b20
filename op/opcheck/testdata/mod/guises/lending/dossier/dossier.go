// Package dossier has the papers of a loan.
package dossier

import (
	"bufio"
	"iter"
	"os"
)

// Papers lists the papers that are asked for.
func Papers(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		f, err := os.Open(path)
		if err != nil {
			return
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			if !yield(s.Text()) {
				return
			}
		}
	}
}

// A Checklist is what has been seen.
type Checklist struct{ seen map[string]bool }

// NewChecklist makes an empty one.
func NewChecklist() *Checklist { return &Checklist{seen: map[string]bool{}} }

// Tick notes a paper.
func (c *Checklist) Tick(paper string) { c.seen[paper] = true }

// Complete reports whether n papers were seen.
func (c *Checklist) Complete(n int) bool { return len(c.seen) >= n }
