package view

import (
	"github.com/perdure/perdure/checkpoint"
)

// interrupted is the type of the error of an attempt that was cut off: that of op.ErrInterrupted.
const interrupted = "Interrupted"

// Interrupted reports whether the operation is a step that has failed because an attempt was cut
// off: no one knows whether its effect happened.
func (o *Operation) Interrupted() bool {
	return o.Kind == "step" && o.Status == checkpoint.StatusFailed && o.Failure != nil && o.Failure.Type == interrupted
}

// RepeatedByRedrive returns the paths of the interrupted steps whose bodies a redrive may run
// again: those after whose failure no scope around them has begun something.
func (h *History) RepeatedByRedrive() []string {
	return h.interruptedSteps(func(o *Operation) bool {
		ended := o.ended
		for inner := o; inner != nil; inner = inner.Parent {
			ended = max(ended, inner.ended)
			for _, later := range h.All {
				if later.Parent == inner.Parent && later.First > ended {
					return false
				}
			}
		}
		return true
	})
}

// RepeatedByFork returns the paths of the interrupted steps whose bodies a fork before an
// operation, given by its ID or its path, runs again: those that have not begun in the fork.
func (h *History) RepeatedByFork(before string) []string {
	for _, o := range h.All {
		if o.ID == before || o.Path() == before {
			return h.interruptedSteps(func(s *Operation) bool { return s.First >= o.First })
		}
	}
	return nil
}

func (h *History) interruptedSteps(chosen func(*Operation) bool) (paths []string) {
	for _, o := range h.All {
		if o.Interrupted() && chosen(o) {
			paths = append(paths, o.Path())
		}
	}
	return paths
}

// Path returns the labels of the contexts around the operation and its own, with slashes between
// them.
func (o *Operation) Path() string {
	if o.Parent == nil {
		return o.name()
	}
	return o.Parent.Path() + "/" + o.name()
}
