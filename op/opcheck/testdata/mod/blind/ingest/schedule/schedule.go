// Package schedule says when the warehouse may be written to.
package schedule

import (
	"time"

	"github.com/perdure/perdure/retry"
)

// Window is the part of a day in which the warehouse takes loads.
type Window struct {
	From, To int
	Pause    time.Duration
}

// open reports whether the window is open.
func (w Window) open(t time.Time) bool { return t.Hour() >= w.From && t.Hour() < w.To }

// Policy attempts loads as long as the window is open.
func (w Window) Policy(a retry.Attempt) retry.Decision {
	if !w.open(time.Now()) {
		return retry.Decision{}
	}
	return retry.Decision{Retry: a.Number < 40, After: w.Pause}
}

// Brief is for short calls.
func Brief() retry.Policy {
	return retry.Exponential(retry.MaxAttempts(4), retry.InitialDelay(time.Second))
}
