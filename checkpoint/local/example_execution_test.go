package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

func ExampleExecution_RunUntilSuspended() {
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer service.Close()
	ctx := context.Background()

	_ = service.Host("remind", remind)
	execution, err := service.Start(ctx, "remind", "order-42", []byte(`{}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = execution.RunUntilSuspended(ctx)
	fmt.Println(execution.Status(), execution.Invocations())
	service.Advance(24 * time.Hour)
	_ = execution.RunUntilSuspended(ctx)
	fmt.Println(execution.Status(), execution.Invocations(), string(execution.Result()))
	// Output:
	// RUNNING 1
	// SUCCEEDED 2 "reminded"
}

func ExampleExecution_History() {
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer service.Close()
	ctx := context.Background()

	_ = service.Host("remind", remind)
	execution, err := service.Start(ctx, "remind", "order-42", []byte(`{}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = execution.Drive(ctx)
	for _, event := range execution.History() {
		fmt.Println(event.Time.Format(time.DateOnly), event.ID, event.Type)
	}
	wait, _ := json.Marshal(execution.History()[1])
	fmt.Println(string(wait))
	// Output:
	// 2026-01-01 1 ExecutionStarted
	// 2026-01-01 2 WaitStarted
	// 2026-01-01 3 InvocationCompleted
	// 2026-01-02 4 WaitSucceeded
	// 2026-01-02 5 InvocationCompleted
	// 2026-01-02 6 ExecutionSucceeded
	// {"EventType":"WaitStarted","EventId":2,"EventTimestamp":1767225600,"Id":"a-day","Name":"a-day","SubType":"Wait","WaitStartedDetails":{"Duration":86400,"ScheduledEndTimestamp":1767312000}}
}

func ExampleExecution_Stop() {
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer service.Close()
	ctx := context.Background()

	_ = service.Host("remind", remind)
	execution, _ := service.Start(ctx, "remind", "", []byte(`{}`))
	_ = execution.RunUntilSuspended(ctx)
	fmt.Println(execution.Stop(&checkpoint.Failure{Type: "Changed", Message: "not needed any more"}))
	fmt.Println(execution.Status(), execution.Failure().Message)
	fmt.Println(execution.Stop(nil))
	// Output:
	// <nil>
	// STOPPED not needed any more
	// local: the execution has ended
}

func ExampleExecution_Log() {
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer service.Close()
	ctx := context.Background()

	_ = service.Host("remind", remind)
	execution, err := service.Start(ctx, "remind", "order-42", []byte(`{}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = execution.RunUntilSuspended(ctx)
	for _, o := range execution.Log().Operations {
		fmt.Println(o.Kind, o.Status)
	}
	// Output:
	// EXECUTION STARTED
	// WAIT STARTED
}

func ExampleLogOf() {
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer service.Close()
	ctx := context.Background()

	_ = service.Host("remind", remind)
	execution, err := service.Start(ctx, "remind", "order-42", []byte(`{}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = execution.Drive(ctx)
	// The log as it was after the second event.
	for _, o := range local.LogOf(execution.ARN(), execution.History()[:2]).Operations {
		fmt.Println(o.Kind, o.Status)
	}
	// Output:
	// EXECUTION STARTED
	// WAIT STARTED
}
