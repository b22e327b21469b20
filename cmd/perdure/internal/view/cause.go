package view

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// Cause says what an execution that runs waits for, in the same words for all executions that wait
// for the same: without times, IDs and numbers of attempts. It names the first thing that
// [History.WaitingFor] does at that time.
func (h *History) Cause(now time.Time) string {
	switch {
	case h.Paused != nil && diverged(h.Paused):
		return "code that fits the log, then a resume"
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
	if again := h.runsAgain(now); again != nil {
		return "the body of " + again.alike("step")
	}
	if h.InRow > 0 && throttledCall(h.Last) {
		return "an invocation after one that failed: calls of the service are throttled"
	}
	if h.InRow > 0 {
		if why := whyFailed(h.Last); why != "" {
			return "an invocation after one that failed: " + why
		}
		return "an invocation after one that failed"
	}
	for _, kind := range pendingKinds() {
		for _, o := range h.All {
			if o.Kind == kind && h.waitsFor(o, time.Time{}, false) != "" {
				return o.cause()
			}
		}
	}
	return "its function to be invoked"
}

// runsAgain returns the first step whose body a failed invocation has cut off, and which an
// invocation that is under way has begun again; nil if there is none.
func (h *History) runsAgain(now time.Time) *Operation {
	if h.InRow == 0 || !h.invokedAgain(now) {
		return nil
	}
	for _, o := range h.All {
		if o.Status == checkpoint.StatusStarted && o.CutOff > 0 {
			return o
		}
	}
	return nil
}

// refusedCall finds what the service answered in the error of an invocation that it is the reason
// of.
var refusedCall = regexp.MustCompile(`\b([A-Z]\w+: [45]\d\d \w+)`)

// whyFailed says why an invocation failed, in the same words for all that failed alike; it is empty
// if nothing says so. Names of Go's own types say nothing.
func whyFailed(f *checkpoint.Failure) string {
	switch {
	case f == nil:
		return ""
	case refusedCall.MatchString(f.Message):
		return refusedCall.FindString(f.Message)
	case ofGo(f.Type):
		return ""
	}
	return f.Type
}

// ofGo reports whether the type of an error is one of Go's own, which says nothing of the error.
func ofGo(kind string) bool {
	return slices.Contains([]string{"wrapError", "wrapErrors", "errorString", "joinError"}, kind)
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
