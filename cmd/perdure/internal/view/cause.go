package view

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// Cause says what an execution that runs waits for, in the same words for all executions that wait
// for the same: without times, IDs and numbers of attempts. It names the first thing that
// [History.WaitingFor] does.
func (h *History) Cause() string {
	switch {
	case h.Paused != nil && diverged(h.Paused):
		return "a resume: the code diverged from the log"
	case h.Paused != nil && h.Paused.Reason != "":
		return "a resume: paused, " + h.Paused.Reason
	case h.Paused != nil:
		return "a resume: paused without a reason"
	}
	for _, o := range h.All {
		if o.Kind == "step" && o.Running {
			return "the body of " + o.alike("step")
		}
	}
	if h.InRow > 0 && throttledCall(h.Last) {
		return "an invocation after one that failed: calls of the service are throttled"
	}
	if h.InRow > 0 {
		if h.Last != nil && h.Last.Type != "" {
			return "an invocation after one that failed: " + h.Last.Type
		}
		return "an invocation after one that failed"
	}
	for _, kind := range pendingKinds() {
		for _, o := range h.All {
			if o.Kind == kind && o.waiting(time.Time{}, false) != "" {
				return o.cause()
			}
		}
	}
	return "its function to be invoked"
}

// cause says what an operation that has not ended waits for.
func (o *Operation) cause() string {
	switch {
	case o.Kind == "callback" && o.Name == "" && o.Parent != nil:
		return o.Parent.alike("callback")
	case o.Kind == "invoke" && o.Status == checkpoint.StatusStarted:
		return "function " + o.Function
	case o.Status == checkpoint.StatusPending:
		return "the next attempt of " + o.alike(o.Kind)
	}
	return o.alike(o.Kind)
}

// alike names an operation as those of other executions are named: an ID without a name is that of
// one execution.
func (o *Operation) alike(kind string) string {
	if o.Name == "" {
		return "a " + kind + " without a name"
	}
	return fmt.Sprintf("%s %q", kind, o.Name)
}
