package cli

import (
	"fmt"
	"strings"
	"sync"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// narrator is a store that says what the executions it keeps are doing, in a line each: what
// starts, what suspends and for what, which attempt fails, what ends. A store sees every
// transition, once, and after those that it follows.
type narrator struct {
	local.Store

	say func(format string, args ...any)

	mu      sync.Mutex // guards what follows
	running map[string]*view.History
}

func newNarrator(s local.Store, say func(format string, args ...any)) *narrator {
	return &narrator{Store: s, say: say, running: make(map[string]*view.History)}
}

func (n *narrator) Close() error {
	if c, ok := n.Store.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}

// Commit keeps a transition, and then says what it means. Only what the store says of keeping it is
// an error: what an earlier run has left there and cannot be read now is not talked about.
func (n *narrator) Commit(t local.Transition) error {
	h := n.history(t)
	if err := n.Store.Commit(t); err != nil || h == nil {
		return err
	}
	for i := range t.Events {
		e := &t.Events[i]
		o := h.Add(e)
		if line := lineOf(t.Execution, h, o, e); line != "" {
			n.say("%s %s: %s", functionOf(t.Execution.Function), t.Execution.Name, line)
		}
	}
	if !t.Execution.Unfinished() {
		n.mu.Lock()
		delete(n.running, t.Execution.ARN)
		n.mu.Unlock()
	}
	return nil
}

// history returns what is known of an execution; what an earlier run of the program has kept is
// read. It is nil if the transition has no events, or if those before cannot be read.
func (n *narrator) history(t local.Transition) *view.History {
	if len(t.Events) == 0 {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	arn := t.Execution.ARN
	h := n.running[arn]
	if h != nil {
		return h
	}
	h = view.New()
	if t.Events[0].ID > 1 {
		events, err := n.Events(arn, 0, t.Events[0].ID-1)
		if err != nil {
			return nil
		}
		h = view.Read(events)
	}
	n.running[arn] = h
	return h
}

// endColumns is how much of a payload is said. Of the error that an execution fails with it is five
// times as much.
const endColumns = 100

// lineOf describes an event for those who watch; it is empty for an event that says nothing.
func lineOf(r local.ExecutionRecord, h *view.History, o *view.Operation, e *local.Event) string {
	const columns = endColumns
	switch {
	case e.Type == local.EventExecutionStarted:
		line := "started"
		if r.ParentARN != "" {
			line += " by execution " + checkpoint.ExecutionName(r.ParentARN)
		}
		if e.Input.Present() {
			line += " with " + cut(e.Input.String(), columns)
		}
		return line
	case e.Type == local.EventInvocationCompleted:
		return lineOfInvocation(h, r, e)
	case e.Type == local.EventExecutionPaused:
		return withReason("paused", e.Reason)
	case e.Type == local.EventExecutionResumed:
		return withReason("resumed", e.Reason)
	case o != nil:
		return lineOfOperation(o, e)
	case !r.Status.Terminal():
		return ""
	}
	line := fmt.Sprintf("%s after %s", r.Status, view.Span(r.End.Sub(r.Start)))
	if text := view.FailureText(r.Failure); text != "" {
		return line + ": " + cut(text, 5*columns) // a divergence takes a few lines to say
	}
	if r.Result.Present() {
		line += ": " + cut(r.Result.String(), columns)
	}
	return line
}

func withReason(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + reason
}

// lineOfInvocation says that an invocation has failed, or why it has ended before its execution.
func lineOfInvocation(h *view.History, r local.ExecutionRecord, e *local.Event) string {
	switch {
	case r.Status.Terminal():
		return ""
	case e.Failure != nil:
		line := fmt.Sprintf("the invocation failed after %s: %s; it is repeated", view.Span(e.End.Sub(e.Start)), view.InvocationFailure(e.Failure))
		if h.InRow > 1 {
			line += fmt.Sprintf(" (%d have failed in a row)", h.InRow)
		}
		return line
	case h.Paused != nil: // which was said, with the reason
		return ""
	}
	line := "suspended"
	if until := h.Until(); !until.IsZero() {
		line += " until " + stamp(until)
	}
	return line + ", " + h.WaitingFor(e.Time)
}

// withoutHeartbeat says whether a callback has timed out since no heartbeat came.
func withoutHeartbeat(f *checkpoint.Failure) string {
	if strings.Contains(f.Type, "Heartbeat") {
		return " without a heartbeat"
	}
	return ""
}

// lineOfOperation says that an attempt has failed, or an operation. What fails in a group or a
// batch fails it: that is said once.
func lineOfOperation(o *view.Operation, e *local.Event) string {
	if e.Failure == nil || o.Kind == "group" {
		return ""
	}
	why := view.FailureText(e.Failure)
	switch {
	case e.NextAttemptDelay > 0:
		return fmt.Sprintf("attempt %d of step %q failed: %s; attempt %d in %s", e.Attempt, o.Label(), why, e.Attempt+1, view.Span(e.NextAttemptDelay))
	case o.Kind == "step":
		return fmt.Sprintf("step %q failed after %s: %s", o.Label(), view.Plural(max(1, o.Attempts), "attempt", "attempts"), why)
	case o.Kind == "callback" && o.Status == checkpoint.StatusTimedOut:
		return fmt.Sprintf("callback %q timed out%s after %s", o.Label(), withoutHeartbeat(e.Failure), view.Span(e.Time.Sub(o.Start)))
	case o.Kind == "invoke":
		return fmt.Sprintf("function %s, invoked by %q, ended as %s: %s", o.Function, o.Label(), o.Status, why)
	}
	return fmt.Sprintf("%s %q ended as %s: %s", o.Kind, o.Label(), o.Status, why)
}
