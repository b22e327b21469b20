package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func TestRetryAttemptsWholeOperations(t *testing.T) {
	t.Parallel()
	type fails func(ctx op.Context) error
	tests := []struct {
		reason string
		op     func(f fails) op.Op[string]
	}{
		{"a group", func(f fails) op.Op[string] {
			return op.Group("both", func(ctx op.Context) (string, error) { return "done", f(ctx) })
		}},
		{"a map", func(f fails) op.Op[string] {
			each := op.GroupFunc("each", func(ctx op.Context, _ int) (string, error) { return "done", f(ctx) })
			return op.Transform(op.Map("all", []int{1}, each), func(b op.Batch[string]) (string, error) { return b.Values()[0], nil })
		}},
		{"a race", func(f fails) op.Op[string] {
			return op.Race("first", op.Group("one", func(ctx op.Context) (string, error) { return "done", f(ctx) }))
		}},
	}
	for _, tt := range tests {
		for _, failures := range []int{0, 2, 3} {
			t.Run(fmt.Sprint(tt.reason, " that fails ", failures, " times"), func(t *testing.T) {
				t.Parallel()
				var n notes
				calls := 0
				drive(t, twice(&n, func(ctx op.Context) (string, error) {
					v, err := replay.Run(ctx, op.Retry("again", tt.op(func(ctx op.Context) error {
						return replay.Exec(ctx, op.Do("call", func(context.Context) error {
							if calls++; calls <= failures {
								return errDenied
							}
							return nil
						}, op.WithRetry(retry.Never())))
					}), retry.Fixed(time.Minute, retry.MaxAttempts(3))))
					if errors.Is(err, errDenied) {
						return "", errDenied
					}
					return v, err
				}), "null")
				want := `"done"`
				if failures == 3 {
					want = "denied | is denied"
				}
				if got := n.same(t, 3); got != want || calls != min(failures+1, 3) {
					t.Errorf("got %s after %d calls, want %s", got, calls, want)
				}
			})
		}
	}
}

func TestRetryOfAGroupInTheHistory(t *testing.T) {
	t.Parallel()
	runs := 0
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Retry("again", op.Group("both", func(ctx op.Context) (string, error) {
			return replay.Run(ctx, op.Step("call", func(context.Context) (string, error) {
				if runs++; runs < 3 {
					return "", errDenied
				}
				return "done", nil
			}, op.WithRetry(retry.Never())))
		}), retry.Fixed(time.Minute)))
	}), "null")
	want := []string{"again", "both[1]", "call", "again-backoff[1]", "both[2]", "call", "again-backoff[2]", "both[3]", "call"}
	if diff := cmp.Diff(want, names(e)); diff != "" || end(e) != `SUCCEEDED "done"` {
		t.Errorf("ended as %s, records (-want +got):\n%s", end(e), diff)
	}
}

func TestCancelOfAWait(t *testing.T) {
	t.Parallel()
	var n notes
	h := newHome(t)
	e := h.drive(t, twice(&n, func(ctx op.Context) (op.None, error) {
		f := replay.Go(ctx, op.Wait("timer", 24*time.Hour))
		if err := replay.Exec(ctx, op.Do("work", func(context.Context) error { return nil })); err != nil {
			return op.None{}, err
		}
		if err := replay.Cancel(ctx, f); err != nil {
			return op.None{}, err
		}
		return replay.Run(ctx, f.Result())
	}), "null")
	want := "the operation ended as CANCELLED | WAIT | CANCELLED | timer | is stopped"
	if diff := cmp.Diff(want, n.same(t, 3)); diff != "" || e.Status() != local.StatusSucceeded {
		t.Errorf("ended as %s (-want +got):\n%s", end(e), diff)
	}
	if now := h.clock.Now(); now.Sub(dawn) > time.Minute {
		t.Errorf("the execution took %v", now.Sub(dawn))
	}
}

func TestCancelLosesTheRaceWithTheTimer(t *testing.T) {
	t.Parallel()
	var n notes
	h := newHome(t)
	h.drive(t, twice(&n, func(ctx op.Context) (op.None, error) {
		f := replay.Go(ctx, op.Wait("timer", time.Minute))
		if err := replay.Exec(ctx, op.Do("first", func(context.Context) error { return nil })); err != nil {
			return op.None{}, err
		}
		if err := replay.Exec(ctx, op.Do("work", func(context.Context) error { h.clock.Advance(time.Minute); return nil })); err != nil {
			return op.None{}, err
		}
		if err := replay.Cancel(ctx, f); err != nil {
			return op.None{}, err
		}
		return replay.Run(ctx, f.Result())
	}), "null")
	if got := n.same(t, 3); got != "op.None{}" {
		t.Errorf("got %s, want the end of the wait", got)
	}
}

func TestInvokeOutcomes(t *testing.T) {
	t.Parallel()
	type in struct{ N int }
	double := replay.Handler(func(ctx op.Context, i in) (int, error) {
		if i.N < 0 {
			return 0, errDenied
		}
		return 2 * i.N, replay.Exec(ctx, op.Wait("pause", time.Minute))
	}, replay.WithErrors(codec.Sentinel("Denied", errDenied)))
	tests := []struct {
		reason string
		op     op.Op[int]
		want   string
	}{
		{"a durable function", op.Invoke[int]("double", "double:1", in{21}), "42"},
		{"one that calls another", op.Invoke[int]("chain", "chain", in{4}), "16"},
		{"a plain function", op.Invoke[int]("plain", "plain", in{3}), "7"},
		{"a failure keeps its identity", op.Invoke[int]("double", "double:1", in{-1}), "denied | CHAINED_INVOKE | Denied | double | is denied"},
		{"a result that does not fit can be handled", op.Invoke[int]("text", "text", in{}), `codec: decode result of "text": json: cannot unmarshal string into Go value of type int | codec error`},
		{"a timeout", op.Invoke[int]("slow", "slow", in{}), "Execution timed out | CHAINED_INVOKE | Execution.Timeout | slow | is timed out"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			plain := func(text string) local.Handler {
				return local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte(text), nil })
			}
			must(t, h.Host("double", double))
			must(t, h.Host("chain", replay.Handler(func(ctx op.Context, i in) (int, error) {
				half, err := replay.Run(ctx, op.Invoke[int]("half", "double", in{i.N}))
				return 2 * half, err
			})))
			must(t, h.Host("plain", plain("7"), local.WithPlainFunction()))
			must(t, h.Host("text", plain(`"seven"`), local.WithPlainFunction()))
			must(t, h.Host("slow", replay.Handler(func(ctx op.Context, _ in) (int, error) {
				return 0, replay.Exec(ctx, op.Wait("long", time.Hour))
			}), local.WithExecutionTimeout(time.Minute)))
			var n notes
			e := h.drive(t, twice(&n, func(ctx op.Context) (int, error) { return replay.Run(ctx, tt.op) }), "null")
			if diff := cmp.Diff(tt.want, n.same(t, 3)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", end(e), diff)
			}
		})
	}
}

func TestInvokeSendsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	client := &tape{}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Invoke[int]("call", "other:prod", (*int)(nil), op.WithTenant("blue")))
	})
	if got := once(t, f, client); got != "PENDING" {
		t.Fatalf("answer %s", got)
	}
	u := client.update(t, checkpoint.ActionStart, "call")
	if u.Function != "other:prod" || u.Tenant != "blue" || u.Payload.String() != "null" {
		t.Errorf("START has function %q, tenant %q, payload %q", u.Function, u.Tenant, u.Payload.String())
	}
}

func TestInputThatCannotBeEncodedIsAnErrorOfTheInvoke(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		return "went on", replay.Exec(ctx, op.Invoke[int]("call", "other", func() {}))
	}), "null")
	if got := end(e); !strings.HasPrefix(got, "FAILED UnsupportedTypeError: replay: invoke \"call\": codec: encode input") || len(names(e)) != 0 {
		t.Errorf("ended as %s with %v", got, names(e))
	}
}

// TestInvalidDeclarationsLeaveNoRecord: a clear error before any checkpoint.
func TestInvalidDeclarationsLeaveNoRecord(t *testing.T) {
	t.Parallel()
	ok := func(context.Context, string) error { return nil }
	step := op.Do("step", func(context.Context) error { return nil })
	undo := func(context.Context, op.None) error { return nil }
	cb := op.CreateCallback[string]("cb")
	tests := []struct {
		reason string
		op     op.Operation
		want   string
	}{
		{"no submitter", op.WaitForCallback[string]("x", nil), "nil function"},
		{"negative timeout", op.CreateCallback[string]("x", op.WithTimeout(-1)), "not negative"},
		{"negative heartbeat", op.CreateCallback[string]("x", op.WithHeartbeatTimeout(-1)), "not negative"},
		{"negative timeout of the submitter", op.WaitForCallback[string]("x", ok, op.WithSubmit(op.WithTimeout(-1))), "not negative"},
		{"no function", op.Invoke[int]("x", "", 1), "without a function"},
		{"bad tenant", op.Invoke[int]("x", "f", 1, op.WithTenant("a*b")), "WithTenant"},
		{"no check", op.WaitForCondition[int]("x", 1, nil), "nil function"},
		{"no policy", op.WaitForCondition("x", 1, func(context.Context, int) (int, bool, error) { return 0, true, nil }, op.WithPolling(nil)), "WithPolling: retry: invalid policy: it is nil"},
		{"nil transform", op.Transform[op.None, int](step, nil), "nil function"},
		{"nil undo", step.Undo(nil), "nil function"},
		{"bad option of an undo", step.Undo(undo, op.WithTimeout(-1)), "not negative"},
		{"name too long for an undo", op.Do(strings.Repeat("n", 252), func(context.Context) error { return nil }).Undo(undo), "bytes"},
		{"retry without a policy", op.Retry("x", step, nil), "op.Retry: retry: invalid policy: it is nil"},
		{"retry of a callback", op.Retry("x", cb, retry.Default()), "end only once"},
		{"negative time limit", op.Timeout("x", step, -time.Second), "at least one second"},
		{"zero op", op.Retry("x", op.Op[int]{}, retry.Default()), "zero Op"},
		{"nil MapError", step.MapError(nil), "nil function"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if err := op.Validate(tt.op); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want something about %q", err, tt.want)
			}
		})
	}
}
