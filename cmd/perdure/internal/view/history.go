package view

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op"
)

// Operation is what a history says of one operation.
type Operation struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Now is the name that the code has for it today, if that is another one, Removed that it has
	// it no more; see [History.SetToday].
	Now      string            `json:"now,omitempty"`
	Removed  bool              `json:"removed,omitempty"`
	Kind     string            `json:"kind"`
	SubType  string            `json:"subType,omitempty"`
	Status   checkpoint.Status `json:"status"`
	Start    time.Time         `json:"start"`
	End      *time.Time        `json:"end,omitempty"`
	Attempts int               `json:"attempts,omitempty"`
	// CutOff is how often an invocation has ended while an attempt ran.
	CutOff int        `json:"cutOff,omitempty"`
	Result *string    `json:"result,omitempty"`
	Error  *ErrorText `json:"error,omitempty"`
	// Until is when the service goes on by itself: a wait ends, an attempt begins, a callback times
	// out.
	Until    *time.Time   `json:"until,omitempty"`
	Callback string       `json:"callbackId,omitempty"`
	Target   string       `json:"executionArn,omitempty"`
	Children []*Operation `json:"operations,omitempty"`

	// Moved says that Until is not what the history says: see [History.Move].
	Moved bool `json:"-"`
	// Parent is nil for an operation of the handler's own scope.
	Parent *Operation `json:"-"`
	// Input and Function are those of a chained invocation.
	Input    *string `json:"-"`
	Function string  `json:"-"`
	// Failure is that of the last attempt, Cut that of the invocation that cut one off last.
	Failure *checkpoint.Failure `json:"-"`
	Cut     *checkpoint.Failure `json:"-"`
	// Began is when the attempt began that is under way; Running says that no invocation has ended
	// since then.
	Began   time.Time `json:"-"`
	Running bool      `json:"-"`
	// Beats is the time within which a heartbeat of a callback has to come, zero for any.
	Beats time.Duration `json:"-"`
	// Bars are what the operation did, one after the other.
	Bars []Bar `json:"-"`
	// First is the ID of the operation's first event, Event that of the last event that has changed
	// it.
	First int `json:"-"`
	Event int `json:"-"`

	ended int    // the ID of the event that has ended it
	shown string // what Shown returns, if that is not the status
}

// What is shown of operations that had not ended when their execution did.
const (
	// CutOff is one that the end of the execution has cut off.
	CutOff = "CUT OFF"
	// Left is one that nothing waited for any more, such as the loser of a race.
	Left = "LEFT"
)

// Shown returns the status of the operation as people are shown it: that of a record says STARTED
// also when the execution has ended, and nothing of it goes on.
func (o *Operation) Shown() string {
	if o.shown != "" {
		return o.shown
	}
	return string(o.Status)
}

// ErrorText is an error in JSON.
type ErrorText struct {
	Type    string `json:"type,omitempty"`
	Message string `json:"message,omitempty"`
	Data    string `json:"data,omitempty"`
}

// ErrorTextOf returns an error as JSON has it, nil for none.
func ErrorTextOf(f *checkpoint.Failure) *ErrorText {
	if f == nil {
		return nil
	}
	return &ErrorText{Type: f.Type, Message: f.Message, Data: f.Data}
}

// Invocation is one invocation of the function that has ended.
type Invocation struct {
	RequestID  string
	Start, End time.Time
	Failure    *checkpoint.Failure
	// InRow is how many invocations have failed in a row, this one included, since the function has
	// written something last; zero if it did not fail.
	InRow int
	// From is the ARN of the execution that this one was made of, if it began here: all invocations
	// up to this one were of that execution.
	From string
	// Event is the ID of its event.
	Event int
}

// Forked is where an execution began that was made of another one, by a redrive or a fork.
type Forked struct {
	// From is the ARN of the other one, Time when this one began, Inherited how many invocations
	// before that were of the other one.
	From      string
	Time      time.Time
	Inherited int
}

// forked is the type of the error of the event that says where a fork begins, madeOf what stands
// around the ARN in its message (package checkpoint/local, Service.Fork).
const forked = "Service.Forked"

var madeOf = regexp.MustCompile(`^The execution was made of (\S+);`)

// History is what the events of an execution say. Make one with [New] or [Read].
type History struct {
	// Operations are those of the handler's own scope, All are all of them; both in the order they
	// began.
	Operations, All []*Operation
	// Open are the operations that have not ended, by ID.
	Open map[string]*Operation
	// Ended are the invocations that have ended, in that order.
	Ended []Invocation
	// Forked is where the execution began, nil if it was not made of another one.
	Forked *Forked
	// Invocations and Failures count invocations that have ended, and those that failed, without
	// those of an execution that this one was made of; InRow those that failed since one did not;
	// Last is the failure of the last one.
	Invocations, Failures, InRow int
	Last                         *checkpoint.Failure
	// Charged is how many invocations in a row have failed since the function has written something
	// last.
	Charged int
	// Paused is the event that has paused the execution, nil if it is not.
	Paused  *local.Event
	LastEnd time.Time
	// Start is when the execution began, Deadline when it times out, End when it ended; zero for
	// not known, never and not yet.
	Start, Deadline, End time.Time
	// Event is the ID of the last event.
	Event int
	// FunctionTimeout is how long an invocation may take, zero if that is not known: no event says
	// it.
	FunctionTimeout time.Duration
	// Invoked is when the invocation began that runs, zero if none does, or if that is not known.
	Invoked time.Time
	// Repeated is when an invocation that failed is repeated, if the service says it.
	Repeated time.Time

	ends  local.EventType // how it has ended
	wrote *Operation      // the last one that the function has written something of
	byID  map[string]*Operation
	// restarted are operations whose body a later invocation has begun again, at a time that its
	// end will say.
	restarted map[string]*Operation
}

// New returns the history of an execution without events.
func New() *History {
	return &History{
		byID: make(map[string]*Operation), Open: make(map[string]*Operation), restarted: make(map[string]*Operation),
	}
}

// Read returns what the events of an execution say, whichever SDK has made them.
func Read(events []local.Event) *History {
	h := New()
	for i := range events {
		h.Add(&events[i])
	}
	return h
}

// Add takes in the next event, and returns the operation that it is of; nil if it is of none.
func (h *History) Add(e *local.Event) *Operation {
	h.Event = e.ID
	if e.Type == local.EventInvocationCompleted {
		if e.Failure != nil && e.Failure.Type == forked {
			h.madeOf(e)
		} else {
			h.invoked(e)
		}
		return nil
	}
	if e.Type == local.EventExecutionStarted {
		h.Start = e.Time
		if e.Timeout > 0 && e.Timeout < op.MaxWait { // that much is what an execution has that no one limits
			h.Deadline = e.Time.Add(e.Timeout)
		}
		return nil
	}
	h.heldBy(e)
	kind, ok := kindOf(e.Type)
	if !ok {
		if e.Type.Terminal() {
			h.end(e)
		}
		return nil
	}
	o := h.operation(e, kind)
	if fromFunction(e.Type) {
		h.Charged, h.wrote = 0, o
	}
	o.Event = e.ID
	h.draw(o, e)
	o.apply(e)
	if h.Open[o.ID] = o; o.Status.Terminal() {
		delete(h.Open, o.ID)
	}
	return o
}

// operation returns the operation of an event, a new one if it is the first of it.
func (h *History) operation(e *local.Event, kind string) *Operation {
	if o := h.byID[e.OperationID]; o != nil {
		return o
	}
	o := &Operation{ID: e.OperationID, Name: e.Name, Kind: kind, SubType: e.SubType, Start: e.Time, First: e.ID}
	h.byID[e.OperationID] = o
	if o.SubType == subtype.Usage {
		return o // what the engine notes for itself is no operation of the code
	}
	h.All = append(h.All, o)
	if o.Parent = h.byID[e.ParentID]; o.Parent != nil {
		o.Parent.Children = append(o.Parent.Children, o)
	} else {
		h.Operations = append(h.Operations, o)
	}
	return o
}

// Counted is how many operations the service counts of those that an execution may have: retries
// and failed invocations count as well.
func (h *History) Counted() int {
	n := h.Failures
	for _, o := range h.byID {
		if n++; o.Status.Terminal() {
			n += max(0, o.Attempts-1)
		} else {
			n += o.Attempts
		}
	}
	return n
}

// Begun reads the events that an execution began with which was made of another one; all events if
// it was not.
func Begun(events []local.Event) *History {
	for i, e := range slices.Backward(events) {
		if f := e.Failure; f != nil && f.Type == forked && e.Type == local.EventInvocationCompleted {
			return Read(events[:i+1])
		}
	}
	return Read(events)
}

// Operation returns the operation with an ID, nil if there is none.
func (h *History) Operation(id string) *Operation { return h.byID[id] }

// Move takes in when the service goes on with an operation that has not ended, which is not always
// what the history says: time may have been skipped.
func (h *History) Move(id string, at time.Time) {
	o := h.byID[id]
	if o == nil || o.Until == nil || o.Until.Equal(at) {
		return
	}
	o.Until, o.Moved = &at, true
	if last := o.last(); last != nil {
		last.Until = at
	}
}

// invoked takes in the end of an invocation: with it ends what ran in it. A body that had not ended
// then was cut off, whatever its record says.
func (h *History) invoked(e *local.Event) {
	h.Invocations++
	h.Last, h.LastEnd = e.Failure, e.Time
	if e.Failure == nil {
		h.InRow, h.Charged = 0, 0
	} else {
		h.Charged++
		h.Failures++
		h.InRow++
	}
	h.Ended = append(h.Ended, Invocation{
		RequestID: e.RequestID, Start: e.Start, End: e.End, Failure: e.Failure, InRow: h.Charged, Event: e.ID,
	})
	h.drawInvocation(e)
	for _, o := range h.Open {
		if o.Kind != "step" || o.Status != checkpoint.StatusStarted {
			continue
		}
		o.Running = false
		if e.Failure != nil { // the body is begun again by each invocation, without another event
			o.CutOff++
			o.Cut = e.Failure
			o.Event = e.ID
		}
	}
}

// madeOf takes in where an execution begins that was made of another one. What has failed there
// counts for nothing here, and what ran there was cut off.
func (h *History) madeOf(e *local.Event) {
	h.Forked = &Forked{Time: e.Time, Inherited: len(h.Ended)}
	if found := madeOf.FindStringSubmatch(e.Failure.Message); found != nil {
		h.Forked.From = found[1]
	}
	h.Ended = append(h.Ended, Invocation{RequestID: e.RequestID, Start: e.Start, End: e.End, From: h.Forked.From, Event: e.ID})
	h.Invocations, h.Failures, h.InRow, h.Charged, h.Last, h.LastEnd = 0, 0, 0, 0, nil, e.Time
	for _, o := range h.Open {
		if o.Kind != "step" || o.Status != checkpoint.StatusStarted {
			continue
		}
		if last := o.last(); last != nil {
			last.End, last.Failure, last.Cut = e.End, e.Failure, true
		}
		o.Running, o.CutOff, o.Cut, o.Event = false, 0, nil, e.ID
	}
}

// heldBy takes in that an execution is paused, or not any more.
func (h *History) heldBy(e *local.Event) {
	switch {
	case e.Type == local.EventExecutionPaused:
		h.Paused = e
	case e.Type == local.EventExecutionResumed, e.Type.Terminal():
		h.Paused = nil
	}
}

// Until returns when the next thing happens that needs no one's help, zero if nothing does.
func (h *History) Until() time.Time {
	var first time.Time
	for _, o := range h.Open {
		if o.Until != nil && (first.IsZero() || o.Until.Before(first)) {
			first = *o.Until
		}
	}
	return first
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
func (o *Operation) apply(e *local.Event) {
	o.Until, o.Running, o.Moved = nil, false, false
	switch {
	case strings.HasSuffix(string(e.Type), "Started"):
		o.Status, o.Began, o.Running = checkpoint.StatusStarted, e.Time, true
		o.begin(e)
		return
	case e.NextAttemptDelay > 0:
		o.Status, o.Attempts, o.Failure = checkpoint.StatusPending, e.Attempt, e.Failure
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
	o.ended = e.ID
	o.End, o.Failure, o.Error = &end, e.Failure, ErrorTextOf(e.Failure)
	o.Attempts = max(o.Attempts, e.Attempt)
	o.Result = textOf(e.Result)
}

func (o *Operation) begin(e *local.Event) {
	var until time.Time
	switch {
	case e.Type == local.EventWaitStarted:
		until = e.ScheduledEnd
	case e.CallbackID != "":
		o.Callback, o.Beats = e.CallbackID, e.Heartbeat
		if e.Timeout > 0 {
			until = e.Time.Add(e.Timeout)
		}
	case e.Type == local.EventChainedInvokeStarted:
		o.Function, o.Target, o.Input = e.Function, e.Target, textOf(e.Input)
	}
	if !until.IsZero() {
		o.Until = &until
	}
}

func textOf(p checkpoint.Payload) *string {
	if !p.Present() {
		return nil
	}
	text := p.String()
	return &text
}
