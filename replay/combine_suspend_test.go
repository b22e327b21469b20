package replay_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Suspending is no failure of an operand, and what has a result does not run again.
func TestCombinatorsSuspendWithTheirOperands(t *testing.T) {
	t.Parallel()
	late := func(name string, d time.Duration) op.Op[string] {
		return op.Transform(op.Wait(name, d), func(op.None) (string, error) { return name, nil })
	}
	tests := []struct {
		reason string
		run    func(ctx op.Context, step op.Op[string]) (any, error)
		want   string
	}{
		{"all", func(ctx op.Context, step op.Op[string]) (any, error) {
			return replay.Run(ctx, op.All("c", late("two", 2*time.Hour), step, late("one", time.Hour)))
		}, "[two ran one] <nil>, 3 invocations"},
		{"race", func(ctx op.Context, _ op.Op[string]) (any, error) {
			return replay.Run(ctx, op.Race("c", late("two", 2*time.Hour), late("one", time.Hour)))
		}, "one <nil>, 2 invocations"},
		{"any", func(ctx op.Context, _ op.Op[string]) (any, error) {
			return replay.Run(ctx, op.Any("c", failingStep("bad"), late("two", 2*time.Hour), late("one", time.Hour)))
		}, "one <nil>, 2 invocations"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			bodies := 0
			step := op.Step("step", func(context.Context) (string, error) { bodies++; return "ran", nil })
			var got []string
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				v, err := tt.run(ctx, step)
				got = append(got, fmt.Sprint(v, " ", err))
				return op.None{}, nil
			}), "null")
			text := fmt.Sprintf("%s, %d invocations", got[0], e.Invocations())
			if diff := cmp.Diff(tt.want, text); diff != "" || len(got) != 1 || bodies > 1 {
				t.Errorf("%d results, %d bodies (-want +got):\n%s", len(got), bodies, diff)
			}
		})
	}
}

// A branch that waits and one that runs do not race for the end of the invocation.
func TestRunningBranchHoldsUpTheSuspensionOfOthers(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	e := h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.All("c", slow("pause"), op.Step("long", func(context.Context) (string, error) {
			h.Advance(time.Minute)
			return "", nil
		})))
	}), "null")
	got := history(e)
	if slices.Index(got, "StepSucceeded long") > slices.Index(got, "InvocationCompleted") || e.Invocations() != 2 || end(e) != "SUCCEEDED {}" {
		t.Errorf("ended as %s\n%s", end(e), strings.Join(got, "\n"))
	}
}

// The functions that branches invoke really run.
func TestInvokesInBranches(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	double := replay.Handler(func(ctx op.Context, n int) (int, error) {
		return 2 * n, replay.Exec(ctx, op.Wait("think", time.Duration(n)*time.Minute))
	})
	if err := h.Host("double", double); err != nil {
		t.Fatal(err)
	}
	e := h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) ([]int, error) {
		b, err := replay.Run(ctx, op.Map("ask", []int{3, 1, 2}, func(n int) op.Op[int] { return op.Invoke[int]("double", "double:1", n) }))
		return b.Values(), err
	}), "null")
	if want := "SUCCEEDED [6,2,4]"; end(e) != want {
		t.Errorf("ended as %s, want %s", end(e), want)
	}
}
