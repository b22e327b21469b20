package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TransientError is an error that goes away by itself.
type TransientError struct {
	Attempt int
}

func (e *TransientError) Error() string { return fmt.Sprintf("attempt %d: not available", e.Attempt) }

var errRefused = errors.New("refused")

// flaky returns a body that fails until its attempt succeedsAt, and then returns v.
func flaky[T any](succeedsAt int, v T) func(context.Context) (T, error) {
	return func(ctx context.Context) (T, error) {
		if info, _ := op.InfoFrom(ctx); info.Attempt < succeedsAt {
			var zero T
			return zero, &TransientError{Attempt: info.Attempt}
		}
		return v, nil
	}
}

// refuse is a body that fails always.
func refuse(context.Context) (string, error) { return "", errRefused }

// give returns a body that returns v.
func give[T any](v T) func(context.Context) (T, error) {
	return func(context.Context) (T, error) { return v, nil }
}

func greet(ctx op.Context, name string) (string, error) {
	return replay.Run(ctx, op.Step("custom_step_name", give("Hello, "+name+"!")))
}

func catchThenWait(ctx op.Context, _ op.None) (string, error) {
	caught := "nothing"
	_, err := replay.Run(ctx, op.Step("refuse", refuse, op.WithRetry(retry.Never())))
	if err != nil {
		caught = err.Error()
	}
	return caught, replay.Exec(ctx, op.Wait("pause", time.Second))
}

func retryOnce(ctx op.Context, _ op.None) (string, error) {
	return replay.Run(ctx, op.Step("unreliable", flaky(2, "Operation succeeded"),
		op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(3)))))
}

func exhaustRetries(ctx op.Context, _ op.None) (string, error) {
	return replay.Run(ctx, op.Step("refuse", refuse,
		op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(4)))))
}

func retryByDefault(ctx op.Context, _ op.None) (string, error) {
	return replay.Run(ctx, op.Step("unreliable", flaky(3, "done")))
}

func retryWithBackoff(ctx op.Context, _ op.None) (string, error) {
	return replay.Run(ctx, op.Step("unreliable", flaky(3, "done"), op.WithRetry(retry.Exponential(
		retry.MaxAttempts(5), retry.InitialDelay(2*time.Second), retry.Rate(3), retry.NoJitter()))))
}

func retryTransient(ctx op.Context, _ op.None) (string, error) {
	return replay.Run(ctx, op.Step("unreliable", flaky(2, "done"), op.WithRetry(retry.Fixed(time.Second,
		retry.MaxAttempts(3), retry.OnType[*TransientError]()))))
}

func giveUpOnTransient(ctx op.Context, _ op.None) (string, error) {
	return replay.Run(ctx, op.Step("unreliable", flaky(2, "done"), op.WithRetry(retry.Fixed(time.Second,
		retry.MaxAttempts(3), retry.Unless(retry.OnType[*TransientError]())))))
}

func (w World) crashAtMostOnce(ctx op.Context, in string) (op.None, error) {
	return replay.Run(ctx, op.Do("at_most_once_flaky_step", func(ctx context.Context) error {
		op.LoggerFrom(ctx).Info(in) //nolint:sloglint // the input is looked for in the message
		w.Sleep(ctx, time.Second)
		w.Exit(ctx)
		return nil
	}, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never())))
}

func (w World) crashThenRetry(ctx op.Context, in string) (string, error) {
	return replay.Run(ctx, op.Step("flaky", func(ctx context.Context) (string, error) {
		op.LoggerFrom(ctx).Info(in) //nolint:sloglint // the input is looked for in the message
		if info, _ := op.InfoFrom(ctx); info.Attempt == 1 {
			w.Sleep(ctx, time.Second)
			w.Exit(ctx)
		}
		return "succeeded on second attempt", nil
	}, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(2)))))
}

func fallBack(ctx op.Context, _ op.None) (string, error) {
	value, err := replay.Run(ctx, op.Step("refuse", refuse, op.WithRetry(retry.Never())))
	if err != nil {
		value = "fallback_result"
	}
	return replay.Run(ctx, op.Step("use", give(value)))
}
