package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// timer is what an execution does by itself at a time.
type timer struct {
	Operation string        `json:"operation"`
	Purpose   local.Purpose `json:"purpose"`
	At        time.Time     `json:"at"`
}

func (t *timer) key() local.TimerKey {
	return local.TimerKey{Operation: t.Operation, Purpose: t.Purpose}
}

// timers asks the service on this machine what an execution does by itself: the history does not
// say what was skipped. ok is false for a service that does not know.
func (a *app) timers(ctx context.Context, arn string) (all []timer, ok bool) {
	ok = a.askDev(ctx, arn, "/timers", &all)
	return all, ok
}

// moveTimers has a history show when what it waits for is due now.
func (a *app) moveTimers(ctx context.Context, arn string, h *view.History) {
	if !h.End.IsZero() {
		return
	}
	all, _ := a.timers(ctx, arn)
	for _, t := range all {
		moveTimer(h, t.key(), t.At)
	}
}

// moveTimer has a history show when something is due.
func moveTimer(h *view.History, key local.TimerKey, at time.Time) {
	switch key.Purpose {
	case local.PurposeWait, local.PurposeAttempt, local.PurposeCallbackTimeout:
		h.Move(key.Operation, at)
	case local.PurposeInvocation:
		h.Repeated = at
	case local.PurposeHeartbeat, local.PurposeExecutionTimeout:
	}
}

// mostSkipped is of how many operations it is said what a skip has done.
const mostSkipped = 3

// skippedText says what has come of a skip: what was due before, and what is left of it now.
func skippedText(h *view.History, before, after []timer, operation string, by time.Duration, now time.Time) string {
	left := make(map[local.TimerKey]time.Time)
	for _, t := range after {
		left[t.key()] = t.At
	}
	what, timeout := []string{}, ""
	for _, t := range before {
		at, pending := left[t.key()]
		if pending && !at.Before(t.At) {
			continue // another operation
		}
		over := !pending || !at.After(now)
		if t.Purpose == local.PurposeExecutionTimeout {
			if timeout = "the execution timeout is over"; !over {
				timeout = "the execution times out " + view.In(now, at)
			}
			continue
		}
		text := t.dueText(h)
		if what = append(what, text.what+" "+text.over); !over {
			what[len(what)-1] = text.what + " " + text.ends + " " + view.In(now, at)
		}
	}
	done := "skipped"
	if by > 0 {
		done += " " + view.Exact(by)
	}
	switch {
	case len(what) == 0 && timeout != "":
		return done + " of the execution timeout alone, since nothing else waits for a time: " + timeout
	case len(what) == 0:
		return done
	case len(what) > mostSkipped:
		what = append(what[:mostSkipped], view.Plural(len(what)-mostSkipped, "other came sooner", "others came sooner"))
	}
	if timeout != "" && operation == "" {
		what = append(what, timeout)
	}
	return done + ": " + strings.Join(what, "; ")
}

// dueText says what is due, that it is, and that it will be.
func (t *timer) dueText(h *view.History) (text struct{ what, over, ends string }) {
	name := fmt.Sprintf("%q", t.Operation)
	if o := h.Operation(t.Operation); o != nil {
		name = fmt.Sprintf("%q", o.Label())
	}
	switch text.over, text.ends = "is over", "ends"; t.Purpose {
	case local.PurposeWait, local.PurposeExecutionTimeout:
		text.what = "wait " + name
	case local.PurposeAttempt:
		text.what, text.over = "the pause before the next attempt of step "+name, "is over: the attempt begins"
	case local.PurposeInvocation:
		text.what, text.over = "the pause after the failed invocation", "is over: the function is invoked again"
	case local.PurposeCallbackTimeout:
		text.what, text.over, text.ends = "callback "+name, "has timed out", "times out"
	case local.PurposeHeartbeat:
		text.what, text.over, text.ends = "callback "+name, "has timed out without a heartbeat", "times out without a heartbeat"
	}
	return text
}
