package changes

import (
	"fmt"
	"slices"
	"strconv"
)

// Log is what a log holds: paths of operations. A path is made of the IDs of statements.
type Log struct {
	// Begun are all operations, Ended those that have ended, Succeeded those that succeeded.
	Begun, Ended, Succeeded map[string]bool
}

// place is where in a program statements are.
type place struct {
	scope string  // the path of the scope, with a slash
	all   []*Stmt // those of the scope
	after []*Stmt // those behind them
	// ended says that the scope's code does not run again, rerun that it does so only to compute a
	// large result.
	ended, rerun bool
}

// into is the place in a group whose operation has this path.
func (at place) into(s *Stmt, log Log) place {
	path := at.scope + s.ID()
	return place{
		scope: path + "/", all: s.Body,
		ended: at.ended || log.Ended[path] && !s.Large,
		rerun: at.rerun || log.Ended[path],
	}
}

// spot is where the log has an operand of a batch.
type spot struct {
	// own is its record; empty if it has none, as a group in a batch without records of branches.
	own string
	// scope is where the operand stands, inside where the statements of a group do; both end with
	// a slash. bare is the operand as it stands there.
	scope, inside string
	bare          *Stmt
	undo          string // its compensation
}

// spotOf says where the log has the i-th operand of a batch with this path.
func spotOf(b, o *Stmt, i int, path string) spot {
	c := *o
	c.Key, c.Nth = "", 0
	at := spot{scope: path + "/", bare: &c, undo: path + "/" + undoOf(o)}
	if b.Rule == Indexed && o.Key == "" && i > 0 {
		at.undo += fmt.Sprintf("#%d", i)
	}
	branch := ""
	if !b.Rule.Flat() {
		branch = path + "/" + branchOf(b, o, i)
		at.scope = branch + "/"
	}
	if o.Kind == Group { // it runs in the branch itself
		at.own, at.inside = branch, at.scope
		return at
	}
	at.own = at.scope + c.ID()
	at.inside = at.own + "/"
	return at
}

// branchOf is what the log calls the branch of an operand.
func branchOf(b, o *Stmt, i int) string {
	switch {
	case !b.Rule.OfItems():
		return o.ID()
	case o.Key != "":
		return o.Key
	}
	return "item-" + strconv.Itoa(i)
}

// holds reports whether a log has begun the i-th operand of a batch.
func (log Log) holds(b, o *Stmt, i int, path string) bool {
	at := spotOf(b, o, i, path)
	if at.own != "" {
		return log.Begun[at.own] || !b.Rule.Flat() && log.Begun[at.scope[:len(at.scope)-1]]
	}
	return slices.ContainsFunc(claimed(o.Body), func(s *Stmt) bool { return log.Begun[at.inside+s.ID()] || log.Begun[at.inside+undoOf(s)] })
}

// claimed are the operations that statements may begin in their scope.
func claimed(list []*Stmt) (all []*Stmt) {
	for _, s := range list {
		switch s.Kind {
		case Await:
		case Future:
			all = append(all, claimed(s.Body)...)
		case Declared:
			all = append(append(all, claimed(s.New)...), claimed(s.Old)...)
		case Step, Flaky, Retry, Wait, Callback, Never, Invoke, Condition, Race, Map, Group, Open, Batch:
			all = append(all, s)
		}
	}
	return all
}

const undoSuffix = "-undo"

func undoOf(s *Stmt) string {
	c := *s
	c.Name += undoSuffix
	return c.ID()
}
