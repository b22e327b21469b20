package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// remind waits a day and then answers. Functions are usually made by replay.Handler; this one
// speaks to the service itself.
var remind = local.HandlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
	event, err := checkpoint.DecodeInvocation(payload)
	if err != nil {
		return nil, err
	}
	if len(event.Operations) == 2 {
		return []byte(`{"Status":"SUCCEEDED","Result":"\"reminded\""}`), nil
	}
	client, _ := checkpoint.ClientFrom(ctx)
	_, err = client.Checkpoint(ctx, checkpoint.CheckpointInput{
		ARN: event.ARN, Token: event.Token,
		Updates: []checkpoint.Update{{
			ID: "a-day", Name: "a-day", Kind: checkpoint.KindWait, SubType: "Wait",
			Action: checkpoint.ActionStart, Wait: 24 * time.Hour,
		}},
	})
	return []byte(`{"Status":"PENDING"}`), err
})

func ExampleService_Run() {
	clock := local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	service := local.New(local.WithClock(clock))
	defer service.Close()

	result, err := service.Run(context.Background(), remind, []byte(`{}`))
	fmt.Println(string(result), err, clock.Now().Format(time.DateOnly))
	// Output: "reminded" <nil> 2026-01-02
}

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

func ExampleWithFaults() {
	lost := false
	service := local.New(
		local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))),
		local.WithFaults(local.Faults{
			// The process is killed after the first checkpoint call is committed.
			Lose: func(p local.Point) bool {
				if lost || p.Moment != local.AfterCall {
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

func ExampleService_CompleteCallback() {
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer service.Close()
	ctx := context.Background()

	_ = service.Host("approve", local.HandlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		event, err := checkpoint.DecodeInvocation(payload)
		if err != nil {
			return nil, err
		}
		if len(event.Operations) == 2 {
			return []byte(`{"Status":"SUCCEEDED","Result":"\"` + event.Operations[1].Payload.String() + `\""}`), nil
		}
		client, _ := checkpoint.ClientFrom(ctx)
		_, err = client.Checkpoint(ctx, checkpoint.CheckpointInput{
			ARN: event.ARN, Token: event.Token,
			Updates: []checkpoint.Update{{ID: "approval", Kind: checkpoint.KindCallback, Action: checkpoint.ActionStart}},
		})
		return []byte(`{"Status":"PENDING"}`), err
	}))
	execution, err := service.Start(ctx, "approve", "", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = execution.RunUntilSuspended(ctx)
	approval, _ := execution.Operation("approval")
	fmt.Println(service.CompleteCallback(approval.CallbackID, []byte("approved")))
	_ = execution.RunUntilSuspended(ctx)
	fmt.Println(string(execution.Result()))
	// Output:
	// <nil>
	// "approved"
}
