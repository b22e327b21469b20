package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// run returns the body of a group that runs one operation.
func run[T any](o op.Op[T]) func(op.Context) (T, error) {
	return func(ctx op.Context) (T, error) { return replay.Run(ctx, o) }
}

// stepAndWait is the body of a group that runs a step and then waits.
func stepAndWait(in string) func(op.Context) (string, error) {
	return func(ctx op.Context) (string, error) {
		out, err := replay.Run(ctx, op.Step("work", give(in)))
		if err != nil {
			return "", err
		}
		return out, replay.Exec(ctx, op.Wait("pause", time.Second))
	}
}

func group(ctx op.Context, in string) (string, error) {
	return replay.Run(ctx, op.Group("child", run(op.Step("work", give(in)))))
}

// Named is an input that brings a name along.
type Named struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func groupNamedByInput(ctx op.Context, in Named) (string, error) {
	return replay.Run(ctx, op.Group(in.Name, run(op.Step("work", give(in.Value)))))
}

func groupOfTwoSteps(ctx op.Context, in string) (string, error) {
	return replay.Run(ctx, op.Group("child", func(ctx op.Context) (string, error) {
		first, err := replay.Run(ctx, op.Step("first", give(in)))
		if err != nil {
			return "", err
		}
		return replay.Run(ctx, op.Step("second", give(first)))
	}))
}

func groupFails(ctx op.Context, _ op.None) (string, error) {
	return replay.Run(ctx, op.Group("child", run(op.Step("refuse", refuse, op.WithRetry(retry.Never())))))
}

func groupFailsCaught(ctx op.Context, in string) (string, error) {
	out, err := replay.Run(ctx, op.Group("child", run(op.Step("refuse", refuse, op.WithRetry(retry.Never())))))
	if err != nil {
		return replay.Run(ctx, op.Step("recover", give(in)))
	}
	return out, nil
}

func groupRetries(ctx op.Context, in string) (string, error) {
	return replay.Run(ctx, op.Group("child", run(op.Step("unreliable", flaky(2, in),
		op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(3)))))))
}

func groupExhaustsRetries(ctx op.Context, _ op.None) (string, error) {
	return replay.Run(ctx, op.Group("child", run(op.Step("refuse", refuse,
		op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(2)))))))
}

func groupThenWait(ctx op.Context, in string) (string, error) {
	out, err := replay.Run(ctx, op.Group("child", run(op.Step("work", give(in)))))
	if err != nil {
		return "", err
	}
	return out, replay.Exec(ctx, op.Wait("pause", time.Second))
}

func groupWithWait(ctx op.Context, in string) (string, error) {
	return replay.Run(ctx, op.Group("child", stepAndWait(in)))
}

func (w World) groupCrashes(ctx op.Context, in string) (string, error) {
	return replay.Run(ctx, op.Group("child", run(op.Step("work", func(ctx context.Context) (string, error) {
		if info, _ := op.InfoFrom(ctx); w.Count(info.IdempotencyKey) == 1 {
			w.Sleep(ctx, time.Second)
			w.Exit(ctx)
		}
		return in, nil
	}, op.WithRetry(retry.Never())))))
}

func groupThenStep(ctx op.Context, in string) (string, error) {
	out, err := replay.Run(ctx, op.Group("child", func(ctx op.Context) (string, error) {
		return in, replay.Exec(ctx, op.Wait("pause", time.Second))
	}))
	if err != nil {
		return "", err
	}
	return replay.Run(ctx, op.Step("work", give(out)))
}

func groupReturnsError(ctx op.Context, _ op.None) (string, error) {
	return replay.Run(ctx, op.Group("child", func(op.Context) (string, error) {
		return "", errors.New("the child fails by itself")
	}))
}

func groupReturnsNil(ctx op.Context, _ op.None) (*string, error) {
	return replay.Run(ctx, op.Group("child", func(op.Context) (*string, error) { return nil, nil }))
}

func groupThenStepAndWait(ctx op.Context, in string) (string, error) {
	inner, err := replay.Run(ctx, op.Group("child", stepAndWait(in)))
	if err != nil {
		return "", err
	}
	return stepAndWait(inner)(ctx)
}
