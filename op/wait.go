package op

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// MaxWait is the longest wait and the longest delay between attempts.
// Source: Lambda API, WaitOptions.WaitSeconds.
const MaxWait = limits.Duration

// Wait suspends its scope for d, without keeping the function running.
// d is rounded up to whole seconds; less than one second or more than [MaxWait] is an error.
func Wait(name string, d time.Duration) Op[None] {
	n := &node.Wait{Header: header[None](name, subtype.Wait), Duration: wholeSeconds(d)}
	if n.Err == nil {
		switch {
		case d < time.Second:
			n.Err = misuse(name, "wait for %v: a wait lasts at least one second; leave it out, or use a timer in a step", d)
		case d > MaxWait:
			n.Err = misuse(name, "wait for %v: a wait lasts at most %v, the longest an execution can", d, MaxWait)
		}
	}
	return Op[None]{n: n}
}

// WaitUntil waits until t, rounded up to whole seconds. If t is not after what replay.Now
// says in the scope, it completes at once and leaves no record. The zero time is an error.
func WaitUntil(name string, t time.Time) Op[None] {
	n := &node.Wait{Header: header[None](name, subtype.Wait), Until: t}
	if n.Err == nil && t.IsZero() {
		n.Err = misuse(name, "wait until the zero time: pass the time at which to go on")
	}
	return Op[None]{n: n}
}

// wholeSeconds rounds up.
func wholeSeconds(d time.Duration) time.Duration {
	if d > MaxWait {
		return d // it is refused, and rounding up could overflow
	}
	if rest := d % time.Second; rest > 0 {
		return d - rest + time.Second
	}
	return d
}

func misuse(name, format string, args ...any) error {
	return fmt.Errorf("op: %q: %s", name, fmt.Sprintf(format, args...))
}
