package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// pageItems is how many items a call asks for: the most that the API gives.
const pageItems = 1000

func readAll(r io.Reader) ([]byte, error) {
	if r == nil {
		return nil, io.ErrUnexpectedEOF
	}
	return io.ReadAll(r)
}

// execution reads an execution.
func (a *app) execution(ctx context.Context, arn string) (*described, error) {
	var answer []byte
	e, err := call(ctx, a, "show "+arn, func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.GetDurableExecutionOutput, error) {
		return c.GetDurableExecution(ctx, &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: &arn}, keep(&answer))
	})
	if err != nil {
		return nil, err
	}
	return describe(e, answer), nil
}

// keep has a call keep its answer as it is: the AWS SDK leaves out what it does not know.
func keep(answer *[]byte) func(*lambdaapi.Options) {
	return func(o *lambdaapi.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Deserialize.Add(keeper{answer}, middleware.After)
		})
	}
}

type keeper struct{ answer *[]byte }

// ID implements middleware.DeserializeMiddleware.
func (keeper) ID() string { return "perdure.keep" }

// HandleDeserialize implements middleware.DeserializeMiddleware. The SDK reads the answer after it.
func (k keeper) HandleDeserialize(
	ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
	out, metadata, err = next.HandleDeserialize(ctx, in)
	response, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok {
		return out, metadata, err
	}
	*k.answer, err = io.ReadAll(response.Body)
	err = errors.Join(err, response.Body.Close())
	response.Body = io.NopCloser(bytes.NewReader(*k.answer))
	return out, metadata, err
}

// few is how many events a call asks for that looks whether there are new ones.
const few = 100

// events reads the events of an execution whose IDs are greater than after, in order.
func (a *app) events(ctx context.Context, arn string, after int) (all []local.Event, err error) {
	in := &lambdaapi.GetDurableExecutionHistoryInput{
		DurableExecutionArn: &arn, MaxItems: pageItems, IncludeExecutionData: aws.Bool(true), ReverseOrder: aws.Bool(false),
	}
	if after > 0 { // from the end to what is known
		in.MaxItems, in.ReverseOrder = few, aws.Bool(true)
		defer func() { slices.Reverse(all) }()
	}
	for {
		var answer []byte
		out, err := call(ctx, a, "history of "+arn,
			func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.GetDurableExecutionHistoryOutput, error) {
				return c.GetDurableExecutionHistory(ctx, in, keep(&answer))
			})
		if err != nil {
			return nil, err
		}
		news := make([]local.Event, len(out.Events))
		for i := range out.Events {
			news[i] = eventOf(&out.Events[i])
		}
		completeEvents(news, answer)
		for i := range news {
			if news[i].ID <= after {
				return all, nil
			}
			all = append(all, news[i])
		}
		if in.Marker = out.NextMarker; aws.ToString(in.Marker) == "" {
			return all, nil
		}
	}
}

// tail calls f with the events of an execution, and then with those that are new, until it has
// ended.
func (a *app) tail(ctx context.Context, arn string, f func(news []local.Event) error) error {
	last := 0
	for pause := glance; ; pause = min(pause*3/2, longGlance) {
		news, err := a.events(ctx, arn, last)
		if err != nil {
			return err
		}
		if len(news) > 0 || last == 0 {
			if err := f(news); err != nil {
				return err
			}
			pause = glance
		}
		if ended(news) {
			return nil
		}
		if len(news) > 0 {
			last = news[len(news)-1].ID
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// ended reports whether a history is complete.
func ended(events []local.Event) bool {
	if len(events) == 0 {
		return false
	}
	return events[len(events)-1].Type.Terminal()
}

// arn finds an execution by its ARN, or by its name. Without a function all of them are asked, and
// the name must be that of an execution of one.
func (a *app) arn(ctx context.Context, text, function string) (string, error) {
	if strings.HasPrefix(text, "arn:") {
		return text, nil
	}
	if function != "" {
		arn, err := a.named(ctx, text, function)
		if err == nil && arn == "" {
			err = notFoundError{fmt.Errorf("function %s has no execution named %q; perdure list %s shows all", function, text, view.Quoted(function))}
		}
		return arn, err
	}
	functions, err := a.functions(ctx)
	if err != nil {
		return "", err
	}
	var found, of []string
	for _, f := range functions {
		arn, err := a.named(ctx, text, f)
		if err != nil {
			return "", err
		}
		if arn != "" {
			found, of = append(found, arn), append(of, f)
		}
	}
	switch len(found) {
	case 0:
		return "", notFoundError{fmt.Errorf("no function has an execution named %q; perdure list shows all", text)}
	case 1:
		return found[0], nil
	}
	return "", usage("%d functions have an execution named %q, %s; say which one with --function", len(of), text, strings.Join(of, " and "))
}

// named returns the ARN of the execution of a function with a name, empty if there is none.
func (a *app) named(ctx context.Context, text, function string) (string, error) {
	out, err := call(ctx, a, "find execution "+text,
		func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.ListDurableExecutionsByFunctionOutput, error) {
			return c.ListDurableExecutionsByFunction(ctx, &lambdaapi.ListDurableExecutionsByFunctionInput{
				FunctionName: &function, DurableExecutionName: &text, MaxItems: 1, ReverseOrder: aws.Bool(true), // the last one
			})
		})
	if err != nil {
		return "", err
	}
	if len(out.DurableExecutions) == 0 {
		return "", nil
	}
	return *out.DurableExecutions[0].DurableExecutionArn, nil
}

// glance is how long it takes until an execution that someone waits for is looked at again: the
// longer nothing has happened, the longer. AWS has a quota of 15 reads of histories a second.
const (
	glance     = 500 * time.Millisecond
	longGlance = 5 * time.Second
)

// sleep waits for d, or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	wait, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-wait.Done()
	return ctx.Err()
}
