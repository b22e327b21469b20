package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// program is a handler that survives every interruption.
type program struct {
	run  func(op.Context, int) (string, error)
	opts []replaytest.ExploreOption
	set  []replay.HandlerOption
	// want is how an execution ends that nothing interrupts, with the input 0; empty
	// if no one looks.
	want string
}

// plain are the options that go with an execution that nothing interrupts.
func (p program) plain() []replaytest.Option {
	var opts []replaytest.Option
	for _, o := range p.opts {
		if o, ok := o.(replaytest.Option); ok {
			opts = append(opts, o)
		}
	}
	return opts
}

// The operations that the programs are made of.
var (
	add = op.StepFunc("add", func(ctx context.Context, n int) (int, error) {
		replaytest.Crash(ctx)
		return n + 1, nil
	})
	flaky = op.StepFunc("flaky", func(ctx context.Context, n int) (int, error) {
		return n, failsBefore(ctx, 3)
	}, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9))))
	once = op.StepFunc("once", func(_ context.Context, n int) (int, error) { return n, nil }, op.WithSemantics(op.AtMostOncePerRetry),
		op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9))))
	onceFlaky = op.StepFunc("once-flaky", func(ctx context.Context, n int) (int, error) {
		return n, failsBefore(ctx, 2)
	}, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9))))
	// stubborn succeeds at the fourth attempt.
	stubborn = op.StepFunc("stubborn", func(ctx context.Context, n int) (int, error) {
		return n, failsBefore(ctx, 4)
	}, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9))))
	relaxed = op.StepFunc("relaxed", func(_ context.Context, n int) (int, error) { return n + 1, nil }, op.WithSemantics(op.Relaxed))
	// slow takes three seconds of the service's time, in which timers fire and the function polls.
	slow = op.StepFunc("slow", func(ctx context.Context, n int) (int, error) {
		if c, ok := checkpoint.ClockFrom(ctx).(*local.VirtualClock); ok {
			c.Advance(3 * time.Second)
		}
		return n, nil
	})
	large = op.StepFunc("large", func(_ context.Context, n int) (string, error) { return strings.Repeat("x", n*150_000), nil })
	// napping is a group that suspends between its two steps.
	napping = op.GroupFunc("napping", func(ctx op.Context, n int) (int, error) {
		v, err := replay.Run(ctx, add(n))
		if err != nil {
			return 0, err
		}
		if err := replay.Exec(ctx, op.Wait("nap", time.Duration(n)*time.Minute)); err != nil {
			return 0, err
		}
		return replay.Run(ctx, add(v).Key("again"))
	})
)

func failsBefore(ctx context.Context, attempt int) error {
	if info, _ := op.InfoFrom(ctx); info.Attempt < attempt {
		return fmt.Errorf("attempt %d", info.Attempt)
	}
	return nil
}

func text(v any, err error) (string, error) { return fmt.Sprint(v), err }

// lengths distinguishes large results without showing them.
func lengths(vs []string, err error) (string, error) {
	n := make([]int, len(vs))
	for i, v := range vs {
		n[i] = len(v)
	}
	return text(n, err)
}

// A step that is given what the handler has computed: if a replay computes something else,
// that is seen.
var told = op.DoFunc("told", func(context.Context, string) error { return nil })

// hours distinguishes times that no interruption changes.
func hours(d time.Duration) int { return int(d.Round(time.Hour) / time.Hour) }

func pause(ctx op.Context) error { return replay.Exec(ctx, op.Wait("pause", time.Hour)) }

// corpus are programs of all operations.
func corpus() map[string]program {
	all := make(map[string]program)
	for _, part := range []map[string]func(op.Context, int) (string, error){sequences(), branches(), races(), futures(), largeResults(), sagas()} {
		for name, run := range part {
			all[name] = program{run: run}
		}
	}
	all["callback"] = program{run: opened, opts: []replaytest.ExploreOption{replaytest.CallbackResult("answer", 7)}}
	all["asked, and refused"] = program{run: asked, opts: []replaytest.ExploreOption{
		replaytest.CallbackResult("both[first]/first", 1), replaytest.CallbackFailure("both[second]/second", "Refused", "no"),
	}}
	all["invoke chain"] = program{run: invoking, opts: []replaytest.ExploreOption{
		replaytest.Host("double", double()), replaytest.Host("quadruple", quadruple()),
	}}
	all["an invoke beside a step"] = program{run: besideAnInvoke, opts: []replaytest.ExploreOption{replaytest.Host("double", double())}}
	all["a copy for other code"] = otherCode()
	maps.Copy(all, rules())
	maps.Copy(all, starting())
	for name, run := range bookings() {
		all[name] = program{run: run}
	}
	return all
}

// double and quadruple are functions that programs invoke.
func double() *replay.Function[int, int] {
	return replay.Handler(func(ctx op.Context, n int) (int, error) {
		if err := pause(ctx); err != nil {
			return 0, err
		}
		return replay.Run(ctx, add(2*n))
	})
}

func quadruple() *replay.Function[int, int] {
	return replay.Handler(func(ctx op.Context, n int) (int, error) {
		return replay.Run(ctx, op.Invoke[int]("double", "double", 2*n))
	})
}

func opened(ctx op.Context, n int) (string, error) {
	c, err := replay.Run(ctx, op.CreateCallback[int]("answer", op.WithTimeout(24*time.Hour)))
	if err != nil {
		return "", err
	}
	if err := replay.Exec(ctx, told(c.ID)); err != nil {
		return "", err
	}
	f := replay.Go(ctx, napping(1))
	m, err := replay.Run(ctx, c.Result())
	if err != nil {
		return "", err
	}
	k, err := replay.Run(ctx, f.Result())
	return text(n+m+k, err)
}

func asked(ctx op.Context, _ int) (string, error) {
	ask := func(name string) op.Op[int] {
		return op.WaitForCallback[int](name, func(_ context.Context, id string) error {
			if id == "" {
				return errors.New("there is nothing to answer to")
			}
			return nil
		}, op.WithTimeout(24*time.Hour), op.WithSubmit(op.WithRetry(retry.Never())))
	}
	b, err := replay.Run(ctx, op.AllSettled("both", ask("first"), ask("second")))
	return text(fmt.Sprint(b.Values(), b.Err()), err)
}

func invoking(ctx op.Context, n int) (string, error) {
	v, err := replay.Run(ctx, op.Join2("both",
		op.Invoke[int]("twice", "double", n), op.Invoke[int]("four-times", "quadruple", n)))
	return text(v.A*100+v.B, err)
}
