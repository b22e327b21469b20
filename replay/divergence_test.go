package replay_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay"
)

// divergence is a log and the code that reads it.
type divergence struct {
	name string
	// wrote is the code that wrote the log; it was cut off when the service had committed the
	// update at, "SUCCEED b" for example, or suspended if at is empty. reads is the changed code.
	wrote, at, reads string
	// log and code are what the message must name of both sides. If both are empty the change is
	// none that matters, and the execution ends with the result.
	log, code, result string
	// bodies of other scopes may have run before.
	bodies []string
	reason string
}

func divergences() []divergence {
	return []divergence{
		{
			name: "inserted", wrote: "a b wait:w", reads: "a x b wait:w",
			log: `STEP Step "b" (SUCCEEDED`, code: `STEP Step at "x"`,
			reason: "x would run now, in front of what has been done",
		},
		{
			name: "inserted at the front", wrote: "a b", at: "SUCCEED a", reads: "x a b",
			log: `STEP Step "a" (SUCCEEDED`, code: `STEP Step at "x"`,
			reason: "nothing has been claimed yet",
		},
		{
			name: "inserted before what has not run", wrote: "a wait:w b", reads: "a wait:w x b",
			result: "a {} x b",
			reason: "the log has not come so far",
		},
		{
			name: "removed", wrote: "a b wait:w", reads: "a wait:w",
			at: "START w", log: `STEP Step "b" (SUCCEEDED`, code: `WAIT Wait at "w"`,
			reason: "the wait is not over: the code would wait for a day before anybody notices",
		},
		{
			name: "removed before a wait that is over", wrote: "a b wait:w c", reads: "a wait:w c",
			log: `STEP Step "b" (SUCCEEDED`, code: `STEP Step at "c"`,
			reason: "c has no record, and b has not been reached",
		},
		{
			name: "removed before a step that was interrupted", wrote: "a b c^", at: "START c", reads: "a c^",
			log: `STEP Step "b" (SUCCEEDED`, code: `STEP Step at "c"`,
			reason: "c would run again",
		},
		{
			name: "removed before a step that waits for its next attempt", wrote: "a b c~", reads: "a c~",
			log: `STEP Step "b" (SUCCEEDED`, code: `STEP Step at "c"`,
			reason: "c would run again",
		},
		{
			name: "removed at the end", wrote: "a b wait:w", reads: "a b",
			log: `WAIT Wait "w"`, code: "no further operation",
			reason: "the code returns without it",
		},
		{
			name: "everything removed", wrote: "a b wait:w", reads: "",
			log: `STEP Step "a" (SUCCEEDED`, code: "no further operation",
			reason: "the code returns at once",
		},
		{
			name: "renamed", wrote: "a b wait:w", reads: "a c wait:w",
			log: `STEP Step "b" (SUCCEEDED`, code: `STEP Step at "c"`,
			reason: "c would run, though b has",
		},
		{
			name: "step became a wait", wrote: "a b wait:w", reads: "a wait:b wait:w",
			log: `STEP Step "b" (SUCCEEDED`, code: `WAIT Wait at "b"`,
			reason: "the kind differs",
		},
		{
			name: "wait became a group", wrote: "a wait:b c wait:w", reads: "a b{c} wait:w",
			log: `WAIT Wait "b"`, code: `CONTEXT RunInChildContext at "b"`,
			reason: "the kind differs",
		},
		{
			name: "group became a step", wrote: "a b{x} wait:w", reads: "a b wait:w",
			log: `CONTEXT RunInChildContext "b" (SUCCEEDED`, code: `STEP Step at "b"`,
			reason: "the kind differs",
		},
		{
			name: "failed step became a wait", wrote: "a! wait:w", reads: "wait:a wait:w",
			log: `STEP Step "a" (FAILED`, code: `WAIT Wait at "a"`,
			reason: "also a failure belongs to one kind",
		},
		{
			name: "step in progress became a wait", wrote: "a^", at: "START a", reads: "wait:a",
			log: `STEP Step "a" (STARTED`, code: `WAIT Wait at "a"`,
			reason: "also what is in progress belongs to one kind",
		},
		{
			name: "pending step became a group", wrote: "a~", reads: "a{b}",
			log: `STEP Step "a"`, code: `CONTEXT RunInChildContext at "a"`,
			reason: "also what is in progress belongs to one kind",
		},
		{
			name: "moved into a group", wrote: "a b wait:w", reads: "g{a} b wait:w",
			log: `STEP Step "a" (SUCCEEDED`, code: `CONTEXT RunInChildContext at "g"`,
			reason: "the group is new",
		},
		{
			name: "moved out of a group", wrote: "g{a b wait:w}", reads: "a g{b wait:w}",
			log: `CONTEXT RunInChildContext "g" (STARTED`, code: `STEP Step at "a"`,
			reason: "a has no record in the scope of the handler",
		},
		{
			name: "moved to another group", wrote: "g{a} h{b wait:w}", reads: "g{} h{a b wait:w}",
			log: `STEP Step "b" (SUCCEEDED`, code: `STEP Step at "h/a"`,
			reason: "g is recorded and not run again, h has no record of a",
		},
		{
			name: "key changed", wrote: "a[k] b wait:w", reads: "a[l] b wait:w",
			log: `STEP Step "a[k]" (SUCCEEDED`, code: `STEP Step at "a[l]"`,
			reason: "another key is another operation",
		},
		{
			name: "key removed", wrote: "a[k] b wait:w", reads: "a b wait:w",
			log: `STEP Step "a[k]" (SUCCEEDED`, code: `STEP Step at "a"`,
			reason: "no key is another operation",
		},
		{
			name: "keyed loop shortened", wrote: "a[]*3 wait:w b", reads: "a[]*2 wait:w b",
			log: `STEP Step "a[3]" (SUCCEEDED`, code: `STEP Step at "b"`,
			reason: "a record of the loop is not reached",
		},
		{
			name: "loop without keys shortened at the end", wrote: "a*3 wait:w b", reads: "a*2 wait:w b",
			log: `STEP Step "a" (SUCCEEDED`, code: `STEP Step at "b"`,
			reason: "the third occurrence is not reached",
		},
		{
			name: "loop without keys shortened to what has run", wrote: "a*3 wait:w", at: "SUCCEED a", reads: "a*1 wait:w",
			result: "a {}",
			reason: "unseen by design: which item an occurrence stands for is unknown without keys",
		},
		{
			name: "two of one name swapped", wrote: "a b a wait:w c", reads: "a a b wait:w c",
			result: "a a b {} c",
			reason: "unseen by design: both are recorded, and without keys each takes the record of the other",
		},
		{
			name: "two of one name swapped with another kind", wrote: "a wait:a c wait:w", reads: "wait:a a c wait:w",
			log: `STEP Step "a" (SUCCEEDED`, code: `WAIT Wait at "a"`,
			reason: "the first occurrence is a step",
		},
		{
			name: "swapped while one has no record", wrote: "a b c", at: "SUCCEED a", reads: "b a c",
			log: `STEP Step "a" (SUCCEEDED`, code: `STEP Step at "b"`,
			reason: "b would run first",
		},
		{
			name: "swapped while one is in progress", wrote: "a b^ c", at: "START b", reads: "b^ a c",
			log: `STEP Step "a" (SUCCEEDED`, code: `STEP Step at "b"`,
			reason: "b would run again",
		},
		{
			name: "swapped with both recorded", wrote: "a b wait:w c", reads: "b a wait:w c",
			result: "b a {} c",
			reason: "unseen by design, and harmless: each is found by its name",
		},
		{
			name: "sub-type changed", wrote: "g:Sub{a} wait:w", reads: "g:Other{a} wait:w",
			log: `CONTEXT Sub "g" (SUCCEEDED`, code: `CONTEXT Other at "g"`,
			reason: "the sub-type is part of the identity",
		},
		{
			name: "type of the result changed", wrote: "a b wait:w", reads: "a=int b wait:w",
			log: `"a"`, code: "another type or codec",
			reason: "what we wrote and cannot read has been written by other code",
		},
		{
			name: "refused declaration added", wrote: "a b wait:w c", reads: "a refused b wait:w c",
			result: `a error: op: "refused": wait for 0s: a wait lasts at least one second; leave it out, or use a timer in a step b {} c`,
			reason: "it claims nothing",
		},
	}
}

// inGroups are all of them, and the same in a group and in a group that was started by Go.
func inGroups() []divergence {
	var all []divergence
	for _, d := range divergences() {
		all = append(all, d)
		if d.wrote == "" || strings.Contains(d.reads, "{}") {
			continue
		}
		for _, wrap := range [][2]string{{"g1{ ", " }"}, {"&g1{ ", " } y *g1"}} {
			in := d
			in.name += " in " + wrap[0] + wrap[1]
			in.wrote, in.reads = wrap[0]+d.wrote+wrap[1], wrap[0]+d.reads+wrap[1]
			in.code = strings.Replace(d.code, ` at "`, ` at "g1/`, 1)
			if d.result != "" {
				in.result = d.result
				if strings.HasPrefix(wrap[0], "&") {
					in.result = "& y " + d.result
				}
			}
			if strings.HasPrefix(wrap[0], "&") {
				in.bodies = append(in.bodies, "y 1")
			}
			all = append(all, in)
		}
	}
	return all
}

// divergentFutures are changes that only code with futures has.
func divergentFutures() []divergence {
	return []divergence{
		{
			name: "removed after a future in progress", wrote: "&f b wait:w *f", at: "START w", reads: "&f *f",
			log: `STEP Step "b" (SUCCEEDED`, code: "",
			reason: "the result of f was asked for when b had been recorded",
		},
		{
			name: "removed between a pending future and its result", wrote: "&f~ b *f", reads: "&f~ *f",
			log: `STEP Step "b" (SUCCEEDED`, code: `STEP Step at "f"`,
			reason: "f waits for its next attempt: the live run had b before it asked",
		},
		{
			name: "removed after a future whose body was interrupted", wrote: "&f% b c^", at: "START c", reads: "&f b",
			log: `STEP Step "c" (STARTED`, code: "no further operation",
			reason: "the body of f waits until its scope has claimed all that the log holds",
		},
		{
			name: "removed while a group goes on", wrote: "&g{a wait:v b} c wait:w", reads: "&g{a wait:v b} wait:w",
			log: `STEP Step "c" (SUCCEEDED`, code: "",
			reason: "the bodies of a group wait until the scopes around it hold nothing unclaimed",
		},
		{
			name: "removed while the body of a group's step was interrupted", wrote: "&g{a f%} b c^", at: "START c", reads: "&g{a f} b",
			log: `STEP Step "c"`, code: "no further operation",
			reason: "the body of f waits for the claims of the handler's scope, too",
		},
		{
			name: "future awaited inside a group is renamed", wrote: "&f~ g{a *f} b", reads: "&h~ g{a *h} b",
			log: `STEP Step "f"`, code: `STEP Step at "h"`,
			reason: "h has no record",
		},
		{
			name: "future became a plain step", wrote: "&f b *f wait:w c", reads: "f b wait:w c",
			result: "f b {} c",
			reason: "both are recorded: how they were started is not part of the log",
		},
	}
}

// A divergence is caught before any body of its scope runs, the execution ends as FAILED whatever
// the handler does with errors and panics, nothing more is written, and the message names both
// sides.
func TestDivergence(t *testing.T) {
	t.Parallel()
	for _, tt := range append(inGroups(), divergentFutures()...) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newDivergent(t, tt)
			reads := &coded{code: code(tt.reads)}
			h.deploy(t, reads)
			if err := h.e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			if tt.log == "" {
				if got := string(h.e.Result()); got != `"`+strings.ReplaceAll(tt.result, `"`, `\"`)+`"` {
					t.Errorf("%s: the execution ended as %s with %s, %v, want %q", tt.reason, h.e.Status(), got, h.e.Failure(), tt.result)
				}
				return
			}
			h.diverged(t, tt, reads)
		})
	}
}

// With DivergenceHold an execution that diverges is paused, for as long as it takes: a month later
// it is resumed by the former code. Nothing is invoked meanwhile, and no invocation has failed.
func TestDivergenceOnHold(t *testing.T) {
	t.Parallel()
	for _, tt := range append(inGroups(), divergentFutures()...) {
		if tt.log == "" {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := newDivergent(t, divergence{wrote: tt.wrote})
			if err := want.e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			h := newDivergent(t, tt)
			before := h.failed()
			h.deploy(t, &coded{code: code(tt.reads), opts: []replay.HandlerOption{replay.WithDivergence(replay.DivergenceHold)}})
			for range 30 {
				h.svc.Advance(24 * time.Hour)
				if err := h.e.RunUntilSuspended(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			rec := h.e.Record()
			if rec.Status != local.StatusPaused || !strings.Contains(rec.Pause.Reason, "diverged") || !strings.Contains(rec.Pause.Reason, tt.log) {
				t.Fatalf("%s: the execution is %s because of %q, want it PAUSED because it diverged: %s", tt.reason, rec.Status, rec.Pause.Reason, tt.log)
			}
			if n := h.failed() - before; n != 0 || h.e.Invocations() != h.invocations+1 {
				t.Errorf("%s: %d invocations, %d of them failed, want one that does not", tt.reason, h.e.Invocations()-h.invocations, n)
			}
			h.deploy(t, &coded{code: code(tt.wrote)})
			if err := h.svc.Resume(t.Context(), checkpoint.ResumeInput{ARN: h.e.ARN(), Reason: "mended"}); err != nil {
				t.Fatal(err)
			}
			if err := h.e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, want := string(h.e.Result()), string(want.e.Result()); got != want || h.e.Status() != local.StatusSucceeded {
				t.Errorf("%s: after the roll-back the execution ended as %s with %s, want %s", tt.reason, h.e.Status(), got, want)
			}
		})
	}
}

// divergent is an execution whose code is about to change.
type divergent struct {
	svc   *local.Service
	e     *local.Execution
	wrote *coded
	// calls and invocations are those of the code that wrote the log.
	calls, invocations int
}

// newDivergent runs the code that writes the log, up to where it is cut off.
func newDivergent(t *testing.T, d divergence) *divergent {
	t.Helper()
	var cut atomic.Bool
	action, name, _ := strings.Cut(d.at, " ")
	h := &divergent{wrote: &coded{code: code(d.wrote), hangs: d.at != ""}}
	h.svc = local.New(
		local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))),
		local.WithLimits(local.Limits{FailedInvocations: -1}), // held for as long as it takes
		local.WithFaults(local.Faults{Lose: func(p local.Point) bool {
			if d.at == "" || p.Moment != local.MomentAfterCall || cut.Load() {
				return false
			}
			for _, u := range p.Updates {
				if u.Action == checkpoint.Action(action) && u.Name == name {
					return cut.CompareAndSwap(false, true)
				}
			}
			return false
		}}))
	t.Cleanup(func() { h.svc.Close() })
	h.deploy(t, h.wrote)
	e, err := h.svc.Start(t.Context(), "order", "", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	h.e = e
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d.at != "" && !cut.Load() {
		t.Fatalf("the code %q was not cut off at %q: %v", d.wrote, d.at, e.Err())
	}
	h.calls, h.invocations = len(e.CheckpointCalls()), e.Invocations()
	return h
}

// failed is how many invocations have failed.
func (h *divergent) failed() (n int) {
	for _, ev := range h.e.History() {
		if ev.Type == local.EventInvocationCompleted && ev.Failure != nil {
			n++
		}
	}
	return n
}

func (h *divergent) deploy(t *testing.T, c *coded) {
	t.Helper()
	if err := h.svc.Host("order", c.function()); err != nil {
		t.Fatal(err)
	}
}

func (h *divergent) diverged(t *testing.T, tt divergence, reads *coded) {
	t.Helper()
	f := h.e.Failure()
	if h.e.Status() != local.StatusFailed || f == nil {
		t.Fatalf("%s: the execution ended as %s with %s, bodies %v", tt.reason, h.e.Status(), h.e.Result(), reads.ran())
	}
	if f.Type != "NonDeterministicExecutionError" {
		t.Errorf("%s: the type of the error is %q", tt.reason, f.Type)
	}
	for _, part := range []string{"diverged", "; checkpointed ", tt.log, ", current code ", tt.code, "replay.WithDivergence", "not deterministic"} {
		if !strings.Contains(f.Message, part) {
			t.Errorf("%s: the message does not contain %q:\n%s", tt.reason, part, f.Message)
		}
	}
	for _, ran := range reads.ran() {
		if !slices.Contains(tt.bodies, ran) {
			t.Errorf("%s: the body of %s ran", tt.reason, ran)
		}
	}
	if len(tt.bodies) == 0 {
		for _, call := range h.e.CheckpointCalls()[h.calls:] {
			for _, u := range call.Updates {
				t.Errorf("%s: %s of %s was written", tt.reason, u.Action, u.Name)
			}
		}
	}
	if got := h.e.Invocations() - h.invocations; got != 1 {
		t.Errorf("%s: it took %d invocations to notice", tt.reason, got)
	}
}
