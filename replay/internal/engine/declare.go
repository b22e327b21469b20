package engine

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/paste"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// What a divergence says to declare, for people to paste. Bodies and what else the log does not
// hold are three dots.

// declaredAdded is what makes an execution fit that has not got an operation which the code has.
// What the log holds in its place may be what it was before, or what is gone: the log does not say
// which.
func declaredAdded(s *scope, n node.Node, kind checkpoint.Kind) string {
	h := n.Head()
	o := inCode(n, kind)
	added := paste.Added(o)
	recs := s.inv.log.UnclaimedRecords(s.ids)
	if len(recs) == 0 {
		return added
	}
	rec := &recs[0]
	name, key := nameAndKey(rec)
	gone := paste.Removed(constructionOf(rec)) + " before it if that is gone"
	if rec.Kind != kind || rec.SubType != h.SubType {
		stands := paste.Replaces(o, constructionOf(rec)) + " if it stands for that"
		if kind == checkpoint.KindContext {
			stands += " (for several operations, of an op.Inline with them)"
		}
		return fmt.Sprintf("%s, %s, or %s", added, stands, gone)
	}
	was := fmt.Sprintf("%s.Was(%q) if that was its name", o, name)
	switch {
	case name == h.Name && key != h.Key:
		was = fmt.Sprintf("%s.WasKey(%q) if its key was another one", o, key)
	case namesInside(n) || key != h.Key:
		was = paste.Replaces(o, constructionOf(rec)) + " if it was that"
	}
	return fmt.Sprintf("%s, %s, or %s", was, added, gone)
}

// namesInside reports whether names inside are made of the operation's own.
func namesInside(n node.Node) bool {
	b, ok := n.(*node.Batch)
	sub := n.Head().SubType
	return sub == subtype.WaitForCallback || sub == subtype.Retry || ok && b.NamesInside
}

// inCode is how an operation is declared that the code has.
func inCode(n node.Node, kind checkpoint.Kind) string {
	h := n.Head()
	switch n := n.(type) {
	case *node.Group:
		switch n.SubType {
		case subtype.Parallel:
			return paste.By("OpenParallel", h.Name, h.Key)
		case subtype.ParallelBranch:
			return paste.By("Branch", h.Name, h.Key)
		}
	case *node.Batch:
		if n.As != "" {
			return paste.By(n.As, h.Name, h.Key)
		}
	case *node.Step, *node.Wait, *node.Callback, *node.Invoke, *node.Await, *node.Choice, *node.Inline:
	}
	return construction(kind, h.SubType, h.Name, h.Key)
}

// declaredRemoved is what makes an execution fit whose log holds operations that the code does not
// reach.
func declaredRemoved(recs []checkpoint.Operation) string {
	const most = 3
	var lines []string
	for i := range recs {
		if i == most {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, paste.Removed(constructionOf(&recs[i])))
	}
	return strings.Join(lines, ", ") + " where it stood"
}

// declaredReplaced is what makes an execution fit in which an operation is of another kind.
func declaredReplaced(n node.Node, kind checkpoint.Kind, rec *checkpoint.Operation) string {
	return paste.Replaces(inCode(n, kind), constructionOf(rec))
}

// declaredBranches is what makes an execution fit whose batch has ended with a branch that the code
// does not have, of which the log has a digest alone.
const declaredBranches = "op.WithRemoved(old) as an option of the batch if the branch is gone, op.Replaces(new, old) as the branch if " +
	"another one stands for it, or .WasKey(old) if it has another key"

// declaredBranch is what makes an execution fit whose batch has a branch that the code does not
// have, whose record this is; nil if it has none.
func declaredBranch(rec *checkpoint.Operation) string {
	const around = "op.Replaces(new, old) around the batch, the new one under another name"
	if rec == nil {
		return declaredBranches + "; if the batch is flat now, or was, " + around
	}
	if rec.SubType == subtype.MapItem {
		key := rec.Name
		place, prefixed := strings.CutPrefix(key, itemName+"-")
		if _, err := strconv.Atoi(place); err == nil && prefixed {
			return `.WasKey("") in the builder if the item has a key now, or ` + around
		}
		return fmt.Sprintf("op.WithRemoved(build(item)) with the item of the key %q if it is gone, .WasKey(%q) if it has another key; "+
			"if the batch is flat now, %s", key, key, around)
	}
	old := constructionOf(rec)
	return fmt.Sprintf("op.WithRemoved(%s) as an option of the batch if it is gone, op.Replaces(new, %s) as the branch if another one stands "+
		"for it; if the batch is flat now, %s", old, old, around)
}

// KeepsType is what keeps a recorded value of which the declared type does not keep all: the result
// of the operation with this path, or the input of the handler if it is empty.
func KeepsType(path string) string {
	if path == "" {
		return "replay.WithOldInput(func(Old) (In, error) {…}), in which Old is the type as it was"
	}
	name := path[strings.LastIndex(path, "/")+1:]
	if at := strings.IndexAny(name, "[#"); at > 0 {
		name = name[:at]
	}
	return paste.Type(name)
}

func constructionOf(rec *checkpoint.Operation) string {
	name, key := nameAndKey(rec)
	return construction(rec.Kind, rec.SubType, name, key)
}

// nameAndKey are those that the name of a record is made of.
func nameAndKey(rec *checkpoint.Operation) (name, key string) {
	name, key, keyed := strings.Cut(strings.TrimSuffix(rec.Name, "]"), "[")
	if !keyed {
		return rec.Name, ""
	}
	return name, key
}

// construction is how an operation is declared.
func construction(kind checkpoint.Kind, sub, name, key string) string {
	return paste.Operation(string(kind), sub, name, key)
}
