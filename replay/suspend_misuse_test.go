package replay_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// misuse is a handler that breaks a rule, and how its execution must end, whatever it makes of
// errors it sees.
type misuse struct {
	reason string
	run    func(ctx op.Context) error
	log    []checkpoint.Operation
	want   string
}

// whatToDo is how the message about each broken rule ends.
var whatToDo = map[string]string{
	"NestedOperation": "run it before or after, or make what it is in an op.Group and use the context that its function is given",
	"ConcurrentUse":   "start it with replay.Go, or declare it with op.Map or op.Parallel, on the goroutine that the context was given to",
	"ScopeEnded":      "run it before the function that was given the context returns",
	"GoroutineExited": "return an error instead of calling runtime.Goexit, which testing.T.FailNow does too",
}

func misuses() []misuse {
	pause := op.Wait("pause", time.Minute)
	noop := op.Do("charge", func(context.Context) error { return nil })
	concurrent := "FAILED ConcurrentUse: replay: a goroutine used the context of another: operation "
	nested := "FAILED NestedOperation: replay: an operation was run inside the body of another: operation "
	exited := "FAILED GoroutineExited: replay: user code ended its goroutine without returning: "
	handler := ", context of the handler"
	return []misuse{
		{
			reason: "goroutines of an error group, which would go on as if nothing had happened",
			run:    beside(func(ctx op.Context) { _ = replay.Exec(ctx, pause) }),
			want:   concurrent + `"pause"` + handler,
		},
		{
			reason: "a step on a goroutine of the user",
			run: func(ctx op.Context) error {
				done := make(chan error)
				go func() { done <- replay.Exec(ctx, noop) }()
				<-done
				return nil
			},
			want: concurrent + `"charge"` + handler,
		},
		{
			reason: "iter.Pull runs its sequence on a goroutine of its own",
			run: func(ctx op.Context) error {
				next, stop := iter.Pull(func(yield func(error) bool) { yield(replay.Exec(ctx, pause)) })
				defer stop()
				next()
				return nil
			},
			want: concurrent + `"pause"` + handler,
		},
		{
			reason: "a group that was started uses the context around it",
			run: func(ctx op.Context) error {
				done := make(chan error)
				replay.Go(ctx, op.Group("order", func(op.Context) (op.None, error) {
					err := replay.Exec(ctx, pause)
					done <- err
					return op.None{}, err
				}))
				return <-done
			},
			want: concurrent + `"pause"` + handler,
		},
		{
			reason: "a group uses the context around it",
			run: func(ctx op.Context) error {
				_ = replay.Exec(ctx, op.Group("order", func(op.Context) (op.None, error) { return replay.Run(ctx, noop) }))
				return nil
			},
			want: nested + `"charge"` + handler,
		},
		{
			reason: "the body of a step uses the context of the handler",
			run: func(ctx op.Context) error {
				_ = replay.Exec(ctx, op.Do("order", func(context.Context) error { _ = replay.Exec(ctx, noop); return nil }))
				return nil
			},
			want: nested + `"charge"` + handler,
		},
		{
			reason: "the body of a step in a group uses the context of the group",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
					return replay.Run(ctx, op.Do("outer", func(context.Context) error { return replay.Exec(ctx, noop) }))
				}))
			},
			want: nested + `"order/charge", context of "order"`,
		},
		{
			reason: "the context of a group that has ended",
			run: func(ctx op.Context) error {
				var kept op.Context
				if err := replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) { kept = ctx; return op.None{}, nil })); err != nil {
					return err
				}
				return replay.Exec(kept, noop)
			},
			want: `FAILED ScopeEnded: replay: the handler, group or branch of this context has ended: operation "order/charge", context of "order"`,
		},
		{
			reason: "a handler that ends its goroutine", run: func(op.Context) error { runtime.Goexit(); return nil },
			want: exited + `in the handler`,
		},
		{
			reason: "a body that ends its goroutine",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, op.Do("charge", func(context.Context) error { runtime.Goexit(); return nil }))
			},
			want: exited + `in "charge"`,
		},
		{
			reason: "a future body that ends its goroutine",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, replay.Go(ctx, op.Do("charge", func(context.Context) error { runtime.Goexit(); return nil })).Result())
			},
			want: exited + `in "charge"`,
		},
		{
			reason: "a group that ends its goroutine",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, op.Group("order", func(op.Context) (op.None, error) { runtime.Goexit(); return op.None{}, nil }))
			},
			want: exited + `in "order"`,
		},
		{
			reason: "a goroutine of the user waits for what an earlier invocation has begun",
			run:    beside(func(ctx op.Context) { _ = replay.Exec(ctx, pause) }),
			log:    []checkpoint.Operation{begunRecord(checkpoint.KindWait, "Wait", "pause")},
			want:   concurrent + `"pause"` + handler,
		},
		{
			reason: "a goroutine of the user waits for another function that an earlier invocation has called",
			run:    beside(func(ctx op.Context) { _ = replay.Exec(ctx, op.Invoke[string, string]("stock", "check", "in")) }),
			log:    []checkpoint.Operation{begunRecord(checkpoint.KindChainedInvoke, "ChainedInvoke", "stock")},
			want:   concurrent + `"stock"` + handler,
		},
	}
}

// beside runs f on a goroutine of the user's own.
func beside(f func(ctx op.Context)) func(ctx op.Context) error {
	return func(ctx op.Context) error {
		var group sync.WaitGroup
		group.Go(func() { f(ctx) })
		group.Wait()
		return nil
	}
}

// begunRecord is the record of an operation below the handler that the service has not finished.
func begunRecord(kind checkpoint.Kind, subType, name string) checkpoint.Operation {
	return checkpoint.Operation{
		ID: oplog.ID("", name, "", 0), Name: name, SubType: subType, Kind: kind,
		Status: checkpoint.StatusStarted, Start: dawn,
	}
}

func TestMisuseEndsTheExecutionWhateverUserCodeMakesOfIt(t *testing.T) {
	t.Parallel()
	for _, tt := range misuses() {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				_ = tt.run(ctx)
				return "swallowed", nil
			})
			want := tt.want + "; " + whatToDo[strings.TrimSuffix(strings.Fields(tt.want)[1], ":")]
			if got := once(t, f, &tape{}, tt.log...); got != want {
				t.Errorf("answer %s\nwant   %s", got, want)
			}
		})
	}
}

func TestForeignGoroutineGetsAnError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		run    func(ctx op.Context) error
		want   error
	}{
		{
			"a step", func(ctx op.Context) error {
				return replay.Exec(ctx, op.Do("charge", func(context.Context) error { return nil }))
			}, replay.ErrConcurrent,
		},
		{"a wait", func(ctx op.Context) error { return replay.Exec(ctx, op.Wait("pause", time.Second)) }, replay.ErrConcurrent},
		{
			"a group", func(ctx op.Context) error {
				return replay.Exec(ctx, op.Group("order", func(op.Context) (op.None, error) { return op.None{}, nil }))
			}, replay.ErrConcurrent,
		},
		{
			"a future", func(ctx op.Context) error {
				return replay.Exec(ctx, replay.Go(ctx, op.Wait("pause", time.Second)).Result())
			}, replay.ErrConcurrent,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var first, second error
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				var group sync.WaitGroup
				group.Go(func() {
					first = tt.run(ctx)
					second = tt.run(ctx)
				})
				group.Wait()
				return op.None{}, nil
			})
			client := &tape{}
			once(t, f, client)
			if !errors.Is(first, tt.want) || !errors.Is(second, replay.ErrEnded) {
				t.Errorf("the errors are %v and %v", first, second)
			}
			if diff := cmp.Diff([]string(nil), client.calls()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRangeOverASequenceRunsOperations(t *testing.T) {
	t.Parallel()
	days := func(yield func(string) bool) {
		for _, day := range []string{"mon", "tue", "wed"} {
			if !yield(day) {
				return
			}
		}
	}
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		var done []string
		for day := range days {
			if err := replay.Exec(ctx, op.Wait("pause", time.Hour).Key(day)); err != nil {
				return "", err
			}
			done = append(done, day)
		}
		return strings.Join(done, " "), nil
	}), "null")
	if end(e) != `SUCCEEDED "mon tue wed"` || e.Invocations() != 4 {
		t.Errorf("the execution ended as %s after %d invocations", end(e), e.Invocations())
	}
}
