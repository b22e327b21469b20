package cli

import (
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
)

// operation is what a history says of one operation.
type operation struct {
	ID       string              `json:"id"`
	Name     string              `json:"name,omitempty"`
	Kind     string              `json:"kind"`
	SubType  string              `json:"subType,omitempty"`
	Status   checkpoint.Status   `json:"status"`
	Start    time.Time           `json:"start"`
	End      *time.Time          `json:"end,omitempty"`
	Attempts int                 `json:"attempts,omitempty"`
	CutOff   int                 `json:"cutOff,omitempty"` // how often an invocation ended while its attempt ran
	Result   *string             `json:"result,omitempty"`
	Error    *errorText          `json:"error,omitempty"`
	Until    *time.Time          `json:"until,omitempty"`
	Callback string              `json:"callbackId,omitempty"`
	Target   string              `json:"executionArn,omitempty"`
	Children []*operation        `json:"operations,omitempty"`
	function string              // of a chained invocation
	failure  *checkpoint.Failure // of the last attempt
	cut      *checkpoint.Failure // of the invocation that cut it off last
	began    time.Time           // when the attempt began that is under way
	running  bool                // no invocation has ended since then
	beats    time.Duration       // within which a heartbeat of a callback has to come
}

// errorText is an error in JSON.
type errorText struct {
	Type    string `json:"type,omitempty"`
	Message string `json:"message,omitempty"`
	Data    string `json:"data,omitempty"`
}

func errorTextOf(f *checkpoint.Failure) *errorText {
	if f == nil {
		return nil
	}
	return &errorText{Type: f.Type, Message: f.Message, Data: f.Data}
}

// history is what the events of an execution say.
type history struct {
	Operations []*operation
	// all are the operations in the order they began.
	all  []*operation
	byID map[string]*operation
	// open are the operations that have not ended, by ID.
	open map[string]*operation
	// invocations and failures count invocations that have ended, and those that failed; inRow
	// those that failed since one did not; last is the failure of the last one.
	invocations, failures, inRow int
	last                         *checkpoint.Failure
	// charged is how many invocations in a row have failed since the function has written something
	// last.
	charged int
	// paused is the event that has paused the execution, nil if it is not.
	paused  *local.Event
	lastEnd time.Time
	// deadline is when the execution times out, zero for never.
	deadline time.Time
}

func newHistory() *history {
	return &history{byID: make(map[string]*operation), open: make(map[string]*operation)}
}

// read makes a tree of the events of an execution, whichever SDK has made them.
func read(events []local.Event) *history {
	h := newHistory()
	for i := range events {
		h.add(&events[i])
	}
	return h
}

// add takes in the next event, and returns the operation that it is of; nil if it is of none.
func (h *history) add(e *local.Event) *operation {
	if e.Type == local.EventInvocationCompleted {
		h.invoked(e)
		return nil
	}
	if e.Type == local.EventExecutionStarted {
		if e.Timeout > 0 && e.Timeout < op.MaxWait { // that much is what an execution has that no one limits
			h.deadline = e.Time.Add(e.Timeout)
		}
		return nil
	}
	h.heldBy(e)
	kind, ok := kindOf(e.Type)
	if !ok {
		return nil
	}
	if fromFunction(e.Type) {
		h.charged = 0
	}
	o := h.byID[e.OperationID]
	if o == nil {
		o = &operation{ID: e.OperationID, Name: e.Name, Kind: kind, SubType: e.SubType, Start: e.Time}
		h.byID[e.OperationID] = o
		h.all = append(h.all, o)
		if parent := h.byID[e.ParentID]; parent != nil {
			parent.Children = append(parent.Children, o)
		} else {
			h.Operations = append(h.Operations, o)
		}
	}
	o.apply(e)
	if h.open[o.ID] = o; o.Status.Terminal() {
		delete(h.open, o.ID)
	}
	return o
}

// invoked takes in the end of an invocation: with it ends what ran in it. A body that had not ended
// then was cut off, whatever its record says.
func (h *history) invoked(e *local.Event) {
	h.invocations++
	h.last, h.lastEnd = e.Failure, e.Time
	if e.Failure == nil {
		h.inRow, h.charged = 0, 0
	} else {
		h.charged++
		h.failures++
		h.inRow++
	}
	for _, o := range h.open {
		if o.Kind != "step" || o.Status != checkpoint.StatusStarted {
			continue
		}
		o.running = false
		if e.Failure != nil { // the body is begun again by each invocation, without another event
			o.CutOff++
			o.cut = e.Failure
		}
	}
}

// heldBy takes in that an execution is paused, or not any more.
func (h *history) heldBy(e *local.Event) {
	switch {
	case e.Type == local.EventExecutionPaused:
		h.paused = e
	case e.Type == local.EventExecutionResumed, e.Type.Terminal():
		h.paused = nil
	}
}

// fromFunction reports whether an event of an operation comes from a checkpoint call, and not from
// the outside or a timer.
func fromFunction(t local.EventType) bool {
	switch t { //nolint:exhaustive // all others
	case local.EventWaitSucceeded, local.EventCallbackSucceeded, local.EventCallbackFailed, local.EventCallbackTimedOut,
		local.EventChainedInvokeSucceeded, local.EventChainedInvokeFailed, local.EventChainedInvokeTimedOut,
		local.EventChainedInvokeStopped:
		return false
	}
	return true
}

// kindOf returns what an event is about; ok is false for the execution itself.
func kindOf(t local.EventType) (kind string, ok bool) {
	for prefix, kind := range map[string]string{
		"Step": "step", "Wait": "wait", "Context": "group", "Callback": "callback", "ChainedInvoke": "invoke",
	} {
		if strings.HasPrefix(string(t), prefix) {
			return kind, true
		}
	}
	return "", false
}

// apply takes in the next event of an operation.
func (o *operation) apply(e *local.Event) {
	o.Until, o.running = nil, false
	switch {
	case strings.HasSuffix(string(e.Type), "Started"):
		o.Status, o.began, o.running = checkpoint.StatusStarted, e.Time, true
		o.begin(e)
		return
	case e.NextAttemptDelay > 0:
		o.Status, o.Attempts, o.failure = checkpoint.StatusPending, e.Attempt, e.Failure
		until := e.Time.Add(e.NextAttemptDelay)
		o.Until = &until
		return
	case strings.HasSuffix(string(e.Type), "Succeeded"):
		o.Status = checkpoint.StatusSucceeded
	case strings.HasSuffix(string(e.Type), "TimedOut"):
		o.Status = checkpoint.StatusTimedOut
	case strings.HasSuffix(string(e.Type), "Cancelled"):
		o.Status = checkpoint.StatusCancelled
	case strings.HasSuffix(string(e.Type), "Stopped"):
		o.Status = checkpoint.StatusStopped
	default:
		o.Status = checkpoint.StatusFailed
	}
	end := e.Time
	o.End, o.failure, o.Error = &end, e.Failure, errorTextOf(e.Failure)
	o.Attempts = max(o.Attempts, e.Attempt)
	if e.Result.Present() {
		text := e.Result.String()
		o.Result = &text
	}
}

func (o *operation) begin(e *local.Event) {
	var until time.Time
	switch {
	case e.Type == local.EventWaitStarted:
		until = e.ScheduledEnd
	case e.CallbackID != "":
		o.Callback, o.beats = e.CallbackID, e.Heartbeat
		if e.Timeout > 0 {
			until = e.Time.Add(e.Timeout)
		}
	case e.Type == local.EventChainedInvokeStarted:
		o.function, o.Target = e.Function, e.Target
	}
	if !until.IsZero() {
		o.Until = &until
	}
}
