package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/limits"
)

// waitingFor says in a line what a running execution does and what it waits for. Bodies that run
// come first: what it waits for may be waited for beside them.
func (h *history) waitingFor(now time.Time) string {
	running, pending := h.running(now), h.pending(now)
	switch {
	case h.paused != nil:
		return h.heldSince(now)
	case running != "" && pending != "":
		return running + "; " + pending
	case running != "":
		return running
	case h.inRow > 0: // what is pending is older than that: nothing of it goes on before an invocation succeeds
		return h.failing(now)
	case pending != "":
		return pending
	}
	return "its function is being invoked"
}

// heldSince says that an execution is paused, and why.
func (h *history) heldSince(now time.Time) string {
	line := fmt.Sprintf("paused %s ago", span(now.Sub(h.paused.Time)))
	if h.paused.Reason != "" {
		line += ": " + h.paused.Reason
	}
	return line
}

// pending says in a line what an execution waits for; it is empty if that is nothing.
func (h *history) pending(now time.Time) string {
	var lines []string
	for _, kind := range []string{"callback", "invoke", "step", "wait"} { // who must act comes first
		for _, o := range h.all {
			if o.Kind != kind {
				continue
			}
			if line := o.waiting(now); line != "" {
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

// running says which bodies run; it is empty if none does. One whose invocation has ended does not,
// though its record says STARTED.
func (h *history) running(now time.Time) string {
	line, more := "", -1
	for _, o := range h.all {
		if o.Kind != "step" || !o.running {
			continue
		}
		if more++; line == "" {
			line = fmt.Sprintf("the body of step %q has run for %s", o.label(), span(now.Sub(o.began)))
			if o.Attempts > 0 {
				line += fmt.Sprintf(" (attempt %d)", o.Attempts+1)
			}
		}
	}
	if more > 0 {
		line += ", and " + plural(more, "other body runs", "other bodies run")
	}
	return line
}

// failing says that invocations fail, and which bodies they have cut off.
func (h *history) failing(now time.Time) string {
	parts := []string{fmt.Sprintf("the last invocation failed %s ago (%s): it is repeated", span(now.Sub(h.lastEnd)), invocationFailure(h.last))}
	if h.inRow > 1 {
		parts[0] = fmt.Sprintf("the last %d invocations failed, the last one %s ago (%s): it is repeated",
			h.inRow, span(now.Sub(h.lastEnd)), invocationFailure(h.last))
	}
	if h.charged > 1 {
		next := h.lastEnd.Add(limits.FailurePause(h.charged))
		parts[0] += fmt.Sprintf(" (failed invocation %d of %d, next %s)", h.charged, limits.FailedInvocations, in(now, next))
	}
	for _, o := range h.all {
		if o.Status == checkpoint.StatusStarted && o.CutOff > 0 {
			parts = append(parts, fmt.Sprintf("step %q was cut off %s", o.label(), plural(o.CutOff, "time", "times")))
		}
	}
	return strings.Join(parts, "; ")
}

// invocationFailure says why an invocation failed, without the number that the service has given
// it.
func invocationFailure(f *checkpoint.Failure) string {
	short := *f
	if rest, ok := strings.CutPrefix(f.Message, "RequestId: "); ok {
		if _, after, ok := strings.Cut(rest, " Error: "); ok {
			short.Message = after
		}
	}
	return failureText(&short)
}

// waiting says what an operation waits for, if it does.
func (o *operation) waiting(now time.Time) string {
	switch {
	case o.Kind == "callback" && o.Status == checkpoint.StatusStarted:
		line := fmt.Sprintf("callback %q", o.label())
		switch {
		case o.Until != nil && o.beats > 0:
			line += fmt.Sprintf(" (times out %s, and without a heartbeat within %s)", in(now, *o.Until), span(o.beats))
		case o.Until != nil:
			line += " (times out " + in(now, *o.Until) + ")"
		case o.beats > 0:
			line += fmt.Sprintf(" (times out without a heartbeat within %s)", span(o.beats))
		}
		return line + "; complete it with: perdure callback succeed " + o.Callback
	case o.Kind == "invoke" && o.Status == checkpoint.StatusStarted:
		line := fmt.Sprintf("function %s, invoked by %q", o.function, o.label())
		if o.Target != "" {
			line += "; see: perdure show " + o.Target
		}
		return line
	case o.Status == checkpoint.StatusPending:
		line := fmt.Sprintf("attempt %d of step %q, %s", o.Attempts+1, o.label(), in(now, *o.Until))
		if o.failure != nil {
			line += " (the last one failed: " + failureText(o.failure) + ")"
		}
		return line
	case o.Kind == "wait" && o.Status == checkpoint.StatusStarted && o.Until != nil:
		return fmt.Sprintf("wait %q, which ends %s", o.label(), in(now, *o.Until))
	}
	return ""
}

func (o *operation) label() string {
	if o.Name != "" {
		return o.Name
	}
	return o.ID
}

// in says when a time is.
func in(now, at time.Time) string {
	if d := at.Sub(now); d > 0 {
		return "in " + span(d)
	}
	return "now"
}

// span shortens a duration to what people want to know of it.
func span(d time.Duration) string {
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

// exact prints a duration as flags take it, without units that are zero.
func exact(d time.Duration) string {
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

func failureText(f *checkpoint.Failure) string {
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
