package op_test

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func ExampleStart() {
	service := greeter()
	defer service.Close()
	showOn(service, func(ctx op.Context, _ op.None) (string, error) {
		arn, err := replay.Run(ctx, op.Start("welcome", "greet:$LATEST", "Ada", op.WithExecutionName("ada-1")))
		return checkpoint.ExecutionName(arn), err
	})
	// Output: "ada-1" <nil>
}

func ExampleWithExecutionName() {
	err := op.Validate(op.Start("welcome", "greet:live", "Ada", op.WithExecutionName("ada 1")))
	fmt.Println(err)
	// Output: op: "welcome": op.WithExecutionName("ada 1"): want 1 to 64 of A-Z a-z 0-9 - and _ (Lambda API, Invoke)
}

func ExampleWithStarting() {
	twice := op.WithRetry(retry.Fixed(time.Minute, retry.MaxAttempts(2)))
	fmt.Println(op.Validate(op.Start("welcome", "greet:live", "Ada", op.WithStarting(twice))))
	// Output: <nil>
}

func ExampleFunctionOf() {
	greet := op.FunctionOf[string, string]("greet:$LATEST")
	service := greeter()
	defer service.Close()
	showOn(service, func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, greet.Invoke("welcome", "Ada"))
	})
	// Output: "hello Ada" <nil>
}

func ExampleFunction_Invoke() {
	greet := op.FunctionOf[string, string]("greet:live")
	fmt.Println(op.Validate(greet.Invoke("welcome", "Ada"))) // greet.Invoke("welcome", 7) does not compile
	// Output: <nil>
}

func ExampleFunction_Start() {
	greet := op.FunctionOf[string, string]("greet:$LATEST")
	service := greeter()
	defer service.Close()
	showOn(service, func(ctx op.Context, _ op.None) (bool, error) {
		arn, err := replay.Run(ctx, greet.Start("welcome", "Ada"))
		return arn != "", err
	})
	// Output: true <nil>
}

func ExampleFunction_Name() {
	fmt.Println(op.FunctionOf[string, string]("greet:live").Name())
	// Output: greet:live
}
