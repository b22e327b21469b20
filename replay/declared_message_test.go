package replay_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestDivergenceSaysWhatToDeclare reads the declaration out of the error.
func TestDivergenceSaysWhatToDeclare(t *testing.T) {
	t.Parallel()
	a, b, c, w := says("a"), says("b"), says("c"), hourly("w")
	tests := []struct {
		reason        string
		before, after version
		want          []string
	}{
		{"renamed", stepwise(a, w), stepwise(b, w), []string{
			`op.Step("b", …).Was("a") if that was its name, op.Added(op.Step("b", …), v) if it is new and executions past it get v, ` +
				`or op.Removed(op.Step("a", …)) before it if that is gone`,
		}},
		{"a wait is new", stepwise(a, b), stepwise(w, a, b), []string{
			`op.Added(op.Wait("w", …), v) if it is new and executions past it get v, ` +
				`op.Replaces(op.Wait("w", …), op.Step("a", …)) if it stands for that, or op.Removed(op.Step("a", …)) before it if that is gone`,
		}},
		{"a key is new", stepwise(a, w), stepwise(says("a").Key("1"), w), []string{
			`op.Step("a", …).Key("1").WasKey("") if its key was another one, op.Added(op.Step("a", …).Key("1"), v) if it is new and ` +
				`executions past it get v, or op.Removed(op.Step("a", …)) before it if that is gone`,
		}},
		{"wrapped in a group", stepwise(a, b, group("inform", c), w), stepwise(group("g", a), b, group("inform", c), w), []string{
			`op.Added(op.Group("g", …), v) if it is new and executions past it get v, op.Replaces(op.Group("g", …), op.Step("a", …)) if it ` +
				`stands for that (for several operations, of an op.Inline with them), or op.Removed(op.Step("a", …)) before it if that is gone`,
		}},
		{"a limit is put around", stepwise(group("a", b, w)), stepwise(op.Timeout("limit", group("a", b, w), 5*time.Hour)), []string{
			`op.Replaces(op.Timeout("limit", …), op.Group("a", …)) if it was that, op.Added(op.Timeout("limit", …), v) if it is new and ` +
				`executions past it get v, or op.Removed(op.Group("a", …)) before it if that is gone`,
		}},
		{"a sequence is an open parallel", stepwise(a, w), stepwise(opened(op.Branch("b", stepwise(a, w)))), []string{
			`op.Added(op.OpenParallel("open", …), v) if it is new and executions past it get v, op.Replaces(op.OpenParallel("open", …), ` +
				`op.Step("a", …)) if it stands for that (for several operations, of an op.Inline with them), or op.Removed(op.Step("a", …)) ` +
				`before it if that is gone`,
		}},
		{"another combinator", stepwise(a, w), stepwise(allOf([]op.Op[string]{b, c}), w), []string{
			`op.Added(op.All("all", …), v) if it is new and executions past it get v, op.Replaces(op.All("all", …), op.Step("a", …)) if it ` +
				`stands for that (for several operations, of an op.Inline with them), or op.Removed(op.Step("a", …)) before it if that is gone`,
		}},
		{"removed", stepwise(a, b, w), stepwise(a, w), []string{`op.Removed(op.Step("b", …)) where it stood`}},
		{"removed at the end", stepwise(w, a, b, c), stepwise(w), []string{
			`op.Removed(op.Step("a", …)) where it stood`,
			`op.Removed(op.Step("a", …)), op.Removed(op.Step("b", …)) where it stood`,
			`op.Removed(op.Step("a", …)), op.Removed(op.Step("b", …)), op.Removed(op.Step("c", …)) where it stood`,
		}},
		{"another kind", stepwise(a, w), stepwise(group("a", b), w), []string{`op.Replaces(op.Group("a", …), op.Step("a", …))`}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			said := make(map[string]bool)
			everyState(t, tt.before.handler(), tt.after.handler(), func(_ string, e *local.Execution) {
				if f := e.Failure(); f != nil {
					_, declare, ok := strings.Cut(f.Message, "declare the change (docs/changing-code.md): ")
					if !ok {
						t.Errorf("nothing is said: %s", f.Message)
					}
					declare, _, _ = strings.Cut(declare, "; this execution has failed")
					said[declare] = true
				}
			})
			for _, want := range tt.want {
				if !said[want] {
					t.Errorf("no divergence says\n%s\nbut\n%v", want, said)
				}
			}
		})
	}
}

// TestRehearsalSaysWhichSideIsTaken asks of each state whether the declaration must stay.
func TestRehearsalSaysWhichSideIsTaken(t *testing.T) {
	t.Parallel()
	before := stepwise(says("a"), hourly("w"), says("c"))
	after := stepwise(op.Added(says("d"), ""), says("b").Was("a"), hourly("w"), op.Replaces(says("e"), says("c")))
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) { return after(ctx) })
	h := newHome(t)
	e := h.begin(t, before.handler(), "null")
	rehearse := func() *replay.Rehearsal {
		in := e.Record()
		r, err := f.Rehearse(t.Context(), checkpoint.Invocation{ARN: e.ARN(), Operations: append([]checkpoint.Operation{
			{ID: e.Name(), Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted, Start: in.Start, Payload: checkpoint.TextPayload("null")},
		}, e.Operations()...)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := rehearse(); r.NeedsDeclarations() || len(r.Declared) != 1 || r.Declared[0].Old {
		t.Errorf("an execution that has not begun takes %v", r.Declared)
	}
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := rehearse()
	want := `[op.Added at "d" takes the old side: nothing op.Replaces at "a" takes the old side: "a"]`
	if got := fmt.Sprint(r.Declared); got != want || !r.NeedsDeclarations() {
		t.Errorf("an execution that waits takes\n%s\nwant\n%s", got, want)
	}
}
