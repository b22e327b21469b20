package local_test

import (
	"bytes"
	"context"
	"errors"
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

func ExampleService_Start() {
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer service.Close()
	ctx := context.Background()

	_ = service.Host("remind", remind)
	first, _ := service.Start(ctx, "remind", "order-42", []byte(`{}`))
	again, err := service.Start(ctx, "remind:live", "order-42", []byte(`{}`))
	fmt.Println(first == again, err)
	_, err = service.Start(ctx, "remind", "order-42", []byte(`{"other":true}`))
	fmt.Println(errors.As(err, new(*local.AlreadyStartedError)))
	fmt.Println(checkpoint.FunctionARN(first.ARN()))
	// Output:
	// true <nil>
	// true
	// arn:aws:lambda:us-east-1:123456789012:function:remind:$LATEST
}

func ExampleService_Host() {
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer service.Close()
	ctx := context.Background()

	_ = service.Host("remind", remind, local.WithExecutionTimeout(time.Hour))
	_ = service.Host("upper", local.HandlerFunc(func(_ context.Context, payload []byte) ([]byte, error) {
		return bytes.ToUpper(payload), nil
	}), local.WithPlainFunction())

	for _, function := range []string{"remind", "upper"} {
		execution, _ := service.Start(ctx, function, "", []byte(`"hello"`))
		_ = execution.Drive(ctx)
		fmt.Println(function, string(execution.Result()), execution.Status())
	}
	// Output:
	// remind  TIMED_OUT
	// upper "HELLO" SUCCEEDED
}
