package replay_test

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestWhatIsStartedCallsOnAGoroutineOfItsOwn calls functions that belong to an operation which was
// started by Go, while the scope that has started it runs the body of a step: what one goroutine is
// calling must not be taken for what the other does. Each row is wrong in its text without that,
// and a data race.
func TestWhatIsStartedCallsOnAGoroutineOfItsOwn(t *testing.T) {
	t.Parallel()
	one := []int{1}
	step := op.StepFunc("s", func(_ context.Context, i int) (int, error) { return i, nil })
	for _, row := range []struct {
		what   string
		begin  func(ctx op.Context, fn func())
		opts   func(fn func()) replay.HandlerOption
		blamed string
	}{
		{
			what: "the summary of a large result",
			begin: func(ctx op.Context, fn func()) {
				large := op.Group("g", func(op.Context) (string, error) { return strings.Repeat("x", 300<<10), nil })
				replay.Go(ctx, large.WithSummary(func(string) string { fn(); return "x" }))
			},
			blamed: `the summary of "g"`,
		},
		{
			what: "the builder, asked again when the batch is at its end",
			begin: func(ctx op.Context, fn func()) {
				asked := 0
				replay.Go(ctx, op.Map("m", one, func(i int) op.Op[int] {
					if asked++; asked > 1 {
						fn()
					}
					return step(i)
				}))
			},
			blamed: `the builder or key function of "m"`,
		},
		{
			what: "the summary of a large batch",
			begin: func(ctx op.Context, fn func()) {
				large := op.StepFunc("s", func(context.Context, int) (string, error) { return strings.Repeat("x", 200<<10), nil })
				m := op.Map("m", []int{1, 2}, large)
				replay.Go(ctx, m.WithSummary(func(op.Batch[string]) string { fn(); return "x" }))
			},
			blamed: `the summary of "m"`,
		},
		{
			what: "an interceptor that hears of a new step",
			begin: func(ctx op.Context, _ func()) {
				replay.Go(ctx, op.Group("g", func(in op.Context) (int, error) {
					if err := replay.Exec(in, op.Do("inner", func(context.Context) error { return nil })); err != nil {
						return 0, err
					}
					return 0, replay.Exec(in, op.Do("next", func(context.Context) error { return nil }))
				}))
			},
			opts: func(fn func()) replay.HandlerOption {
				return replay.WithInterceptors(replay.Interceptor{OperationStart: func(_ context.Context, o replay.OperationInfo) {
					if o.Name == "next" {
						fn()
					}
				}})
			},
			blamed: "an interceptor",
		},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			called := make(chan struct{})
			fn := func() {
				select {
				case <-called:
				default:
					close(called)
				}
				runtime.Goexit()
			}
			opts := []replay.HandlerOption{replay.WithLogHandler(slog.DiscardHandler)}
			if row.opts != nil {
				opts = append(opts, row.opts(fn))
			}
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				row.begin(ctx, fn)
				return "", replay.Exec(ctx, op.Do("beside", func(ctx context.Context) error {
					select {
					case <-called:
					case <-ctx.Done():
					}
					<-ctx.Done() // it is in the body all the while
					return nil
				}))
			}, opts...)
			got := say(f.Invoke(onTape(t, &tape{}), event(t)))
			if !strings.Contains(got, replay.ErrExited.Error()) || !strings.Contains(got, row.blamed) {
				t.Errorf("answer %.400s\nwant the text of ErrExited and %q", got, row.blamed)
			}
		})
	}
}
