package op_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// show runs a handler on a local service whose clock passes waits at once, and prints its result,
// or why it failed.
func show[Out any](handler func(op.Context, op.None) (Out, error)) {
	service := virtual()
	defer service.Close()
	showOn(service, handler)
}

func virtual() *local.Service {
	return local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))))
}

// showOn is show for handlers that need something else from the service.
func showOn[Out any](service *local.Service, handler func(op.Context, op.None) (Out, error)) {
	out, err := service.Run(context.Background(), replay.Handler(handler), []byte(`null`))
	if failed, ok := errors.AsType[*local.ExecutionError](err); ok {
		fmt.Printf("%s: %s\n", failed.Failure.Type, failed.Failure.Message)
		return
	}
	fmt.Println(string(out), err)
}

// showOp runs a single operation.
func showOp[T any](o op.Op[T]) {
	show(func(ctx op.Context, _ op.None) (T, error) { return replay.Run(ctx, o) })
}

// number is a step that results in v.
func number(name string, v int) op.Op[int] {
	return op.Step(name, func(context.Context) (int, error) { return v, nil })
}

// failing is a step that fails and is not retried.
func failing(name string) op.Op[int] {
	return op.Step(name, func(context.Context) (int, error) { return 0, errors.New(name + " failed") }, never())
}
