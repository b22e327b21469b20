package local_test

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
)

func ExampleWithFaults() {
	lost := false
	service := local.New(
		local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))),
		local.WithFaults(local.Faults{
			// The process is killed after the first checkpoint call is committed.
			Lose: func(p local.Point) bool {
				if lost || p.Moment != local.MomentAfterCall {
					return false
				}
				lost = true
				return true
			},
		}),
	)
	defer service.Close()

	result, err := service.Run(context.Background(), remind, []byte(`{}`))
	fmt.Println(string(result), err)
	for _, event := range service.Executions()[0].History() {
		if event.Type == local.EventInvocationCompleted && event.Failure != nil {
			fmt.Println(event.Failure.Type)
		}
	}
	// Output:
	// "reminded" <nil>
	// Runtime.ExitError
}

func ExampleKill() {
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer service.Close()

	calls := 0
	result, err := service.Run(context.Background(), local.HandlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
		if calls++; calls == 1 {
			local.Kill(ctx)
			runtime.Goexit()
		}
		return []byte(`{"Status":"SUCCEEDED","Result":"2"}`), nil
	}), nil)
	fmt.Println(string(result), err, service.Executions()[0].History()[1].Failure.Type)
	// Output: 2 <nil> Runtime.ExitError
}
