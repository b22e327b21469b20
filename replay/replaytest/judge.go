package replaytest

import (
	"fmt"
	"strings"

	"github.com/perdure/perdure/checkpoint/local"
)

// problem says what is wrong with a trial compared with the undisturbed one; empty for nothing.
func (x *explorer) problem(want, t *trial) string {
	if t.err != nil {
		return t.err.Error()
	}
	if !t.interrupted && !x.same(want, t) {
		return fmt.Sprintf("the result is %s, undisturbed it is %s", t, want)
	}
	losses := t.losses()
	for _, what := range sortedKeys(t.perAttempt) {
		path := what[:strings.LastIndex(what, " attempt ")]
		allowed := 1 + losses
		if t.strict[path] {
			allowed = 1
		}
		if n := t.perAttempt[what]; n > allowed {
			return fmt.Sprintf("the body of %q ran %d times in one attempt, of at most %d (%s)", path, n, allowed, what)
		}
	}
	if t.wrong != "" {
		return t.wrong
	}
	if t.belated != "" {
		return t.belated
	}
	failed, allowed := 0, t.failing()+t.asked
	for _, e := range t.k.exec.History() {
		if e.Type == local.EventInvocationCompleted && e.Failure != nil {
			if e.NothingPending() || t.stuck[e.Failure.Message] {
				return "an invocation ended with nothing pending: " + e.Failure.Message
			}
			if failed++; failed > allowed {
				return fmt.Sprintf("an invocation failed that nothing had interrupted: %s: %s", e.Failure.Type, e.Failure.Message)
			}
		}
	}
	if n, most := t.k.exec.Invocations(), want.k.exec.Invocations()+3*len(t.fired)+3+t.asked; n > most && !t.interrupted {
		return fmt.Sprintf("%d invocations, of at most %d", n, most)
	}
	if list := t.k.nondeterminism(); len(list) > 0 {
		return list[0]
	}
	if what := x.startsProblem(want, t); what != "" {
		return what
	}
	return t.effectsProblem(x.restore)
}

// losses is how many interruptions took place that lose something.
func (t *trial) losses() (n int) {
	for f := range t.fired {
		if !f.harmless() {
			n++
		}
	}
	return n
}

// failing is how many interruptions took place that may have an invocation fail.
func (t *trial) failing() (n int) {
	for f := range t.fired {
		if f.failing() {
			n++
		}
	}
	return n
}

// String is how the execution ended.
func (t *trial) String() string {
	if t.failure != "" {
		return string(t.status) + " " + t.failure
	}
	return string(t.status) + " " + string(t.result)
}
