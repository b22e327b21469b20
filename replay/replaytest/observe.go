package replaytest

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// given notes how many records an event holds.
func (t *trial) given(event []byte) {
	if e, err := checkpoint.DecodeInvocation(event); err == nil {
		t.note(func() {
			t.most = max(t.most, len(e.Operations))
			if e.NextMarker == "" {
				t.events = append(t.events, occasion{bytes.Clone(event), time.Now()}) //nolint:forbidigo // what a handler reads that must not
			}
		})
	}
}

// records is how many records the largest event or reply of an undisturbed execution has held,
// which is not split into pages.
func (t *trial) records() int {
	n := t.most
	for _, c := range t.k.exec.CheckpointCalls() {
		n = max(n, len(c.Operations))
	}
	return n
}

// answered notes what a function has failed with because nothing was left to wait for, or because
// its handler has asked for another invocation.
func (t *trial) answered(err error) {
	if errors.Is(err, replay.ErrRepeat) {
		t.note(func() { t.asked++ })
	}
	if errors.Is(err, replay.ErrNothingPending) {
		t.note(func() { t.stuck[err.Error()] = true }) // the service has its text
	}
}

// interrupted reports whether an execution has recorded that an attempt was cut off.
func (x *explorer) interrupted(t *trial) bool {
	var known []codec.KnownError
	t.k.note(func() { known = slices.Clone(t.k.known) })
	var list []report
	t.note(func() { list = slices.Clone(t.failures) })
	recs := make(map[string]checkpoint.Operation)
	for _, rec := range t.k.exec.Operations() {
		recs[rec.ID] = rec
	}
	return slices.ContainsFunc(list, func(r report) bool {
		return errors.Is(restoreReport(x.restore, t.k.exec.ARN(), recs, &r, known), op.ErrInterrupted)
	})
}

// diverges reports whether a failure is that of a replay.DivergedError, by the types that it has
// had on the wire.
func diverges(f *checkpoint.Failure) bool {
	return f.Type == "DivergedError" || f.Type == "NonDeterministicExecutionError"
}

// committed looks at how far the log has come.
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
			if u.Failure != nil {
				t.failures = append(t.failures, report{id: u.ID, name: u.Name, parent: u.ParentID, failure: *u.Failure})
			}
		}
	})
}

// ends notes what an update says of groups, branches and batches that have ended: what is below
// them was left behind then, and writes nothing more but the cancelling of waits. Called with the
// lock.
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
