package lambdaapi_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// The result of an execution that no one waits for may be 1 MB long, that of another one 6 MB.
func TestResultOfAnAsynchronousExecution(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	tests := []struct {
		name, reason string
		kind         lambdatypes.InvocationType
		bytes        int
		refused      bool
	}{
		{"waited-for", "6 MB for a synchronous invocation", lambdatypes.InvocationTypeRequestResponse, mib + 1, false},
		{"longest", "1 MB for an asynchronous one", lambdatypes.InvocationTypeEvent, mib, false},
		{"too-long", "1 MB for an asynchronous one", lambdatypes.InvocationTypeEvent, mib + 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			svc := local.New()
			defer svc.Close()
			if err := svc.Host("f", function(func(k *talk) (string, error) {
				result := update(checkpoint.KindExecution, checkpoint.ActionSucceed, checkpoint.ExecutionID(k.event.DurableExecutionArn))
				result.Name, result.Payload = "", checkpoint.TextPayload(strings.Repeat("x", tt.bytes))
				_, err := k.send(result)
				if api, ok := errors.AsType[*checkpoint.APIError](err); ok {
					return `{"Status":"FAILED","Error":{"ErrorType":"` + api.Code + `","ErrorMessage":"` + api.Message + `"}}`, nil
				}
				return succeed(""), err
			})); err != nil {
				t.Fatal(err)
			}
			out, err := serve(t, svc).Invoke(t.Context(), &lambdaapi.InvokeInput{
				FunctionName: aws.String("f"), DurableExecutionName: aws.String("a"), InvocationType: tt.kind,
			})
			if err != nil {
				t.Fatal(err)
			}
			e, ok := svc.Execution(aws.ToString(out.DurableExecutionArn))
			if !ok {
				t.Fatal("there is no such execution")
			}
			if err := e.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !tt.refused {
				if len(e.Result()) != tt.bytes {
					t.Errorf("%s: the result is %d bytes long, want %d: %v", tt.reason, len(e.Result()), tt.bytes, e.Err())
				}
				return
			}
			const want = "EXECUTION output payload size must be less than or equal to 1048576 bytes."
			if f := e.Failure(); f == nil || f.Type != "InvalidParameterValueException" || f.Message != want {
				t.Errorf("%s: got %v, want a refusal that says %q", tt.reason, e.Err(), want)
			}
		})
	}
}
