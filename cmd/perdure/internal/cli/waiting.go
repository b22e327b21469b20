package cli

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// waitingFor says in a line what a running execution waits for, or what else it does.
func (h *history) waitingFor(now time.Time) string {
	if line := h.pending(now); line != "" {
		return line
	}
	return h.busy(now)
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

// busy is what to say when nothing is pending.
func (h *history) busy(now time.Time) string {
	for _, o := range h.all {
		if o.Kind == "step" && o.Status == checkpoint.StatusStarted {
			return fmt.Sprintf("the body of step %q has run for %s", o.label(), span(now.Sub(o.Start)))
		}
	}
	if h.last != nil {
		return fmt.Sprintf("the last invocation failed %s ago (%s): it is repeated", span(now.Sub(h.lastEnd)), failureText(h.last))
	}
	return "its function is being invoked"
}

// waiting says what an operation waits for, if it does.
func (o *operation) waiting(now time.Time) string {
	switch {
	case o.Kind == "callback" && o.Status == checkpoint.StatusStarted:
		line := fmt.Sprintf("callback %q", o.label())
		if o.Until != nil {
			line += " (times out " + in(now, *o.Until) + ")"
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
