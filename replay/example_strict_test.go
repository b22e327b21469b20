package replay_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// showDeploy begins an execution with one function and ends it with another, as a deploy does.
func showDeploy(old, changed local.Handler, input string) {
	clock := local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))
	invocations := 0
	service := local.New(local.WithClock(clock))
	defer service.Close()
	out, err := service.Run(context.Background(), handlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		if invocations++; invocations == 1 {
			return old.Invoke(ctx, event)
		}
		return changed.Invoke(ctx, event)
	}), []byte(input))
	if failed, ok := errors.AsType[*local.ExecutionError](err); ok {
		fmt.Println(failed.Failure.Type)
		return
	}
	fmt.Println(string(out), err)
}

type handlerFunc func(ctx context.Context, event []byte) ([]byte, error)

func (f handlerFunc) Invoke(ctx context.Context, event []byte) ([]byte, error) { return f(ctx, event) }

// paying is a handler that has charged an amount before it waits.
func paying[T any](opts ...replay.HandlerOption) local.Handler {
	return replay.Handler(func(ctx op.Context, _ op.None) (T, error) {
		v, err := replay.Run(ctx, op.Step("charge", func(context.Context) (T, error) {
			v, _ := any(formerPayment{Amount: 250}).(T)
			return v, nil
		}))
		if err != nil {
			return v, err
		}
		_, err = replay.Run(ctx, op.Wait("cool-off", time.Hour))
		return v, err
	}, opts...)
}

type (
	formerPayment struct {
		Amount int `json:"amount"`
	}
	payment struct {
		Total int `json:"total"`
	}
)

func ExampleWithStrictRecords() {
	showDeploy(paying[formerPayment](), paying[payment](), `null`)
	showDeploy(paying[formerPayment](), paying[payment](replay.WithStrictRecords()), `null`)
	// Output:
	// {"total":0} <nil>
	// NonDeterministicExecutionError
}

func ExampleWithOldInput() {
	wait := func(ctx op.Context) error { return replay.Exec(ctx, op.Wait("cool-off", time.Hour)) }
	old := replay.Handler(func(ctx op.Context, in formerPayment) (int, error) { return in.Amount, wait(ctx) })
	showDeploy(old, replay.Handler(func(ctx op.Context, in payment) (int, error) { return in.Total, wait(ctx) }), `{"amount":250}`)
	showDeploy(old, replay.Handler(func(ctx op.Context, in payment) (int, error) { return in.Total, wait(ctx) },
		replay.WithOldInput(func(in formerPayment) (payment, error) { return payment{Total: in.Amount}, nil })), `{"amount":250}`)
	// Output:
	// 0 <nil>
	// 250 <nil>
}
