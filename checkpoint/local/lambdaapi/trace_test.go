package lambdaapi_test

import (
	"cmp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// TestTraceHeadersThroughTheRealClient: the header of an Invoke is that of the execution, and that
// of an invoke is that of its target; GetDurableExecution shows both.
func TestTraceHeadersThroughTheRealClient(t *testing.T) {
	t.Parallel()
	s := local.New()
	defer func() { _ = s.Close() }()
	client := serve(t, s)
	seen := make(chan string, 9)
	for name, h := range map[string]function{
		"order": func(k *talk) (string, error) {
			seen <- "order " + checkpoint.TraceHeaderFrom(k.ctx)
			if k.status("call") != "" {
				return succeed(`1`), nil
			}
			u := update(checkpoint.KindChainedInvoke, checkpoint.ActionStart, "call")
			u.Function, u.TraceHeader = "child:1", "Root=1;Parent=2"
			_, err := k.send(u)
			return pending, err
		},
		"child:1": func(k *talk) (string, error) {
			seen <- "child " + checkpoint.TraceHeaderFrom(k.ctx)
			return succeed(`1`), nil
		},
	} {
		if err := s.Host(name, through(client, h)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := client.Invoke(t.Context(), &lambdaapi.InvokeInput{FunctionName: aws.String("order"), Payload: []byte(`{}`)},
		func(o *lambdaapi.Options) {
			o.APIOptions = append(o.APIOptions, smithyhttp.AddHeaderValue("X-Amzn-Trace-Id", "Root=1"))
		})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"order Root=1", "child Root=1;Parent=2", "order Root=1"} {
		if got := <-seen; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	target := ""
	if e, ok := s.Execution(*out.DurableExecutionArn); ok {
		for _, ev := range e.History() {
			target = cmp.Or(target, ev.Target)
		}
	}
	for arn, want := range map[string]string{*out.DurableExecutionArn: "Root=1", target: "Root=1;Parent=2"} {
		shown, err := client.GetDurableExecution(t.Context(), &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: aws.String(arn)})
		if err != nil || shown.TraceHeader == nil || aws.ToString(shown.TraceHeader.XAmznTraceId) != want {
			t.Errorf("GetDurableExecution: %+v, %v", shown, err)
		}
	}
}
