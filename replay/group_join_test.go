package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestScopeJoinsWhatItStarted covers what becomes of futures when their scope returns.
func TestScopeJoinsWhatItStarted(t *testing.T) {
	t.Parallel()
	never := op.WithRetry(retry.Never())
	slow := op.Group("slow", func(ctx op.Context) (op.None, error) { return replay.Run(ctx, op.Wait("nap", time.Hour)) })
	declined := op.Do("declined", func(context.Context) error { return errDeclined }, never)
	tests := []struct {
		reason string
		run    func(ctx op.Context) error
		// want is the message of the scope's error, done how many waits were waited for.
		want string
		took time.Duration
	}{
		{
			reason: "a group that goes on is waited for",
			run:    func(ctx op.Context) error { replay.Go(ctx, slow); return nil }, took: time.Hour,
		},
		{
			reason: "a step between its attempts is waited for",
			run: func(ctx op.Context) error {
				replay.Go(ctx, op.Do("flaky", func(ctx context.Context) error {
					if info, _ := op.InfoFrom(ctx); info.Attempt == 1 {
						return errThrottled
					}
					return nil
				}, op.WithRetry(retry.Fixed(time.Minute))))
				return nil
			},
			took: time.Minute,
		},
		{
			reason: "a wait that is not awaited is left behind",
			run:    func(ctx op.Context) error { replay.Go(ctx, op.Wait("nap", time.Hour)); return nil },
		},
		{
			reason: "an error that was not asked for becomes the scope's",
			run:    func(ctx op.Context) error { replay.Go(ctx, declined); return nil }, want: "card declined",
		},
		{
			reason: "several",
			run: func(ctx op.Context) error {
				replay.Go(ctx, declined)
				replay.Go(ctx, op.Do("throttled", func(context.Context) error { return errThrottled }, never))
				return nil
			},
			want: "card declined\nthrottled",
		},
		{
			reason: "an error that was read and dropped is the scope's affair",
			run: func(ctx op.Context) error {
				_ = replay.Exec(ctx, replay.Go(ctx, declined).Result())
				return nil
			},
		},
		{
			reason: "an error that the operation takes for a success is none",
			run: func(ctx op.Context) error {
				replay.Go(ctx, declined.MapError(func(error) error { return nil }))
				return nil
			},
		},
		{
			reason: "an error that the operation replaces is the scope's",
			run: func(ctx op.Context) error {
				replay.Go(ctx, declined.MapError(func(error) error { return errThrottled }))
				return nil
			},
			want: "throttled",
		},
		{
			reason: "a result that the operation refuses is the scope's error",
			run: func(ctx op.Context) error {
				replay.Go(ctx, op.Transform(op.Step("pay", func(context.Context) (int, error) { return 1, nil }), func(int) (int, error) { return 0, errDeclined }))
				return nil
			},
			want: "card declined",
		},
		{
			reason: "so it is of a declared change",
			run: func(ctx op.Context) error {
				replay.Go(ctx, op.Added(declined.MapError(func(error) error { return nil }), op.None{}))
				return nil
			},
		},
		{
			reason: "an error leaves all behind",
			run: func(ctx op.Context) error {
				replay.Go(ctx, slow)
				replay.Go(ctx, op.Wait("nap", time.Hour))
				return errThrottled
			},
			want: "throttled",
		},
		{
			reason: "a panic leaves all behind",
			run:    func(ctx op.Context) error { replay.Go(ctx, slow); panic("no table") },
			want:   "panic: no table",
		},
		{
			reason: "a future that was declared wrong is an error that was not asked for",
			run:    func(ctx op.Context) error { replay.Go(ctx, op.Wait("nap", 0)); return nil },
			want:   `op: "nap": wait for 0s: a wait lasts at least one second; leave it out, or use a timer in a step`,
		},
		{
			reason: "unless it is asked for",
			run: func(ctx op.Context) error {
				_ = replay.Exec(ctx, replay.Go(ctx, op.Wait("nap", 0)).Result())
				return nil
			},
		},
	}
	for _, tt := range tests {
		for _, where := range []string{"handler", "group"} {
			t.Run(where+"/"+tt.reason, func(t *testing.T) {
				t.Parallel()
				h := newHome(t)
				e := h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					if where == "handler" {
						return op.None{}, tt.run(ctx)
					}
					return replay.Run(ctx, op.Group("order", func(ctx op.Context) (op.None, error) { return op.None{}, tt.run(ctx) }))
				}), "null")
				got := ""
				if f := e.Failure(); f != nil {
					got = f.Message
				}
				if got != tt.want {
					t.Errorf("the error is %q, want %q", got, tt.want)
				}
				if took := h.clock.Now().Sub(dawn); took != tt.took {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
			})
		}
	}
}

// TestUnreadErrorIsTheSameOnReplay: the order in which errors come must not depend on what the
// log holds already.
func TestUnreadErrorIsTheSameOnReplay(t *testing.T) {
	t.Parallel()
	never := op.WithRetry(retry.Never())
	var got []string
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		err := replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
			replay.Go(ctx, op.Do("first", func(context.Context) error { return errDeclined }, never))
			second := replay.Go(ctx, op.Do("second", func(context.Context) error { return errThrottled }, never))
			if err := replay.Exec(ctx, op.Wait("nap", time.Hour)); err != nil {
				return op.None{}, err
			}
			_ = replay.Exec(ctx, second.Result())
			return op.None{}, nil
		}))
		got = append(got, err.Error())
		return replay.Run(ctx, op.Wait("pause", time.Hour))
	}), "null")
	if diff := cmp.Diff([]string{"card declined", "card declined"}, got); diff != "" {
		t.Errorf("errors of the group (-want +got):\n%s\n%s", diff, end(e))
	}
}

func TestFutureMayBeAskedAnyNumberOfTimes(t *testing.T) {
	t.Parallel()
	runs := 0
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) ([]int, error) {
		f := replay.Go(ctx, op.Step("charge", func(context.Context) (int, error) { runs++; return 7, nil }))
		a, err := replay.Run(ctx, f.Result())
		b, err2 := replay.Run(ctx, op.Group("order", func(ctx op.Context) (int, error) { return replay.Run(ctx, f.Result()) }))
		c, err3 := replay.Run(ctx, f.Result())
		return []int{a, b, c}, errors.Join(err, err2, err3)
	}), "null")
	if end(e) != "SUCCEEDED [7,7,7]" || runs != 1 {
		t.Errorf("the execution ended as %s, the body ran %d times", end(e), runs)
	}
}

// TestFuturesRunBesideEachOther: bodies overlap, and share calls.
func TestFuturesRunBesideEachOther(t *testing.T) {
	t.Parallel()
	const n = 5
	all := make(chan struct{}, n)
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		var fs []*replay.Future[int]
		for i := range n {
			fs = append(fs, replay.Go(ctx, op.Step("work", func(context.Context) (int, error) {
				all <- struct{}{}
				for len(all) < n {
					runtime.Gosched()
				}
				return i, nil
			}).Key(fmt.Sprint("n", i))))
		}
		sum := 0
		for _, f := range fs {
			v, err := replay.Run(ctx, f.Result())
			if err != nil {
				return 0, err
			}
			sum += v
		}
		return sum, nil
	}), "null")
	if end(e) != "SUCCEEDED 10" {
		t.Errorf("the execution ended as %s", end(e))
	}
	if calls := len(callsOf(e)); calls > n+1 {
		t.Errorf("%d calls for %d steps", calls, n)
	}
}

// TestOnEnd covers when the functions of OnEnd run.
func TestOnEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		run    func(ctx op.Context, note func(string)) error
		want   []string
		end    string
	}{
		{
			reason: "in reverse order, with the error of the scope",
			run: func(ctx op.Context, note func(string)) error {
				for i := range 3 {
					replay.OnEnd(ctx, func(_ context.Context, err error) { note(fmt.Sprint(i, " ", err)) })
				}
				return errDeclined
			},
			want: []string{"2 card declined", "1 card declined", "0 card declined"}, end: "FAILED Error: card declined",
		},
		{
			reason: "after what the scope started has ended",
			run: func(ctx op.Context, note func(string)) error {
				replay.OnEnd(ctx, func(_ context.Context, err error) { note(fmt.Sprint("end ", err)) })
				replay.Go(ctx, op.Do("beside", func(context.Context) error { note("body"); return nil }))
				return nil
			},
			want: []string{"body", "end <nil>"}, end: "SUCCEEDED {}",
		},
		{
			reason: "not when the invocation suspends",
			run: func(ctx op.Context, note func(string)) error {
				note("invocation")
				replay.OnEnd(ctx, func(context.Context, error) { note("end") })
				return replay.Exec(ctx, op.Wait("pause", time.Hour))
			},
			want: []string{"invocation", "invocation", "end"}, end: "SUCCEEDED {}",
		},
		{
			reason: "a panic is contained",
			run: func(ctx op.Context, note func(string)) error {
				replay.OnEnd(ctx, func(context.Context, error) { note("second") })
				replay.OnEnd(ctx, func(context.Context, error) { panic("no table") })
				return nil
			},
			want: []string{"second"}, end: "SUCCEEDED {}",
		},
		{
			reason: "for a panic of the scope as well",
			run: func(ctx op.Context, note func(string)) error {
				replay.OnEnd(ctx, func(_ context.Context, err error) { note(err.Error()) })
				panic("no table")
			},
			want: []string{"panic: no table"}, end: "FAILED PanicError: panic: no table",
		},
		{
			reason: "one of a group runs when the group ends, and not again when it is replayed",
			run: func(ctx op.Context, note func(string)) error {
				replay.OnEnd(ctx, func(context.Context, error) { note("handler") })
				_ = replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
					replay.OnEnd(ctx, func(_ context.Context, err error) { note("group " + err.Error()) })
					return op.None{}, errDeclined
				}))
				note("after the group")
				return replay.Exec(ctx, op.Wait("pause", time.Hour))
			},
			want: []string{"group card declined", "after the group", "after the group", "handler"}, end: "SUCCEEDED {}",
		},
		{
			reason: "not when the execution diverged",
			run: func(ctx op.Context, note func(string)) error {
				note("invocation")
				replay.OnEnd(ctx, func(context.Context, error) { note("end") })
				if replay.Now(ctx).IsZero() {
					return nil
				}
				runtime.Goexit()
				return nil
			},
			want: []string{"invocation"}, end: "FAILED GoroutineExited: replay: user code ended its goroutine without returning: in the handler; " + whatToDo["GoroutineExited"],
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var notes []string
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				return op.None{}, tt.run(ctx, func(s string) { notes = append(notes, s) })
			}, replay.WithLogHandler(slog.DiscardHandler)), "null")
			if diff := cmp.Diff(tt.want, notes); diff != "" {
				t.Errorf("what ran (-want +got):\n%s", diff)
			}
			if end(e) != tt.end {
				t.Errorf("the execution ended as %s, want %s", end(e), tt.end)
			}
		})
	}
}

// TestOnEndRunsAtLeastOnce: if the invocation is lost before the result is recorded, it runs again.
func TestOnEndRunsAtLeastOnce(t *testing.T) {
	t.Parallel()
	ends := 0
	lost := false
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		replay.OnEnd(ctx, func(context.Context, error) { ends++ })
		return op.None{}, nil
	}), "null", local.WithFaults(local.Faults{Lose: func(p local.Point) bool {
		first := p.Moment == local.MomentAnswer && !lost
		lost = lost || first
		return first
	}}))
	if ends != 2 || end(e) != "SUCCEEDED {}" || e.Invocations() != 2 {
		t.Errorf("it ran %d times in %d invocations, the execution ended as %s", ends, e.Invocations(), end(e))
	}
}

// TestOnEndRunsNoOperations: its context is that of a body, and the scope is over.
func TestOnEndRunsNoOperations(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		replay.OnEnd(ctx, func(context.Context, error) {
			_ = replay.Exec(ctx, op.Do("late", func(context.Context) error { return nil }))
		})
		return op.None{}, nil
	}), "null")
	want := `FAILED ScopeEnded: replay: the handler, group or branch of this context has ended: operation "late", context of the handler; ` + whatToDo["ScopeEnded"]
	if end(e) != want || len(e.Operations()) != 1 {
		t.Errorf("the execution ended as %s with %d records", end(e), len(e.Operations()))
	}
}

// TestOnEndComesAfterRelaxedSteps: what it acts on must not be computed otherwise after a crash.
func TestOnEndComesAfterRelaxedSteps(t *testing.T) {
	t.Parallel()
	relaxed := op.Do("relaxed", func(context.Context) error { return nil }, op.WithSemantics(op.Relaxed))
	tests := []struct {
		reason string
		run    func(ctx op.Context, note func(ctx op.Context)) error
	}{
		{"of the handler", func(ctx op.Context, note func(ctx op.Context)) error {
			note(ctx)
			return replay.Exec(ctx, relaxed)
		}},
		{"of a handler that fails", func(ctx op.Context, note func(ctx op.Context)) error {
			note(ctx)
			return errors.Join(replay.Exec(ctx, relaxed), errDeclined)
		}},
		{"of a group, after a step outside", func(ctx op.Context, note func(ctx op.Context)) error {
			if err := replay.Exec(ctx, relaxed); err != nil {
				return err
			}
			return replay.Exec(ctx, op.Group("group", func(ctx op.Context) (op.None, error) {
				note(ctx)
				return op.None{}, nil
			}))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			c := &tape{}
			var durable []string
			once(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				return op.None{}, tt.run(ctx, func(ctx op.Context) {
					replay.OnEnd(ctx, func(context.Context, error) { durable = c.calls()[:c.accepted()] })
				})
			}), c)
			if !strings.Contains(strings.Join(durable, ", "), "SUCCEED relaxed") {
				t.Errorf("durable when the function runs: %q, in the end %q", durable, c.calls())
			}
		})
	}
}
