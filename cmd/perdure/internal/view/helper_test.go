package view_test

import (
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// begin is when the executions of the tests begin.
var begin = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// script makes the events of an execution.
type script struct {
	events []local.Event
	now    time.Time
}

func newScript() *script {
	s := &script{now: begin}
	s.add(local.Event{Type: local.EventExecutionStarted, Input: checkpoint.TextPayload(`{"id":"A-1"}`)})
	return s
}

// after lets time go by.
func (s *script) after(d time.Duration) *script {
	s.now = s.now.Add(d)
	return s
}

func (s *script) add(e local.Event) *script {
	e.ID, e.Time = len(s.events)+1, s.now
	s.events = append(s.events, e)
	return s
}

// op adds an event of an operation, whose name is its ID.
func (s *script) op(t local.EventType, id, parent string, more ...func(*local.Event)) *script {
	e := local.Event{Type: t, OperationID: id, Name: id, ParentID: parent}
	for _, f := range more {
		f(&e)
	}
	return s.add(e)
}

// invocation adds the end of an invocation that has taken that long.
func (s *script) invocation(took time.Duration, failure string) *script {
	e := local.Event{Type: local.EventInvocationCompleted, Start: s.now.Add(-took), End: s.now, RequestID: "r"}
	if failure != "" {
		e.Failure = &checkpoint.Failure{Type: "Sandbox.Timedout", Message: failure}
	}
	return s.add(e)
}

// fails ends an invocation with an error of the function.
func (s *script) fails(kind, message string) *script {
	s.invocation(time.Second, message)
	s.events[len(s.events)-1].Failure.Type = kind
	return s
}

func (s *script) end(t local.EventType) *script { return s.add(local.Event{Type: t}) }

func wait(d time.Duration) func(*local.Event) {
	return func(e *local.Event) { e.Duration, e.ScheduledEnd = d, begin.Add(d) }
}

func callback(timeout time.Duration) func(*local.Event) {
	return func(e *local.Event) { e.CallbackID, e.Timeout = "callback-id", timeout }
}

func result(text string) func(*local.Event) {
	return func(e *local.Event) { e.Result = checkpoint.TextPayload(text) }
}

func failed(attempt int, message string, next time.Duration) func(*local.Event) {
	return func(e *local.Event) {
		e.Attempt, e.NextAttemptDelay = attempt, next
		e.Failure = &checkpoint.Failure{Type: "Error", Message: message, Stack: []string{"order.go:12", "main.go:3"}}
	}
}

func subType(name string) func(*local.Event) { return func(e *local.Event) { e.SubType = name } }

// weeks is an order that waits for weeks: its cool-off is over, and no one has collected it yet.
func weeks() *script {
	const day = 24 * time.Hour
	s := newScript()
	s.after(time.Second).op(local.EventStepStarted, "reserve", "")
	s.after(time.Hour).op(local.EventStepSucceeded, "reserve", "", result("2"))
	s.op(local.EventWaitStarted, "cool-off", "", wait(14*day+time.Hour))
	s.invocation(time.Hour, "")
	s.after(14*day).op(local.EventWaitSucceeded, "cool-off", "")
	s.op(local.EventContextStarted, "collected", "", subType("WaitForCallback"))
	s.op(local.EventCallbackStarted, "answer", "collected", callback(30*day))
	s.op(local.EventStepStarted, "submit", "collected").op(local.EventStepSucceeded, "submit", "collected")
	s.after(time.Second).invocation(time.Second, "")
	return s
}

// attempts is a step whose attempts fail.
func attempts() *script {
	s := newScript()
	s.op(local.EventStepStarted, "pack", "")
	s.after(30*time.Second).op(local.EventStepFailed, "pack", "", failed(1, "it fell down", 90*time.Second))
	s.invocation(30*time.Second, "")
	s.after(90*time.Second).op(local.EventStepStarted, "pack", "")
	s.after(30*time.Second).op(local.EventStepFailed, "pack", "", failed(2, "it fell down again", 90*time.Second))
	s.invocation(30*time.Second, "")
	return s
}

// branches is a map whose bodies run beside each other; the second invocation was cut off.
func branches() *script {
	s := newScript()
	s.op(local.EventContextStarted, "parcels", "", subType("Map"))
	for _, id := range []string{"a", "b", "c"} {
		s.after(time.Second).op(local.EventStepStarted, id, "parcels")
	}
	s.after(7*time.Second).op(local.EventStepSucceeded, "a", "parcels", result(`"a box"`))
	s.op(local.EventStepFailed, "b", "parcels", failed(1, `<script>alert("b")</script>`, 0))
	s.after(20*time.Second).invocation(30*time.Second, "RequestId: 1 Error: Task timed out after 30.00 seconds")
	s.after(10*time.Second+5*time.Second).op(local.EventStepSucceeded, "c", "parcels")
	s.op(local.EventContextSucceeded, "parcels", "")
	s.op(local.EventStepStarted, `say "bye"`, "").op(local.EventStepSucceeded, `say "bye"`, "")
	s.invocation(5*time.Second, "").end(local.EventExecutionSucceeded)
	return s
}

// many is a scope with more operations than are shown.
func many() *script {
	s := newScript()
	s.op(local.EventContextStarted, "all", "", subType("Map"))
	for i := range 30 {
		s.after(time.Second).op(local.EventStepStarted, name("each", i), "all")
		if i != 11 {
			s.op(local.EventStepSucceeded, name("each", i), "all")
		}
	}
	return s
}

func name(of string, n int) string {
	return of + "-" + string(rune('0'+n/10)) + string(rune('0'+n%10))
}
