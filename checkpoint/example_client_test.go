package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

func ExampleNewClient() {
	// With the module aws-sdk-go-v2/config: api := lambdaapi.NewFromConfig(cfg)
	api := lambdaapi.New(lambdaapi.Options{Region: "eu-west-1"})
	client := checkpoint.NewClient(api)
	fmt.Println(client != nil)
	// Output: true
}

func ExampleNewControl() {
	api := lambdaapi.New(lambdaapi.Options{Region: "eu-west-1"})
	control := checkpoint.NewControl(api)
	// No one holds this execution up: the answer is that the keys are missing.
	err := control.Pause(context.Background(), checkpoint.PauseInput{ARN: "arn:…", Reason: "bad deploy"})
	failed, ok := errors.AsType[*checkpoint.APIError](err)
	fmt.Println(ok, failed.Call, failed.Conflict(), failed.Denied())
	// Output: true PauseDurableExecution false false
}

func ExampleClientFromEnv() {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		defer os.Setenv(name, os.Getenv(name))
		os.Unsetenv(name)
	}
	_, err := checkpoint.ClientFromEnv() // outside of Lambda
	fmt.Println(errors.Is(err, checkpoint.ErrEnvironment))
	// Output: true
}

func ExampleWithClient() {
	ctx := checkpoint.WithClient(context.Background(), &pagedClient{})
	_, ok := checkpoint.ClientFrom(ctx)
	fmt.Println(ok)
	// Output: true
}

func ExampleClientFrom() {
	_, ok := checkpoint.ClientFrom(context.Background())
	fmt.Println(ok)
	// Output: false
}

// fixedClock is a clock that stands still.
type fixedClock struct{ checkpoint.Clock }

func (fixedClock) Now() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func ExampleWithClock() {
	ctx := checkpoint.WithClock(context.Background(), fixedClock{})
	fmt.Println(checkpoint.ClockFrom(ctx).Now())
	// Output: 2026-01-02 03:04:05 +0000 UTC
}

func ExampleClockFrom() {
	clock := checkpoint.ClockFrom(context.Background()) // no one has set one: the real clock
	fmt.Println(time.Since(clock.Now()) < time.Hour)
	// Output: true
}

func ExampleAPIError() {
	for _, message := range []string{"Invalid checkpoint token", "Invalid parent operation id."} {
		err := &checkpoint.APIError{
			Call: "CheckpointDurableExecution", HTTPStatus: 400, Code: "InvalidParameterValueException", Message: message,
		}
		fmt.Println(err, err.StaleToken(), err.Permanent())
	}
	// Output:
	// checkpoint: CheckpointDurableExecution: 400 InvalidParameterValueException: Invalid checkpoint token true false
	// checkpoint: CheckpointDurableExecution: 400 InvalidParameterValueException: Invalid parent operation id. false true
}

func ExampleStatus_Terminal() {
	fmt.Println(checkpoint.StatusPending.Terminal(), checkpoint.StatusTimedOut.Terminal())
	// Output: false true
}

func ExampleWithTraceHeader() {
	ctx := checkpoint.WithTraceHeader(context.Background(), "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
	fmt.Println(checkpoint.TraceHeaderFrom(ctx))
	fmt.Println(checkpoint.TraceHeaderFrom(context.Background()) == "")
	// Output:
	// Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1
	// true
}

func ExampleTraceHeaderFrom() {
	host := checkpoint.WithTraceHeader(context.Background(), "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
	fmt.Println(checkpoint.TraceHeaderFrom(host))
	// Output:
	// Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1
}

// wrapped is a client that does something around the calls of another one.
type wrapped struct{ checkpoint.Client }

// Unwrap lets ClientAs find what the client inside can do.
func (w wrapped) Unwrap() checkpoint.Client { return w.Client }

func ExampleClientAs() {
	svc := local.New()
	defer func() { _ = svc.Close() }()
	client := wrapped{svc}
	_, pauses := checkpoint.ClientAs[checkpoint.Pauser](client)
	_, direct := checkpoint.Client(client).(checkpoint.Pauser)
	fmt.Println(pauses, direct)
	// Output: true false
}

func ExampleContinuedAs() {
	result := checkpoint.ContinuedResult("arn:aws:lambda:us-east-1:123456789012:function:poll:7/durable-execution/poll-2-8f14e45fce/1f")
	arn, ok := checkpoint.ContinuedAs(result)
	fmt.Println(checkpoint.ExecutionName(arn), ok)
	_, ok = checkpoint.ContinuedAs([]byte(`{"total":7}`))
	fmt.Println(ok)
	// Output:
	// poll-2-8f14e45fce true
	// false
}

func ExampleContinuedResult() {
	fmt.Println(string(checkpoint.ContinuedResult("arn:…")))
	// Output: {"perdure":{"continuedAs":"arn:…"}}
}

func ExampleStarter() {
	svc := local.New()
	defer func() { _ = svc.Close() }()
	starter, ok := checkpoint.ClientAs[checkpoint.Starter](svc)
	_, err := starter.StartExecution(context.Background(), checkpoint.StartInput{Function: "pay:live", Name: "order-42"})
	fmt.Println(ok, err)
	// Output: true checkpoint: Invoke: 404 ResourceNotFoundException: local: no such function is hosted: pay:live
}
