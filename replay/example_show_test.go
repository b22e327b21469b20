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

// show runs a handler on a local service whose clock passes waits at once, and prints its result,
// or why it failed.
func show[Out any](handler func(op.Context, op.None) (Out, error), opts ...replay.HandlerOption) {
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))))
	defer service.Close()
	out, err := service.Run(context.Background(), replay.Handler(handler, opts...), []byte(`null`))
	if failed, ok := errors.AsType[*local.ExecutionError](err); ok {
		fmt.Printf("%s: %s\n", failed.Failure.Type, failed.Failure.Message)
		return
	}
	fmt.Println(string(out), err)
}

// printing is a step that prints its name.
func printing(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) {
		fmt.Println("run", name)
		return name, nil
	})
}
