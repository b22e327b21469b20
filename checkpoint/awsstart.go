package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The names of the calls of a [Starter] in an [APIError].
const (
	callInvoke = "Invoke"
	callList   = "ListDurableExecutionsByFunction"
)

// StartAPI is what a [Starter] of the service needs of *lambda.Client.
type StartAPI interface {
	// Invoke starts an execution.
	Invoke(context.Context, *lambdaapi.InvokeInput, ...func(*lambdaapi.Options)) (*lambdaapi.InvokeOutput, error)
	// ListDurableExecutionsByFunction finds the one that has a name already.
	ListDurableExecutionsByFunction(context.Context, *lambdaapi.ListDurableExecutionsByFunctionInput,
		...func(*lambdaapi.Options)) (*lambdaapi.ListDurableExecutionsByFunctionOutput, error)
}

// ErrNoExecution says that a function was invoked that is not durable, and so began no execution.
var ErrNoExecution = errors.New("the function is not durable: it was invoked and began no execution")

type lambdaStarter struct{ start StartAPI }

// StartExecution implements [Starter]: it is an asynchronous Invoke with the name.
func (c *lambdaStarter) StartExecution(ctx context.Context, in StartInput) (StartOutput, error) {
	call := &lambdaapi.InvokeInput{
		FunctionName: &in.Function, DurableExecutionName: &in.Name, InvocationType: "Event",
		TenantId: optional(in.Tenant),
	}
	if in.Payload.Present() {
		call.Payload = in.Payload.Bytes()
	}
	var options []func(*lambdaapi.Options)
	if in.TraceHeader != "" {
		options = append(options, lambdaapi.WithAPIOptions(smithyhttp.SetHeaderValue("X-Amzn-Trace-Id", in.TraceHeader)))
	}
	out, err := c.start.Invoke(ctx, call, options...)
	if err != nil {
		refused := apiError(callInvoke, err)
		if refused.NameTaken() && in.Own {
			return c.named(ctx, in, refused)
		}
		return StartOutput{}, refused
	}
	if aws.ToString(out.DurableExecutionArn) == "" {
		return StartOutput{}, &APIError{Call: callInvoke, HTTPStatus: int(out.StatusCode), Cause: ErrNoExecution}
	}
	return StartOutput{ARN: *out.DurableExecutionArn}, nil
}

// named finds the execution that has the name which no one else can have chosen.
func (c *lambdaStarter) named(ctx context.Context, in StartInput, refused *APIError) (StartOutput, error) {
	out, err := c.start.ListDurableExecutionsByFunction(ctx, &lambdaapi.ListDurableExecutionsByFunctionInput{
		FunctionName: aws.String(unqualified(in.Function)), DurableExecutionName: &in.Name,
	})
	if err != nil {
		return StartOutput{}, apiError(callList, err)
	}
	for _, e := range out.DurableExecutions {
		if arn := aws.ToString(e.DurableExecutionArn); arn != "" && aws.ToString(e.DurableExecutionName) == in.Name {
			return StartOutput{ARN: arn}, nil
		}
	}
	return StartOutput{}, fmt.Errorf("checkpoint: %s lists no execution that has the name: %w", callList, refused)
}

// unqualified cuts the version or alias off the name of a function: "name", "name:qualifier",
// "account:function:name[:qualifier]" and an ARN.
func unqualified(function string) string {
	before, name, found := strings.Cut(function, "function:")
	if !found {
		before, name = "", function
	} else {
		before += "function:"
	}
	name, _, _ = strings.Cut(name, ":")
	return before + name
}
