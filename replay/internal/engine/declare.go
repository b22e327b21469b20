package engine

import (
	"fmt"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// What a divergence says to declare, for people to paste. Bodies and what else the log does not
// hold are three dots.

// declaredAdded is what makes an execution fit that has not got an operation which the code has. If
// the log holds one of the same kind instead, it may have been renamed.
func declaredAdded(s *scope, h *node.Header, kind checkpoint.Kind) string {
	added := fmt.Sprintf("op.Added(%s, v) if it is new and executions past it get v", construction(kind, h.SubType, h.Name, h.Key))
	for _, rec := range s.inv.log.UnclaimedRecords(s.ids) {
		if rec.Kind != kind || rec.SubType != h.SubType {
			continue
		}
		name, key := nameAndKey(&rec)
		o := construction(kind, h.SubType, h.Name, h.Key)
		switch {
		case name == h.Name && key != h.Key:
			return fmt.Sprintf("%s.WasKey(%q) if its key was another one, or %s", o, key, added)
		case namesInside(h.SubType) || key != h.Key:
			return fmt.Sprintf("op.Replaces(%s, %s) if it was that, or %s", o, construction(kind, rec.SubType, name, key), added)
		}
		return fmt.Sprintf("%s.Was(%q) if that was its name, or %s", o, name, added)
	}
	return added
}

// namesInside reports whether names inside are made of the operation's own.
func namesInside(sub string) bool { return sub == subtype.WaitForCallback || sub == subtype.Retry }

// declaredRemoved is what makes an execution fit whose log holds operations that the code does not
// come to.
func declaredRemoved(recs []checkpoint.Operation) string {
	const most = 3
	var lines []string
	for i := range recs {
		if i == most {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, "op.Removed("+constructionOf(&recs[i])+")")
	}
	return strings.Join(lines, ", ") + " where it stood"
}

// declaredReplaced is what makes an execution fit in which an operation is of another kind.
func declaredReplaced(h *node.Header, kind checkpoint.Kind, rec *checkpoint.Operation) string {
	return fmt.Sprintf("op.Replaces(%s, %s)", construction(kind, h.SubType, h.Name, h.Key), constructionOf(rec))
}

// declaredBatch is what makes an execution fit whose batch has other branches.
const declaredBatch = "op.Replaces(new, old) around the batch, with the batch as it was under the name that it had, and the new one under another"

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
	return declaredType(name)
}

// declaredType is what makes an execution fit that has recorded a result of another type.
func declaredType(name string) string {
	return fmt.Sprintf("op.Replaces(new, op.Transform(old, convert)), in which old is %q as it was, and new has another name", name)
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
	by := "Group"
	switch kind {
	case checkpoint.KindStep:
		if by = "Step"; sub == subtype.Condition {
			by = sub
		}
	case checkpoint.KindWait:
		by = "Wait"
	case checkpoint.KindCallback:
		by = "CreateCallback"
	case checkpoint.KindChainedInvoke:
		by = "Invoke"
	case checkpoint.KindContext, checkpoint.KindExecution:
		switch sub {
		case subtype.Map, subtype.Parallel, subtype.WaitForCallback:
			by = sub
		case subtype.Retry:
			by = "Retry"
		}
	}
	o := fmt.Sprintf("op.%s(%q, …)", by, name)
	if key != "" {
		o += fmt.Sprintf(".Key(%q)", key)
	}
	return o
}
