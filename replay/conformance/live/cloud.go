package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/perdure/perdure/checkpoint"

	"github.com/perdure/perdure/replay/conformance/live/subject"
)

// cloud is where measurements are made.
type cloud struct {
	lambda  *lambdaapi.Client
	roles   *iam.Client
	logs    *cloudwatchlogs.Client
	control checkpoint.Control
	clock   checkpoint.Clock

	name    string // of the function, the role and the log group
	version string // that was published
}

func newCloud(cfg aws.Config, clock checkpoint.Clock, name string) *cloud {
	api := lambdaapi.NewFromConfig(cfg)
	return &cloud{
		lambda: api, roles: iam.NewFromConfig(cfg), logs: cloudwatchlogs.NewFromConfig(cfg), control: checkpoint.NewControl(api),
		clock: clock, name: name,
	}
}

// pause waits.
func (c *cloud) pause(ctx context.Context, d time.Duration) error {
	over := make(chan struct{})
	stop := c.clock.AfterFunc(d, func() { close(over) })
	defer stop()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// start starts an execution with an order, under a name unless that is empty, and returns its ARN.
func (c *cloud) start(ctx context.Context, qualifier, name string, o subject.Order) (string, error) {
	payload, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	in := &lambdaapi.InvokeInput{
		FunctionName: &c.name, Qualifier: &qualifier, InvocationType: lambdatypes.InvocationTypeEvent, Payload: payload,
	}
	if name != "" {
		in.DurableExecutionName = &name
	}
	out, err := c.lambda.Invoke(ctx, in)
	if err != nil {
		return "", fmt.Errorf("start an execution of the measure %s: %w", o.Measure, err)
	}
	if out.DurableExecutionArn == nil {
		return "", fmt.Errorf("start an execution of the measure %s: the answer of Invoke has no DurableExecutionArn", o.Measure)
	}
	return *out.DurableExecutionArn, nil
}

// poll is how often an execution is looked at: the quota of histories is 15 a second.
const poll = 2 * time.Second

// until looks at an execution until it is as it is to be.
func (c *cloud) until(ctx context.Context, arn string, is func(*lambdaapi.GetDurableExecutionOutput) bool) (*lambdaapi.GetDurableExecutionOutput, error) {
	for {
		out, err := c.lambda.GetDurableExecution(ctx, &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: &arn})
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", arn, err)
		}
		if is(out) {
			return out, nil
		}
		if err := c.pause(ctx, poll); err != nil {
			return nil, fmt.Errorf("wait for %s, which is %s: %w", arn, out.Status, err)
		}
	}
}

func ended(out *lambdaapi.GetDurableExecutionOutput) bool { return out.EndTimestamp != nil }

// run starts an execution and waits until it has ended.
func (c *cloud) run(ctx context.Context, o subject.Order) (*lambdaapi.GetDurableExecutionOutput, error) {
	arn, err := c.start(ctx, c.version, "", o)
	if err != nil {
		return nil, err
	}
	return c.until(ctx, arn, ended)
}

// ask runs an execution and returns what it reports.
func (c *cloud) ask(ctx context.Context, o subject.Order) (r subject.Report, err error) {
	out, err := c.run(ctx, o)
	if err != nil {
		return r, err
	}
	return reportOf(out)
}

func reportOf(out *lambdaapi.GetDurableExecutionOutput) (r subject.Report, err error) {
	if out.Result == nil {
		return r, fmt.Errorf("%s is %s without a result: %s", aws.ToString(out.DurableExecutionArn), out.Status, errorText(out.Error))
	}
	err = json.Unmarshal([]byte(*out.Result), &r)
	return r, err
}

func errorText(e *lambdatypes.ErrorObject) string {
	if e == nil {
		return "no error"
	}
	return aws.ToString(e.ErrorType) + ": " + aws.ToString(e.ErrorMessage)
}

// history reads all events of an execution, with their data.
func (c *cloud) history(ctx context.Context, arn string) (all []lambdatypes.Event, err error) {
	pages := lambdaapi.NewGetDurableExecutionHistoryPaginator(c.lambda, &lambdaapi.GetDurableExecutionHistoryInput{
		DurableExecutionArn: &arn, IncludeExecutionData: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the history of %s: %w", arn, err)
		}
		all = append(all, page.Events...)
	}
	return all, nil
}

// stop ends an execution that runs.
func (c *cloud) stop(ctx context.Context, arn string) error {
	_, err := c.lambda.StopDurableExecution(ctx, &lambdaapi.StopDurableExecutionInput{DurableExecutionArn: &arn})
	return unless[*lambdatypes.ResourceNotFoundException](err)
}
