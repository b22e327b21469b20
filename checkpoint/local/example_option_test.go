package local_test

import (
	"context"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
)

// newYear is when the examples begin.
var newYear = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func ExampleNew() {
	service := local.New() // the real clock, in memory
	defer service.Close()

	greet := local.HandlerFunc(func(context.Context, []byte) ([]byte, error) {
		return []byte(`{"Status":"SUCCEEDED","Result":"\"hello\""}`), nil
	})
	result, err := service.Run(context.Background(), greet, []byte(`{}`))
	fmt.Println(string(result), err)
	// Output: "hello" <nil>
}

func ExampleNewVirtualClock() {
	clock := local.NewVirtualClock(newYear)
	clock.AfterFunc(time.Hour, func() { fmt.Println("an hour has passed") })
	clock.Advance(2 * time.Hour)
	fmt.Println(clock.Now().Format(time.DateTime))
	// Output:
	// an hour has passed
	// 2026-01-01 02:00:00
}

func ExampleWithClock() {
	service := local.New(local.WithClock(local.NewVirtualClock(newYear)))
	defer service.Close()

	execution, _ := service.Start(context.Background(), hosted(service, remind), "", []byte(`{}`))
	_ = execution.RunUntilSuspended(context.Background())
	fmt.Println(execution.Status())
	service.Advance(24 * time.Hour)
	fmt.Println(execution.Drive(context.Background()), execution.Status())
	// Output:
	// RUNNING
	// <nil> SUCCEEDED
}

func ExampleWithStore() {
	// What one service has left in a store, another goes on with. In memory nothing outlives the
	// process; the module checkpoint/sqlite has a store that does.
	store := local.NewMemoryStore()
	first := local.New(local.WithStore(store), local.WithClock(local.NewVirtualClock(newYear)))
	execution, _ := first.Start(context.Background(), hosted(first, remind), "order-42", []byte(`{}`))
	_ = execution.RunUntilSuspended(context.Background())
	_ = first.Close()

	second := local.New(local.WithStore(store), local.WithClock(local.NewVirtualClock(newYear.Add(time.Hour))))
	defer second.Close()
	hosted(second, remind)
	execution, _ = second.Execution(execution.ARN())
	fmt.Println(execution.Drive(context.Background()), string(execution.Result()))
	// Output: <nil> "reminded"
}

func ExampleNewMemoryStore() {
	service := local.New(local.WithStore(local.NewMemoryStore())) // what New does without an option
	fmt.Println(service.Close())
	// Output: <nil>
}

func ExampleWithLimits() {
	service := local.New(local.WithLimits(local.Limits{InputBytes: 10}))
	defer service.Close()

	_, err := service.Start(context.Background(), hosted(service, remind), "", []byte(`"more than ten bytes"`))
	fmt.Println(err != nil)
	// Output: true
}

func ExampleWithExecutionTimeout() {
	service := local.New(local.WithClock(local.NewVirtualClock(newYear)), local.WithExecutionTimeout(time.Hour))
	defer service.Close()

	execution, _ := service.Start(context.Background(), hosted(service, remind), "", []byte(`{}`))
	fmt.Println(execution.Drive(context.Background()), execution.Status())
	// Output: <nil> TIMED_OUT
}

func ExampleWithFunctionTimeout() {
	service := local.New(local.WithClock(local.NewVirtualClock(newYear)), local.WithFunctionTimeout(time.Minute))
	defer service.Close()

	_, err := service.Run(context.Background(), local.HandlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
		deadline, _ := ctx.Deadline()
		fmt.Println(deadline.Sub(newYear))
		return []byte(`{"Status":"SUCCEEDED"}`), nil
	}), []byte(`{}`))
	fmt.Println(err)
	// Output:
	// 1m0s
	// <nil>
}

func ExampleWithPlainFunction() {
	service := local.New()
	defer service.Close()

	_ = service.Host("length", local.HandlerFunc(func(_ context.Context, payload []byte) ([]byte, error) {
		return fmt.Append(nil, len(payload)), nil
	}), local.WithPlainFunction())
	execution, _ := service.Start(context.Background(), "length", "", []byte(`"abc"`))
	fmt.Println(execution.Drive(context.Background()), string(execution.Result()))
	// Output: <nil> 5
}

// hosted hosts a function and returns its name.
func hosted(service *local.Service, h local.Handler) string {
	_ = service.Host("remind", h)
	return "remind"
}
