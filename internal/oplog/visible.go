package oplog

import (
	"slices"

	"github.com/perdure/perdure/checkpoint"
)

// Visible returns the records that the service gives to a function: without what is inside a
// context that has ended and does not keep its result in its children (Lambda API,
// GetDurableExecutionState). The slice that it is given stays as it is.
func Visible(ops []checkpoint.Operation) []checkpoint.Operation {
	ended := make(map[string]bool)
	for i := range ops {
		if op := &ops[i]; op.Kind == checkpoint.KindContext && op.Status.Terminal() && !op.ReplayChildren {
			ended[op.ID] = true
		}
	}
	if len(ended) == 0 {
		return slices.Clone(ops)
	}
	parents := make(map[string]string, len(ops))
	for i := range ops {
		parents[ops[i].ID] = ops[i].ParentID
	}
	hidden := func(op *checkpoint.Operation) bool {
		at := op.ParentID
		for range ops { // a log of another program may have a circle
			if at == "" {
				return false
			}
			if ended[at] {
				return true
			}
			at = parents[at]
		}
		return false
	}
	visible := make([]checkpoint.Operation, 0, len(ops))
	for i := range ops {
		if !hidden(&ops[i]) {
			visible = append(visible, ops[i])
		}
	}
	return visible
}
