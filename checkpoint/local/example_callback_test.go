package local_test

import (
	"context"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

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
