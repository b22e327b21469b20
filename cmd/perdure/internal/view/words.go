package view

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/limits"
)

// WaitingFor says in a line what a running execution does and what it waits for. Bodies that run
// come first: what it waits for may be waited for beside them.
func (h *History) WaitingFor(now time.Time) string { return h.waitingFor(now, true) }

// Doing is [History.WaitingFor] without the commands to type: for where there are buttons.
func (h *History) Doing(now time.Time) string { return h.waitingFor(now, false) }

func (h *History) waitingFor(now time.Time, commands bool) string {
	if h.Paused != nil {
		return h.heldSince(now)
	}
	if text := h.meanwhile(now, commands); text != "" {
		return text
	}
	return "its function is being invoked"
}

// Meanwhile says what an execution does and waits for, paused or not: its bodies, the invocations
// that fail, what is pending. It is empty if that is nothing.
func (h *History) Meanwhile(now time.Time) string { return h.meanwhile(now, true) }

// DoingMeanwhile is [History.Meanwhile] without the commands to type.
func (h *History) DoingMeanwhile(now time.Time) string { return h.meanwhile(now, false) }

func (h *History) meanwhile(now time.Time, commands bool) string {
	running, pending := h.Bodies(now), h.pending(now, commands)
	switch {
	case running != "" && pending != "":
		return running + "; " + pending
	case running != "":
		return running
	case h.InRow > 0: // what is pending is older than that: nothing of it goes on before an invocation succeeds
		if h.Paused != nil && pending != "" {
			return h.failing(now) + "; " + pending
		}
		return h.failing(now)
	case pending != "":
		return pending
	case !h.Invoked.IsZero():
		return "its function has run for " + Span(now.Sub(h.Invoked)) + h.begunAgain() + h.cutOff(now)
	}
	return pending
}

// begunAgain says which body runs again that the execution has taken over from another one.
func (h *History) begunAgain() string {
	for _, o := range h.All {
		if o.Kind == "step" && o.Status == checkpoint.StatusStarted && !o.left() {
			return fmt.Sprintf("; the body of step %q, which was cut off before, runs again", o.Label())
		}
	}
	return ""
}

// heldSince says that an execution is paused, and why.
func (h *History) heldSince(now time.Time) string {
	line := fmt.Sprintf("paused %s ago", Span(now.Sub(h.Paused.Time)))
	if h.Paused.Reason != "" {
		line += ": " + Why(h.Paused.Reason)
	}
	return line
}

// Pending says in a line what an execution waits for; it is empty if that is nothing.
func (h *History) Pending(now time.Time) string { return h.pending(now, true) }

func (h *History) pending(now time.Time, commands bool) string {
	var lines []string
	for _, kind := range pendingKinds() {
		for _, o := range h.All {
			if o.Kind != kind {
				continue
			}
			if line := h.waitsFor(o, now, commands); line != "" {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) == 0 {
		return ""
	}
	line := "waiting for " + lines[0]
	if more := len(lines) - 1; more > 0 {
		line += fmt.Sprintf(", and for %d more", more)
	}
	return line
}

// OpenCallback returns the callback that an execution waits for first, nil if it waits for none.
func (h *History) OpenCallback() *Operation {
	for _, o := range h.All {
		if o.Kind == "callback" && o.Status == checkpoint.StatusStarted && !o.left() {
			return o
		}
	}
	return nil
}

// pendingKinds returns the kinds of operations that an execution waits for: who must act comes
// first.
func pendingKinds() []string { return []string{"callback", "invoke", "step", "wait"} }

// Bodies says which bodies run; it is empty if none does. One whose invocation has ended does not,
// though its record says STARTED.
func (h *History) Bodies(now time.Time) string {
	line, more := "", -1
	for _, o := range h.All {
		if o.Kind != "step" || !o.Running {
			continue
		}
		if more++; line == "" {
			line = fmt.Sprintf("the body of step %q has run for %s", o.Label(), Span(now.Sub(o.Began)))
			if o.Attempts > 0 {
				line += fmt.Sprintf(" (attempt %d)", o.Attempts+1)
			}
		}
	}
	if more > 0 {
		line += ", and " + Plural(more, "other body runs", "other bodies run")
	}
	if line != "" {
		line += h.cutOff(now)
	}
	return line
}

// cutOff says when the invocation that runs is cut off, if that is known: where the service does
// not say when it has begun, its first body does.
func (h *History) cutOff(now time.Time) string {
	if h.FunctionTimeout == 0 {
		return ""
	}
	first := h.Invoked
	for _, o := range h.Open {
		if h.Invoked.IsZero() && o.Kind == "step" && o.Running && (first.IsZero() || o.Began.Before(first)) {
			first = o.Began
		}
	}
	return fmt.Sprintf("; its invocation is cut off %s at the latest, and a second before that logs the line in which the body is",
		In(now, first.Add(h.FunctionTimeout)))
}

// failing says that invocations fail, and which bodies they have cut off.
func (h *History) failing(now time.Time) string {
	next := h.nextInvocation()
	if h.Paused != nil { // nothing of it is invoked
		return fmt.Sprintf("the last invocation failed %s ago (%s), and nothing is repeated until it is resumed",
			Span(now.Sub(h.LastEnd)), InvocationFailure(h.Last))
	}
	again, goesOn := h.invokedAgain(now), "it is repeated"
	switch {
	case !h.Invoked.IsZero():
		goesOn = "it has run again for " + Span(now.Sub(h.Invoked))
	case again:
		goesOn = "it runs again"
	}
	parts := []string{fmt.Sprintf("the last invocation failed %s ago (%s): %s", Span(now.Sub(h.LastEnd)), InvocationFailure(h.Last), goesOn)}
	if h.InRow > 1 {
		parts[0] = fmt.Sprintf("the last %d invocations failed, the last one %s ago (%s): %s",
			h.InRow, Span(now.Sub(h.LastEnd)), InvocationFailure(h.Last), goesOn)
	}
	parts[0] += h.charged(now, next, again)
	for _, o := range h.All {
		if o.Status == checkpoint.StatusStarted && o.CutOff > 0 {
			line := fmt.Sprintf("step %q was cut off %s", o.Label(), Plural(o.CutOff, "time", "times"))
			if again {
				line += ", and its body runs again"
			}
			parts = append(parts, line)
		}
	}
	if !h.Invoked.IsZero() {
		return strings.Join(parts, "; ") + h.cutOff(now)
	}
	return strings.Join(parts, "; ")
}

// nextInvocation returns when an invocation that failed is repeated.
func (h *History) nextInvocation() time.Time {
	if !h.Repeated.IsZero() {
		return h.Repeated
	}
	return h.LastEnd.Add(limits.FailurePause(h.Charged))
}

// invokedAgain reports whether an invocation that failed is being repeated. That has no event: no
// pause is left, or the function has written.
func (h *History) invokedAgain(now time.Time) bool {
	return !h.Invoked.IsZero() || h.Charged == 0 || now.After(h.nextInvocation())
}

// charged says which failed invocation of nine the last one is. What the function has recorded
// since an earlier one has the service begin to count again: then it says from where.
func (h *History) charged(now, next time.Time, again bool) string {
	var text string
	switch {
	case h.InRow > h.Charged && h.Charged > 0 && h.wrote != nil:
		text = fmt.Sprintf("%d failed in a row since %s was recorded; the %dth ends the execution", h.Charged, h.wrote.named(), limits.FailedInvocations)
	case h.Charged > 1:
		text = fmt.Sprintf("failed invocation %d of %d", h.Charged, limits.FailedInvocations)
	default:
		return ""
	}
	if !again {
		text += ", next " + In(now, next)
	}
	return " (" + text + ")"
}

// named names an operation, and says what it is.
func (o *Operation) named() string { return fmt.Sprintf("%s %q", o.Kind, o.Label()) }

// Quoted returns a word of a command line as a shell takes it: without quotes $LATEST would be a
// variable, which is empty.
func Quoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// InvocationFailure says why an invocation failed, without types that say nothing.
func InvocationFailure(f *checkpoint.Failure) string {
	if f == nil {
		return ""
	}
	short := *f
	if ofGo(f.Type) || f.Type == "CheckpointCallError" { // the text says more
		short.Type, short.Message = "", strings.TrimPrefix(f.Message, "replay: ")
	}
	return FailureText(&short)
}

// waitsFor says what an operation waits for, if it does.
func (h *History) waitsFor(o *Operation, now time.Time, commands bool) string {
	switch {
	case o.left():
		return ""
	case o.Kind == "callback" && o.Status == checkpoint.StatusStarted:
		line := fmt.Sprintf("callback %q", o.Label())
		switch {
		case o.Until != nil && o.Beats > 0:
			line += fmt.Sprintf(" (times out %s, and without a heartbeat within %s)", In(now, *o.Until), Span(o.Beats))
		case o.Until != nil:
			line += " (times out " + In(now, *o.Until) + ")"
		case o.Beats > 0:
			line += fmt.Sprintf(" (times out without a heartbeat within %s)", Span(o.Beats))
		case h.Deadline.IsZero():
			line += " (no time-out: it waits until it is answered)"
		default:
			line += " (no time-out: it waits until the execution times out, " + In(now, h.Deadline) + ")"
		}
		if commands {
			line += "; complete it with: perdure callback succeed " + Quoted(o.Callback) + " '<JSON of its type>' (the code has the type; for a string: --text '<text>')"
		}
		return line
	case o.Kind == "invoke" && o.Status == checkpoint.StatusStarted:
		line := fmt.Sprintf("function %s, invoked by %q", o.Function, o.Label())
		if o.Target != "" && commands {
			line += "; see: perdure show " + Quoted(o.Target)
		}
		return line
	case o.Status == checkpoint.StatusPending:
		line := fmt.Sprintf("attempt %d of step %q, %s", o.Attempts+1, o.Label(), In(now, *o.Until))
		if o.Failure != nil {
			line += " (the last one failed: " + FailureText(o.Failure) + ")"
		}
		return line
	case o.Kind == "wait" && o.Status == checkpoint.StatusStarted && o.Until != nil:
		return fmt.Sprintf("wait %q, which ends %s", o.Label(), In(now, *o.Until))
	}
	return ""
}

// left reports whether a context around the operation has ended: nothing waits for the operation
// any more, as for the callback of a submitter that has failed, or for the loser of a race.
func (o *Operation) left() bool {
	for p := o.Parent; p != nil; p = p.Parent {
		if p.Status.Terminal() {
			return true
		}
	}
	return false
}

// What says which operation it is: its subtype says more than its kind.
func (o *Operation) What() string {
	if o.SubType == "" || strings.EqualFold(o.SubType, o.Kind) {
		return o.Kind
	}
	return o.SubType
}

// In says when a time is.
func In(now, at time.Time) string {
	if d := at.Sub(now); d > 0 {
		return "in " + Span(d)
	}
	return "now"
}

// Span shortens a duration to what people want to know of it.
func Span(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return inUnits(d, time.Minute, "m", time.Second, "s")
	case d < 48*time.Hour:
		return inUnits(d, time.Hour, "h", time.Minute, "m")
	}
	return inUnits(d, 24*time.Hour, "d", time.Hour, "h")
}

// Exact prints a duration as flags take it, without units that are zero.
func Exact(d time.Duration) string {
	text := d.String()
	if d%time.Minute == 0 && d != 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d%time.Hour == 0 && d != 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// inUnits prints a duration in two units; the smaller one is left out if there are none.
func inUnits(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	d = d.Round(small)
	text := fmt.Sprint(int64(d/large), largeName)
	if rest := d % large; rest > 0 {
		text += fmt.Sprint(int64(rest/small), smallName)
	}
	return text
}

// plainType is the type of an error that has none: it says nothing.
const plainType = "Error"

// FailureText returns an error in a line; it is empty for none. What says nothing is left out: the
// type of an error that has none, and the number that the platform gives an invocation.
func FailureText(f *checkpoint.Failure) string {
	if f == nil {
		return ""
	}
	if rest, ok := strings.CutPrefix(f.Message, "RequestId: "); ok {
		if _, after, ok := strings.Cut(rest, " Error: "); ok {
			f = &checkpoint.Failure{Type: f.Type, Message: after}
		}
	}
	switch {
	case f.Type == "", f.Type == plainType && f.Message != "":
		return f.Message
	case f.Message == "":
		return f.Type
	}
	return f.Type + ": " + f.Message
}

// PlaceOf says where a panic happened that an error is of, as in "main.total (functions.go:139)";
// it is empty if the error has no stack, or one that does not begin there.
func PlaceOf(f *checkpoint.Failure) string {
	if f == nil || len(f.Stack) < 3 || !strings.HasPrefix(f.Stack[0], "goroutine ") || strings.HasPrefix(f.Stack[1], "runtime") {
		return ""
	}
	function := f.Stack[1][:max(0, strings.LastIndex(f.Stack[1], "("))]
	at, _, _ := strings.Cut(f.Stack[2], " +0x")
	return fmt.Sprintf("%s (%s)", function, path.Base(at))
}

// PanicPlace says where the panic happened that an execution has failed with: the error of the
// execution may have left the stack to that of the operation.
func (h *History) PanicPlace(f *checkpoint.Failure) string {
	if f == nil || f.Type != "PanicError" {
		return ""
	}
	if place := PlaceOf(f); place != "" {
		return place
	}
	for _, o := range h.All {
		if o.Failure != nil && o.Failure.Type == f.Type && o.Failure.Message == f.Message && PlaceOf(o.Failure) != "" {
			return PlaceOf(o.Failure)
		}
	}
	return ""
}

// Plural returns a number with what it counts.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
