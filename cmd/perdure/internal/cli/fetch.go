package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/perdure/perdure/checkpoint/local"
)

// page is how many items a call asks for: the most that the API gives.
const page = 1000

func readAll(r io.Reader) ([]byte, error) {
	if r == nil {
		return nil, io.ErrUnexpectedEOF
	}
	return io.ReadAll(r)
}

// execution reads an execution.
func (a *app) execution(ctx context.Context, arn string) (*lambdaapi.GetDurableExecutionOutput, error) {
	return call(ctx, a, "show "+arn, func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.GetDurableExecutionOutput, error) {
		return c.GetDurableExecution(ctx, &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: &arn})
	})
}

// events reads the events of an execution.
func (a *app) events(ctx context.Context, arn string) (all []local.Event, err error) {
	for marker := (*string)(nil); ; {
		out, err := call(ctx, a, "history of "+arn,
			func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.GetDurableExecutionHistoryOutput, error) {
				return c.GetDurableExecutionHistory(ctx, &lambdaapi.GetDurableExecutionHistoryInput{
					DurableExecutionArn: &arn, Marker: marker, MaxItems: page, IncludeExecutionData: aws.Bool(true),
				})
			})
		if err != nil {
			return nil, err
		}
		for i := range out.Events {
			all = append(all, eventOf(&out.Events[i]))
		}
		if marker = out.NextMarker; aws.ToString(marker) == "" {
			return all, nil
		}
	}
}

// arn finds an execution by its ARN, or by its name with the flag --function.
func (a *app) arn(ctx context.Context, text, function string) (string, error) {
	if strings.HasPrefix(text, "arn:") {
		return text, nil
	}
	if function == "" {
		return "", usage("%q is not the ARN of an execution: give its ARN, or its name with --function", text)
	}
	out, err := call(ctx, a, "find execution "+text,
		func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.ListDurableExecutionsByFunctionOutput, error) {
			return c.ListDurableExecutionsByFunction(ctx, &lambdaapi.ListDurableExecutionsByFunctionInput{
				FunctionName: &function, DurableExecutionName: &text, MaxItems: 1,
			})
		})
	if err != nil {
		return "", err
	}
	if len(out.DurableExecutions) == 0 {
		return "", notFoundError{fmt.Errorf("function %s has no execution named %q", function, text)}
	}
	return *out.DurableExecutions[0].DurableExecutionArn, nil
}

// glance is how often an execution is looked at that somebody waits for.
const glance = 500 * time.Millisecond

// pause waits for a moment, or for the end of ctx.
func pause(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	<-wait.Done()
	return ctx.Err()
}
