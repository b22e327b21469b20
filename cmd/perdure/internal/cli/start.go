package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

func (a *app) start() *cobra.Command {
	var name, qualifier string
	var wait bool
	cmd := &cobra.Command{
		Use:   "start FUNCTION [PAYLOAD]",
		Short: "Start an execution",
		Long: `Starts an execution and prints its ARN. The payload is JSON, @FILE or - for the standard
input; without one the function is given nothing.

The name makes a start idempotent: the same name with the same payload finds the execution
that there is. With --wait the command shows what the execution is doing until it has
ended, prints its result, and exits with 1 if there is none.`,
		Example: `  perdure start order:live '{"id":"A-1","total":250}' --name A-1 --wait
  perdure start arn:aws:lambda:eu-west-1:123456789012:function:order:live @order.json --aws`,
		Args:              between(1, "FUNCTION", "PAYLOAD"),
		ValidArgsFunction: a.completeFunctions,
		RunE: func(cmd *cobra.Command, args []string) error {
			var payload []byte
			if len(args) > 1 {
				var err error
				if payload, err = a.payload(args[1]); err != nil {
					return err
				}
				if !json.Valid(payload) {
					return usage("the payload is no JSON: %s; a text needs quotes: '\"text\"'", cut(string(payload), 60))
				}
			}
			return a.runStart(cmd.Context(), args[0], qualifier, name, payload, wait)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the execution (default: one is made up)")
	cmd.Flags().StringVar(&qualifier, "qualifier", "", "version or alias of the function")
	cmd.Flags().BoolVarP(&wait, "wait", "w", false, "wait for the end of the execution")
	return cmd
}

func (a *app) runStart(ctx context.Context, function, qualifier, name string, payload []byte, wait bool) error {
	began := a.Now()
	out, err := a.invoke(ctx, function, qualifier, name, payload)
	if err != nil {
		return err
	}
	a.warn(out.ResultMetadata)
	arn := aws.ToString(out.DurableExecutionArn)
	if name != "" {
		a.sayEnded(ctx, arn, began)
	}
	switch {
	case wait:
		fmt.Fprintln(a.Err, arn)
		return a.follow(ctx, arn)
	case a.output == "json":
		return a.printJSON(struct {
			ARN string `json:"executionArn"`
		}{arn})
	}
	fmt.Fprintln(a.Out, arn)
	return nil
}

// longAgo is how long before a start an execution has ended that the start did not begin, however
// the clocks of this machine and of the service differ.
const longAgo = time.Minute

// sayEnded says that a start has found an execution that had ended. Who may not ask does without.
func (a *app) sayEnded(ctx context.Context, arn string, began time.Time) {
	e, err := a.execution(ctx, arn)
	if err != nil || e.EndTimestamp == nil || !e.EndTimestamp.Before(began.Add(-longAgo)) {
		return
	}
	fmt.Fprintf(a.Err, "nothing was started: the execution of that name has ended, %s at %s; another name starts another one\n",
		e.Status, stamp(*e.EndTimestamp))
}

// invoke starts an execution of a durable function.
func (a *app) invoke(ctx context.Context, function, qualifier, name string, payload []byte) (*lambdaapi.InvokeOutput, error) {
	out, err := call(ctx, a, "start "+function, func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.InvokeOutput, error) {
		return c.Invoke(ctx, &lambdaapi.InvokeInput{
			FunctionName: &function, Qualifier: optional(qualifier), Payload: payload, DurableExecutionName: optional(name),
			InvocationType: lambdatypes.InvocationTypeEvent,
		})
	})
	if err == nil && aws.ToString(out.DurableExecutionArn) == "" {
		err = fmt.Errorf("start %s: the function is not durable: it has no DurableConfig, or this version has not", function)
	}
	return out, err
}

// follow says what an execution is doing until it has ended, and prints what has come of it.
func (a *app) follow(ctx context.Context, arn string) error {
	p := progress{app: a}
	if err := a.tail(ctx, arn, p.take); err != nil {
		return err
	}
	e, err := a.execution(ctx, arn)
	if err != nil {
		return err
	}
	return a.printEnd(e)
}

// printEnd prints the result of an execution, or why it has none.
func (a *app) printEnd(e *described) error {
	if a.output == "json" {
		if err := a.printJSON(summaryOf(e)); err != nil {
			return err
		}
	}
	if e.Status == lambdatypes.ExecutionStatusSucceeded {
		if a.output != "json" {
			fmt.Fprintln(a.Out, aws.ToString(e.Result))
		}
		return nil
	}
	why := string(e.Status)
	if text := view.FailureText(failureOf(e.Error)); text != "" {
		why += ": " + text
	}
	fmt.Fprintln(a.Err, why)
	return failedError{fmt.Errorf("%s", why)}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
