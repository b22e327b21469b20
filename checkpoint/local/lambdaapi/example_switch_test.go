package lambdaapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/perdure/perdure/checkpoint/local"
	front "github.com/perdure/perdure/checkpoint/local/lambdaapi"
)

// finished is a service with an execution that has ended with a long result.
func finished() (s *local.Service, arn string) {
	s = local.New()
	done := local.HandlerFunc(func(context.Context, []byte) ([]byte, error) {
		return fmt.Appendf(nil, `{"Status":"SUCCEEDED","Result":"%s"}`, strings.Repeat("x", 100)), nil
	})
	if err := s.Host("order", done); err != nil {
		fmt.Println(err)
	}
	e, err := s.Start(context.Background(), "order", "A-1", []byte(`1`))
	if err != nil {
		fmt.Println(err)
	}
	if err := e.Wait(context.Background()); err != nil {
		fmt.Println(err)
	}
	return s, e.ARN()
}

func ExampleWithTruncation() {
	service, arn := finished()
	defer service.Close()
	server := httptest.NewServer(front.Handler(service, front.WithTruncation(50)))
	defer server.Close()
	out, err := sdkClient(server.URL).GetDurableExecutionHistory(context.Background(), &lambdaapi.GetDurableExecutionHistoryInput{
		DurableExecutionArn: &arn, IncludeExecutionData: aws.Bool(true),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range out.Events {
		switch {
		case e.ExecutionStartedDetails != nil:
			in := e.ExecutionStartedDetails.Input
			fmt.Println("input", *in.Truncated, aws.ToString(in.Payload))
		case e.ExecutionSucceededDetails != nil:
			fmt.Println("result", *e.ExecutionSucceededDetails.Result.Truncated)
		}
	}
	// Output:
	// input false 1
	// result true
}

func ExampleWithThrottling() {
	service, arn := finished()
	defer service.Close()
	server := httptest.NewServer(front.Handler(service, front.WithThrottling(func(call string) bool {
		return call == "GetDurableExecutionHistory"
	})))
	defer server.Close()
	client := sdkClient(server.URL)
	_, err := client.GetDurableExecutionHistory(context.Background(), &lambdaapi.GetDurableExecutionHistoryInput{DurableExecutionArn: &arn},
		func(o *lambdaapi.Options) { o.RetryMaxAttempts = 1 })
	_, throttled := errors.AsType[*lambdatypes.TooManyRequestsException](err)
	_, err = client.GetDurableExecution(context.Background(), &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: &arn})
	fmt.Println(throttled, err)
	// Output: true <nil>
}
