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
	t.k.note(func() {
		for _, u := range p.Updates {
			t.k.effects.told(u, p.Invocation)
		}
	})
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
