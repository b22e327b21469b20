package op_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func ExampleWaitForCallback() {
	service := virtual()
	defer service.Close()
	approval := op.WaitForCallback[string]("approval", func(_ context.Context, id string) error {
		return service.CompleteCallback(id, []byte("granted")) // a person, some day
	})
	showOn(service, func(ctx op.Context, _ op.None) (string, error) { return replay.Run(ctx, approval) })
	// Output: "granted" <nil>
}

func ExampleWithSubmit() {
	approval := op.WaitForCallback[string]("approval", func(context.Context, string) error {
		return errors.New("no mail server")
	}, op.WithSubmit(never()))
	showOp(approval)
	// Output: Error: no mail server
}

func ExampleCreateCallback() {
	service := virtual()
	defer service.Close()
	showOn(service, func(ctx op.Context, _ op.None) (int, error) {
		c, err := replay.Run(ctx, op.CreateCallback[int]("count"))
		if err != nil {
			return 0, err
		}
		send := op.Do("send", func(context.Context) error { return service.CompleteCallback(c.ID, []byte("3")) })
		if err := replay.Exec(ctx, send); err != nil {
			return 0, err
		}
		return replay.Run(ctx, c.Result())
	})
	// Output: 3 <nil>
}

func ExampleCallback_Result() {
	show(func(ctx op.Context, _ op.None) (bool, error) {
		c, err := replay.Run(ctx, op.CreateCallback[string]("answer", op.WithTimeout(time.Hour)))
		if err != nil {
			return false, err
		}
		return errors.Is(replay.Exec(ctx, c.Result()), op.ErrTimedOut), nil
	})
	// Output: true <nil>
}

func ExampleWithHeartbeatTimeout() {
	show(func(ctx op.Context, _ op.None) (bool, error) {
		c, err := replay.Run(ctx, op.CreateCallback[string]("answer", op.WithHeartbeatTimeout(time.Minute)))
		if err != nil {
			return false, err
		}
		return errors.Is(replay.Exec(ctx, c.Result()), op.ErrHeartbeatMissed), nil
	})
	// Output: true <nil>
}

func ExampleWaitForCondition() {
	showOp(op.WaitForCondition("ready", 0, func(_ context.Context, calls int) (int, bool, error) {
		return calls + 1, calls == 2, nil
	}))
	// Output: 3 <nil>
}

func ExampleWithPolling() {
	showOp(op.WaitForCondition("ready", 0, func(_ context.Context, calls int) (int, bool, error) {
		return calls + 1, false, nil
	}, op.WithPolling(retry.Fixed(time.Hour, retry.MaxAttempts(2)))))
	// Output: ConditionNotMet: "ready": condition not met after 2 calls
}

// greeter hosts a function that greets.
func greeter() *local.Service {
	service := virtual()
	greet := replay.Handler(func(_ op.Context, name string) (string, error) { return "hello " + name, nil })
	if err := service.Host("greet", greet); err != nil {
		fmt.Println(err)
	}
	return service
}

func ExampleInvoke() {
	service := greeter()
	defer service.Close()
	showOn(service, func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Invoke[string]("greet-ada", "greet:$LATEST", "Ada"))
	})
	// Output: "hello Ada" <nil>
}

func ExampleWithTenant() {
	service := greeter()
	defer service.Close()
	showOn(service, func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Invoke[string]("greet-ada", "greet:$LATEST", "Ada", op.WithTenant("acme")))
	})
	// Output: "hello Ada" <nil>
}

func ExampleWithInputCodec() {
	service := greeter()
	defer service.Close()
	showOn(service, func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Invoke[string]("greet-ada", "greet:$LATEST", `"Ada"`, op.WithInputCodec(codec.Raw())))
	})
	// Output: "hello Ada" <nil>
}

func ExampleRetry() {
	calls := 0
	o := op.Group("page", func(ctx op.Context) (int, error) {
		return replay.Run(ctx, op.Step("fetch", func(context.Context) (int, error) {
			if calls++; calls < 3 {
				return 0, errors.New("busy")
			}
			return calls, nil
		}, never()))
	})
	showOp(op.Retry("patiently", o, retry.Fixed(time.Minute)))
	// Output: 3 <nil>
}
