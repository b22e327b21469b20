package replaytest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// Operation is an operation of the log.
type Operation struct {
	// Path names it, ID is its ID in the log, ParentID that of the group or batch around it.
	Path, ID, ParentID string
	Kind               checkpoint.Kind
	// SubType says which operation of the SDK it is, such as "Step" or "Map".
	SubType string
	// Status is empty if there is no such operation.
	Status checkpoint.Status
	// Attempts is how many attempts of a step have ended, Runs how often its body was run.
	Attempts, Runs int
	// Began and Ended count from the beginning of the execution.
	Began, Ended time.Duration
	// Result is the payload, as it stands in the log.
	Result string
	// Failure is why it failed, or why its last attempt did; nil if nothing failed.
	Failure *checkpoint.Failure
	// CallbackID is what an outside system answers a callback with.
	CallbackID string
	// Truncated says that the service has cut Result or Failure off in its history, as only [Cloud]
	// sees.
	Truncated bool
}

// Decode decodes the JSON of the result into v, a pointer.
func (o Operation) Decode(v any) error {
	if o.Truncated {
		return fmt.Errorf("replaytest: the result of %q: the service has cut it off in the history", o.Path)
	}
	if err := json.Unmarshal([]byte(o.Result), v); err != nil {
		return fmt.Errorf("replaytest: the result of %q: %w", o.Path, err)
	}
	return nil
}

// Ops returns the operations, in the order of [Result.Operations].
func (r *Result[Out]) Ops() []Operation { return r.Operations }

// Op returns the operation at a path. The zero Operation, whose Status is empty, says that there
// is none.
func (r *Result[Out]) Op(path string) Operation {
	for _, o := range r.Operations {
		if o.Path == path {
			return o
		}
	}
	return Operation{}
}

// operations are the records of the log but for that of the execution.
func (k *kit) operations() []Operation {
	ops := operationsOf(k.exec.Operations(), k.cfg.start, k.path)
	k.note(func() {
		for i := range ops {
			ops[i].Runs = k.runs[ops[i].Path]
		}
	})
	return ops
}

// operationsOf are the operations of a log.
func operationsOf(log []checkpoint.Operation, start time.Time, path func(checkpoint.Operation) string) []Operation {
	var ops []Operation
	for _, rec := range log {
		if rec.Kind == checkpoint.KindExecution {
			continue
		}
		o := Operation{
			Path: path(rec), ID: rec.ID, ParentID: rec.ParentID, Kind: rec.Kind, SubType: rec.SubType, Status: rec.Status,
			Attempts: rec.Attempt, Began: rec.Start.Sub(start), Failure: rec.Failure, CallbackID: rec.CallbackID,
		}
		if rec.Status.Terminal() {
			o.Ended = rec.End.Sub(start)
		}
		if rec.Kind != checkpoint.KindStep || rec.Status == checkpoint.StatusSucceeded {
			o.Result = rec.Payload.String()
		}
		ops = append(ops, o)
	}
	return tree(ops)
}

// tree orders operations: what is inside of one comes after it, the branches of a batch in the
// order of their indexes or names, and else what began first. In which order branches began is
// chance.
func tree(ops []Operation) []Operation {
	paths := map[string]string{"": ""}
	for _, o := range ops {
		paths[o.ID] = o.Path
	}
	inside := make(map[string][]Operation)
	for _, o := range ops {
		parent := o.ParentID
		if _, known := paths[parent]; !known {
			parent = ""
		}
		inside[parent] = append(inside[parent], o)
	}
	sorted := make([]Operation, 0, len(ops))
	var add func(parent string)
	add = func(parent string) {
		kids := inside[parent]
		slices.SortStableFunc(kids, func(a, b Operation) int {
			return compareNatural(branchOf(a.Path, paths[parent]), branchOf(b.Path, paths[parent]))
		})
		for _, o := range kids {
			sorted = append(sorted, o)
			add(o.ID)
		}
	}
	add("")
	return sorted
}

// branchOf returns the label of the branch of a batch that a path goes through; empty if it goes
// through none.
func branchOf(path, batch string) string {
	rest, ok := strings.CutPrefix(path, batch)
	label, _, closed := strings.Cut(rest, "]")
	if !ok || !closed || batch == "" || !strings.HasPrefix(label, "[") {
		return ""
	}
	return label
}
