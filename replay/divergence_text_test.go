package replay_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// oneByOne declares steps in this order; a name that begins with w is a wait, one that begins with
// g a group.
func oneByOne(names ...string) func(op.Context, op.None) (string, error) {
	return func(ctx op.Context, _ op.None) (string, error) {
		for _, name := range names {
			var err error
			switch name[0] {
			case 'w':
				err = replay.Exec(ctx, op.Wait(name, time.Hour))
			case 'g':
				err = replay.Exec(ctx, op.Group(name, func(ctx op.Context) (op.None, error) {
					return op.None{}, replay.Exec(ctx, op.Wait("w", time.Hour))
				}))
			default:
				err = replay.Exec(ctx, op.Do(name, func(context.Context) error { return nil }))
			}
			if err != nil {
				return "", err
			}
		}
		return "", nil
	}
}

// redeployed runs one code until it waits, and goes on with another one to the end of the next
// invocation.
func redeployed(t *testing.T, before, after local.Handler) *local.Execution {
	t.Helper()
	h := newHome(t)
	e := h.begin(t, before, "null")
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.Host("order", after); err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(2 * time.Hour)
	if err := e.RunUntilSuspended(t.Context()); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	return e
}

// TestDivergenceNamesTheChange: the reason names what was changed, not what happens to come after
// it, and both sides stand in the order checkpointed, current.
func TestDivergenceNamesTheChange(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason        string
		before, after []string
		want          []string
	}{
		{
			"a step before a wait was removed, and the wait is not to blame",
			[]string{"a", "b", "w"},
			[]string{"a", "w"},
			[]string{`a recorded operation was removed: the code returned`, `checkpointed STEP Step "b"`, `, current code no further operation`},
		},
		{
			"the last operation was removed",
			[]string{"a", "w"},
			[]string{"a"},
			[]string{`a recorded operation was removed: the code returned`, `checkpointed WAIT Wait "w"`, `, current code no further operation`},
		},
		{
			"an added operation, or a removed one before it: both are named",
			[]string{"a", "b", "w"},
			[]string{"a", "x", "b", "w"},
			[]string{`an operation was inserted, renamed or moved`, `or one of those was removed`, `checkpointed STEP Step "b"`, `, current code STEP Step at "x"`},
		},
		{
			"another kind",
			[]string{"a", "w"},
			[]string{"a", "b"},
			[]string{`or one of those was removed`, `checkpointed WAIT Wait "w"`, `, current code STEP Step at "b"`},
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			e := redeployed(t, replay.Handler(oneByOne(tt.before...)), replay.Handler(oneByOne(tt.after...)))
			f := e.Failure()
			if f == nil || f.Type != "NonDeterministicExecutionError" {
				t.Fatalf("ended as %s", end(e))
			}
			for _, want := range tt.want {
				if !strings.Contains(f.Message, want) {
					t.Errorf("want %q in %s", want, f.Message)
				}
			}
			if strings.Index(f.Message, "checkpointed STEP") > strings.Index(f.Message, "current code") {
				t.Errorf("the checkpointed operation stands after the current one: %s", f.Message)
			}
		})
	}
}

// TestDivergenceSaysWhatToDo: the advice is possible: an execution that has failed is not advised
// to go on, one that is held is, and both ask whether the handler is deterministic.
func TestDivergenceSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason    string
		opts      []replay.HandlerOption
		want, not string
	}{
		{"failing", nil, "this execution has failed", "goes on"},
		{"holding", []replay.HandlerOption{replay.WithDivergence(replay.DivergenceHold)}, "the execution is held, and goes on", "has failed"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var said string
			opts := append(slices.Clone(tt.opts), replay.WithInterceptors(replay.Interceptor{
				InvocationEnd: func(_ context.Context, _ replay.InvocationInfo, end replay.InvocationEnd) {
					if end.Err != nil {
						said = end.Err.Error()
					}
				},
			}))
			h := newHome(t)
			e := h.begin(t, replay.Handler(oneByOne("a", "w")), "null")
			if err := e.RunUntilSuspended(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := h.Host("order", replay.Handler(oneByOne("w"), opts...)); err != nil {
				t.Fatal(err)
			}
			h.clock.Advance(time.Hour)
			_ = e.RunUntilSuspended(t.Context()) // a held one is invoked again
			for _, want := range []string{tt.want, "if no other code was deployed, the handler is not deterministic"} {
				if !strings.Contains(said, want) {
					t.Errorf("want %q in %q", want, said)
				}
			}
			if strings.Contains(said, tt.not) {
				t.Errorf("%q is said of an execution that is %s: %q", tt.not, tt.reason, said)
			}
		})
	}
}
