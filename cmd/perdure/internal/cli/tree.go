package cli

import (
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// operation is what a history tells of one operation.
type operation struct {
	ID       string              `json:"id"`
	Name     string              `json:"name,omitempty"`
	Kind     string              `json:"kind"`
	SubType  string              `json:"subType,omitempty"`
	Status   checkpoint.Status   `json:"status"`
	Start    time.Time           `json:"start"`
	End      *time.Time          `json:"end,omitempty"`
	Attempts int                 `json:"attempts,omitempty"`
	Result   *string             `json:"result,omitempty"`
	Error    *errorText          `json:"error,omitempty"`
	Until    *time.Time          `json:"until,omitempty"`
	Callback string              `json:"callbackId,omitempty"`
	Target   string              `json:"executionArn,omitempty"`
	Children []*operation        `json:"operations,omitempty"`
	function string              // of a chained invocation
	failure  *checkpoint.Failure // of the last attempt
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

// history is what the events of an execution tell.
type history struct {
	Operations []*operation
	// all are the operations in the order they began.
	all []*operation
	// invocations and failures count invocations that have ended, and those that failed; last is the
	// failure of the last one.
	invocations, failures int
	last                  *checkpoint.Failure
	lastEnd               time.Time
}

// read makes a tree of the events of an execution, whichever SDK has made them.
func read(events []local.Event) *history {
	h := &history{}
	byID := make(map[string]*operation)
	for i := range events {
		e := &events[i]
		if e.Type == local.EventInvocationCompleted {
			h.invocations++
			h.last, h.lastEnd = e.Failure, e.Time
			if e.Failure != nil {
				h.failures++
			}
			continue
		}
		kind, ok := kindOf(e.Type)
		if !ok {
			continue
		}
		o := byID[e.OperationID]
		if o == nil {
			o = &operation{ID: e.OperationID, Name: e.Name, Kind: kind, SubType: e.SubType, Start: e.Time}
			byID[e.OperationID] = o
			h.all = append(h.all, o)
			if parent := byID[e.ParentID]; parent != nil {
				parent.Children = append(parent.Children, o)
			} else {
				h.Operations = append(h.Operations, o)
			}
		}
		o.apply(e)
	}
	return h
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
	o.Until = nil
	switch {
	case strings.HasSuffix(string(e.Type), "Started"):
		o.Status = checkpoint.StatusStarted
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
		o.Callback = e.CallbackID
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
