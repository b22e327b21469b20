package replaytest

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// given notes how many records an event holds.
func (t *trial) given(event []byte) {
	if e, err := checkpoint.DecodeInvocation(event); err == nil {
		t.note(func() { t.most = max(t.most, len(e.Operations)) })
	}
}

// records is how many records the largest event or reply of an undisturbed execution has held, which is not
// split into pages.
func (t *trial) records() int {
	n := t.most
	for _, c := range t.k.exec.CheckpointCalls() {
		n = max(n, len(c.Operations))
	}
	return n
}

// answered notes that a function without a token has suspended. What ran beside goes on when a timer fires,
// which may win a race or change what depends on the time.
func (t *trial) answered(out []byte, err error) {
	t.note(func() {
		t.hasty = t.hasty || t.orphan && err == nil && bytes.Contains(out, []byte(`"`+checkpoint.OutcomePending+`"`))
		t.orphan = false
	})
}

// committed looks at what the log has come to.
func (t *trial) committed(p local.Point) {
	if !t.ours(p) {
		return
	}
	for _, u := range p.Updates {
		if u.Kind == checkpoint.KindStep && u.Action != checkpoint.ActionStart {
			t.turns.recorded(spelled(t.k.path(checkpoint.Operation{ID: u.ID, Name: u.Name})))
		}
	}
	h := fnv.New64a()
	for _, rec := range t.k.exec.Operations() {
		fmt.Fprintf(h, "%s %s %d\n", rec.ID, rec.Status, rec.Attempt)
	}
	t.note(func() {
		t.states[h.Sum64()] = true
		for _, u := range p.Updates {
			t.ends(u)
			if f := u.Failure; f != nil && (f.Type == "Interrupted" || strings.Contains(f.Data, `"name":"Interrupted"`)) {
				t.interrupted = true
			}
		}
	})
}

// ends notes what an update says of groups, branches and batches that have ended: what is below them
// was left behind then, and writes nothing more but the cancelling of waits. Called with the lock.
func (t *trial) ends(u checkpoint.Update) {
	t.parents[u.ID] = u.ParentID
	for id := u.ParentID; id != "" && u.Action != checkpoint.ActionCancel; id = t.parents[id] {
		if t.over[id] && t.belated == "" {
			t.belated = fmt.Sprintf("%s of %q was written after the end of what it was started in",
				u.Action, t.k.path(checkpoint.Operation{ID: u.ID, Name: u.Name}))
		}
	}
	if u.Kind == checkpoint.KindContext && u.Action != checkpoint.ActionStart {
		t.over[u.ID] = true
	}
}

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
	if t.belated != "" {
		return t.belated
	}
	failed, allowed := 0, losses
	for _, e := range t.k.exec.History() {
		if e.Type == local.EventInvocationCompleted && e.Failure != nil {
			if hangs(e.Failure.Message) {
				return "an invocation ended with nothing pending: " + e.Failure.Message
			}
			if failed++; failed > allowed {
				return fmt.Sprintf("an invocation failed that nothing had interrupted: %s: %s", e.Failure.Type, e.Failure.Message)
			}
		}
	}
	if n, most := t.k.exec.Invocations(), want.k.exec.Invocations()+3*len(t.fired)+3; n > most && !t.interrupted {
		return fmt.Sprintf("%d invocations, of at most %d", n, most)
	}
	if list := t.k.nondeterminism(); len(list) > 0 {
		return list[0]
	}
	return ""
}

// hangs reports whether an invocation has failed because nothing was left to wait for. No interruption is a
// reason for that. The texts are those of the service and of package replay.
func hangs(message string) bool {
	return strings.Contains(message, "no pending operations") || strings.Contains(message, "nothing is pending in the service")
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

// String is how the execution ended.
func (t *trial) String() string {
	if t.failure != "" {
		return string(t.status) + " " + t.failure
	}
	return string(t.status) + " " + string(t.result)
}
