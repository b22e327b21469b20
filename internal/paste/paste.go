// Package paste writes declarations of operations for people to paste: bodies, and what else a log
// does not hold, are three dots.
package paste

import (
	"fmt"

	"github.com/perdure/perdure/internal/subtype"
)

// Operation returns how an operation is declared that has this kind on the wire and this sub-type:
// op.Step("charge-card", …).Key("A-1"). Without a kind the sub-type says it.
func Operation(kind, sub, name, key string) string {
	by := "Group"
	switch {
	case sub == subtype.Condition, sub == subtype.Map, sub == subtype.Parallel, sub == subtype.WaitForCallback, sub == subtype.Retry:
		if by = sub; sub == subtype.Retry {
			by = "Retry"
		}
	case kind == "STEP", kind == "" && sub == subtype.Step:
		by = "Step"
	case kind == "WAIT", kind == "" && sub == subtype.Wait:
		by = "Wait"
	case kind == "CALLBACK", kind == "" && sub == subtype.Callback:
		by = "CreateCallback"
	case kind == "CHAINED_INVOKE", kind == "" && sub == subtype.Invoke:
		by = "Invoke"
	}
	return By(by, name, key)
}

// By returns how a constructor declares an operation.
func By(constructor, name, key string) string {
	o := fmt.Sprintf("op.%s(%q, …)", constructor, name)
	if key != "" {
		o += fmt.Sprintf(".Key(%q)", key)
	}
	return o
}

// Added declares an operation that is new.
func Added(o string) string {
	return "op.Added(" + o + ", v) if it is new and executions past it get v"
}

// Removed declares an operation that is gone.
func Removed(o string) string { return "op.Removed(" + o + ")" }

// Replaces declares an operation that stands for another one.
func Replaces(o, old string) string { return "op.Replaces(" + o + ", " + old + ")" }

// Type declares that the result of an operation is of another type.
func Type(name string) string {
	return fmt.Sprintf("op.Replaces(new, op.Transform(old, convert)), in which old is %q as it was, and new has another name", name)
}
