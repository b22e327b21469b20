package replaytest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

type order1 struct{ ID string }

// order2 has a field more: executions that are under way have not been given it.
type order2 struct {
	ID       string
	Currency string
}

func step(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return name + "ed", nil })
}

// inTurn runs operations one after the other and returns the last result.
func inTurn[In any](ops ...op.Op[string]) func(op.Context, In) (string, error) {
	return func(ctx op.Context, _ In) (out string, err error) {
		for _, o := range ops {
			if out, err = replay.Run(ctx, o); err != nil {
				return "", err
			}
		}
		return out, nil
	}
}

// TestContinueWithChangedCode deploys changed code while an execution waits: what it does, and what
// the kit says of it.
func TestContinueWithChangedCode(t *testing.T) {
	t.Parallel()
	nap := op.Transform(op.Wait("nap", time.Hour), func(op.None) (string, error) { return "", nil })
	before := inTurn[order1](step("pack"), nap, step("send"))
	tests := []struct {
		name, reason string
		after        replaytest.Function
		want         string
		diverges     bool
		paths        string
	}{
		{"unchanged", "the same code goes on", replay.Handler(before), "sended", false, "pack nap send"},
		{
			"another body", "what has its result does not run again", replay.Handler(inTurn[order1](step("pack"), nap, step("load"))),
			"loaded", false, "pack nap load",
		},
		{
			"a step more, at the end", "it is new", replay.Handler(inTurn[order1](step("pack"), nap, step("send"), step("bill"))),
			"billed", false, "pack nap send bill",
		},
		{"another input", "the type has a field more", replay.Handler(inTurn[order2](step("pack"), nap, step("send"))), "sended", false, "pack nap send"},
		{"a step less", "the log has it", replay.Handler(inTurn[order1](nap, step("send"))), "", true, ""},
		{"a step more, at the beginning", "the log does not have it", replay.Handler(inTurn[order1](step("check"), step("pack"), nap, step("send"))), "", true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := replaytest.Start(t, replay.Handler(before), order1{ID: "A-1"})
			e.RunUntilSuspended()
			e.Continue(tt.after)
			r := e.Result()
			if tt.diverges {
				if r.Status != local.StatusFailed || r.Err == nil {
					t.Errorf("%s: got %s, %v, want a divergence", tt.reason, r.Status, r.Err)
				}
				if r.Err != nil && !strings.Contains(strings.ToLower(r.Err.Error()), "diverge") && !strings.Contains(r.Err.Error(), "eterminis") {
					t.Errorf("%s: the error does not say that the code has diverged: %v", tt.reason, r.Err)
				}
				return
			}
			var paths []string
			for _, o := range r.Operations {
				paths = append(paths, o.Path)
			}
			if r.Err != nil || r.Value != tt.want || strings.Join(paths, " ") != tt.paths {
				t.Errorf("%s: got %q, %v with %v, want %q with %s", tt.reason, r.Value, r.Err, paths, tt.want, tt.paths)
			}
			if n := r.Op("pack").Runs; n != 1 {
				t.Errorf("%s: the first step ran %d times", tt.reason, n)
			}
		})
	}
}

// TestContinueAfterAHold: an execution that is held goes on with the code that mends it.
func TestContinueAfterAHold(t *testing.T) {
	t.Parallel()
	nap := op.Transform(op.Wait("nap", time.Hour), func(op.None) (string, error) { return "", nil })
	good := replay.Handler(inTurn[order1](step("pack"), nap, step("send")))
	e := replaytest.Start(t, good, order1{})
	e.RunUntilSuspended()
	e.Continue(replay.Handler(inTurn[order1](step("wrap"), nap, step("send")), replay.WithDivergence(replay.DivergenceHold)))
	e.Advance(30 * 24 * time.Hour)
	if e.Status() != local.StatusPaused {
		t.Fatalf("the execution is %s, want PAUSED", e.Status())
	}
	e.Continue(good)
	if r := e.Result(); r.Err != nil || r.Value != "sended" || r.Op("wrap").Status != "" {
		t.Errorf("got %q, %v", r.Value, r.Err)
	}
}

// TestContinueKeepsWhatTheTestSays: stubs, replies and complaints of the code before count in the
// end.
func TestContinueKeepsWhatTheTestSays(t *testing.T) {
	t.Parallel()
	ask := op.Transform(op.WaitForCallback[approval]("ask", func(context.Context, string) error { return nil }),
		func(a approval) (string, error) { return a.By, nil })
	runs := 0
	moving := op.StepFunc("moving", func(context.Context, int) (string, error) { return "", nil })
	before := replay.Handler(func(ctx op.Context, in order1) (string, error) {
		runs++ // this is the mistake
		if _, err := replay.Run(ctx, moving(runs)); err != nil {
			return "", err
		}
		if err := replay.Exec(ctx, op.Wait("nap", time.Hour)); err != nil {
			return "", err
		}
		return replay.Run(ctx, ask)
	})
	after := replay.Handler(func(ctx op.Context, in order1) (string, error) {
		if _, err := replay.Run(ctx, moving(0)); err != nil {
			return "", err
		}
		if err := replay.Exec(ctx, op.Wait("nap", time.Hour)); err != nil {
			return "", err
		}
		return replay.Run(ctx, ask)
	})
	got := record(t, func(tb *recorder) {
		e := replaytest.Start(tb, before, order1{}, replaytest.CallbackResult("ask", approval{By: "Ann"}), replaytest.StubResult(moving, "stubbed"))
		e.RunUntilSuspended()
		e.Continue(before)
		e.Continue(after)
		if r := e.Result(); r.Value != "Ann" || r.Op("moving").Result != "stubbed" && r.Op("moving").Result != `"stubbed"` {
			t.Errorf("got %q, %v, and %q", r.Value, r.Err, r.Op("moving").Result)
		}
	})
	if len(got.errs) != 0 {
		t.Errorf("changed code may give an operation something else: %q", got.errs)
	}
	runs = 0
	got = record(t, func(tb *recorder) {
		e := replaytest.Start(tb, before, order1{}) // no one has answered yet
		e.RunUntilSuspended()
		e.Advance(2 * time.Hour)
		e.Continue(after)
		e.Callback("ask").Succeed(approval{By: "Ann"})
		e.Result()
	})
	if all := strings.Join(got.errs, "\n"); !strings.Contains(all, `the input of "moving"`) {
		t.Errorf("what was wrong with the code before is forgotten: %q", all)
	}
	for what, f := range map[string]replaytest.Function{
		"nil": nil, "a nil pointer": (*replay.Function[order1, string])(nil), "what another package has made": foreign{},
	} {
		got := record(t, func(tb *recorder) { replaytest.Start(tb, after, order1{}).Continue(f) })
		if !got.fatal || !strings.Contains(strings.Join(got.errs, ""), "pass what replay.Handler makes of the changed handler") {
			t.Errorf("%s was deployed, or refused with %q", what, got.errs)
		}
	}
	got = record(t, func(tb *recorder) {
		e := replaytest.Start(tb, replay.Handler(inTurn[order1](step("pack"))), order1{})
		e.Result()
		e.Continue(after)
	})
	if !got.fatal || !strings.Contains(strings.Join(got.errs, ""), "has ended already") {
		t.Errorf("code was deployed for an execution that has ended: %q", got.errs)
	}
}

// foreign looks like a function of package replay.
type foreign struct{}

func (foreign) Codec() codec.Codec                             { return codec.JSON() }
func (foreign) Invoke(context.Context, []byte) ([]byte, error) { return []byte("{}"), nil }
