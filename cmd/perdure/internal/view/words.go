package view

import (
	"fmt"
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
	running, pending := h.Bodies(now), h.pending(now, commands)
	switch {
	case h.Paused != nil:
		return h.heldSince(now)
	case running != "" && pending != "":
		return running + "; " + pending
	case running != "":
		return running
	case h.InRow > 0: // what is pending is older than that: nothing of it goes on before an invocation succeeds
		return h.failing(now)
	case pending != "":
		return pending
	}
	return "its function is being invoked"
}

// heldSince says that an execution is paused, and why.
func (h *History) heldSince(now time.Time) string {
	line := fmt.Sprintf("paused %s ago", Span(now.Sub(h.Paused.Time)))
	if h.Paused.Reason != "" {
		line += ": " + h.Paused.Reason
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
			if line := o.waiting(now, commands); line != "" {
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
	return line
}

// failing says that invocations fail, and which bodies they have cut off.
func (h *History) failing(now time.Time) string {
	next := h.LastEnd.Add(limits.FailurePause(h.Charged))
	// A body that runs again has no event of that: no pause is left, or the function has written.
	again, goesOn := h.Charged == 0 || now.After(next), "it is repeated"
	if again {
		goesOn = "it runs again"
	}
	parts := []string{fmt.Sprintf("the last invocation failed %s ago (%s): %s", Span(now.Sub(h.LastEnd)), InvocationFailure(h.Last), goesOn)}
	if h.InRow > 1 {
		parts[0] = fmt.Sprintf("the last %d invocations failed, the last one %s ago (%s): %s",
			h.InRow, Span(now.Sub(h.LastEnd)), InvocationFailure(h.Last), goesOn)
	}
	switch {
	case h.Charged > 1 && again:
		parts[0] += fmt.Sprintf(" (failed invocation %d of %d)", h.Charged, limits.FailedInvocations)
	case h.Charged > 1:
		parts[0] += fmt.Sprintf(" (failed invocation %d of %d, next %s)", h.Charged, limits.FailedInvocations, In(now, next))
	}
	for _, o := range h.All {
		if o.Status == checkpoint.StatusStarted && o.CutOff > 0 {
			line := fmt.Sprintf("step %q was cut off %s", o.Label(), Plural(o.CutOff, "time", "times"))
			if again {
				line += ", and its body runs again"
			}
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, "; ")
}

// InvocationFailure says why an invocation failed, without the number that the service has given
// it.
func InvocationFailure(f *checkpoint.Failure) string {
	if f == nil {
		return ""
	}
	short := *f
	if rest, ok := strings.CutPrefix(f.Message, "RequestId: "); ok {
		if _, after, ok := strings.Cut(rest, " Error: "); ok {
			short.Message = after
		}
	}
	return FailureText(&short)
}

// waiting says what an operation waits for, if it does.
func (o *Operation) waiting(now time.Time, commands bool) string {
	switch {
	case o.Kind == "callback" && o.Status == checkpoint.StatusStarted:
		line := fmt.Sprintf("callback %q", o.Label())
		switch {
		case o.Until != nil && o.Beats > 0:
			line += fmt.Sprintf(" (times out %s, and without a heartbeat within %s)", In(now, *o.Until), Span(o.Beats))
		case o.Until != nil:
			line += " (times out " + In(now, *o.Until) + ")"
		case o.Beats > 0:
			line += fmt.Sprintf(" (times out without a heartbeat within %s)", Span(o.Beats))
		}
		if commands {
			line += "; complete it with: perdure callback succeed " + o.Callback + " '<result as JSON>'"
		}
		return line
	case o.Kind == "invoke" && o.Status == checkpoint.StatusStarted:
		line := fmt.Sprintf("function %s, invoked by %q", o.Function, o.Label())
		if o.Target != "" && commands {
			line += "; see: perdure show " + o.Target
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

// What says which operation it is: its subtype says more than its kind.
func (o *Operation) What() string {
	if o.SubType == "" || strings.EqualFold(o.SubType, o.Kind) {
		return o.Kind
	}
	return o.SubType
}

// Label returns the name of the operation, or its ID if it has none.
func (o *Operation) Label() string {
	if o.Name != "" {
		return o.Name
	}
	return o.ID
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

// FailureText returns an error in a line; it is empty for none.
func FailureText(f *checkpoint.Failure) string {
	switch {
	case f == nil:
		return ""
	case f.Type == "":
		return f.Message
	case f.Message == "":
		return f.Type
	}
	return f.Type + ": " + f.Message
}

// Plural returns a number with what it counts.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
