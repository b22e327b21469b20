package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// library is where the page reads executions through the API: on AWS, or of perdure dev.
type library struct{ *app }

// Functions implements [page.Source].
func (l library) Functions(ctx context.Context) ([]page.Function, error) {
	names, err := l.functions(ctx)
	out := make([]page.Function, len(names))
	for i, name := range names {
		if out[i].Name = name; l.onAWS() {
			out[i].Qualifiers = []string{"$LATEST"} // AWS starts nothing by the name alone
		}
	}
	return out, err
}

// List implements [page.Source]. The API lists those of one function: those of all come one
// function after the other, and the marker says how far.
func (l library) List(ctx context.Context, q page.Query) (found []page.Execution, next string, err error) {
	functions := []string{q.Function}
	if q.Function == "" {
		if functions, err = l.functions(ctx); err != nil {
			return nil, "", err
		}
	}
	first, marker := 0, q.Marker
	if number, rest, ok := strings.Cut(q.Marker, ":"); ok {
		first, _ = strconv.Atoi(number)
		marker = rest
	}
	for i := max(0, first); i < len(functions); i++ {
		out, err := call(ctx, l.app, "list executions of "+functions[i],
			func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.ListDurableExecutionsByFunctionOutput, error) {
				return c.ListDurableExecutionsByFunction(ctx, &lambdaapi.ListDurableExecutionsByFunctionInput{
					FunctionName: &functions[i], ReverseOrder: aws.Bool(true), Marker: optional(marker),
					MaxItems: int32(min(pageItems, q.Limit-len(found))), //nolint:gosec // at most a page
				})
			})
		if err != nil {
			return nil, "", err
		}
		for j := range out.DurableExecutions {
			found = append(found, executionOf(&out.DurableExecutions[j]))
		}
		marker = aws.ToString(out.NextMarker)
		if marker != "" {
			return found, strconv.Itoa(i) + ":" + marker, nil
		}
		if len(found) >= q.Limit && i+1 < len(functions) {
			return found, strconv.Itoa(i+1) + ":", nil
		}
	}
	return found, "", nil
}

func executionOf(e *lambdatypes.Execution) page.Execution {
	return page.Execution{
		ARN: aws.ToString(e.DurableExecutionArn), Name: aws.ToString(e.DurableExecutionName), Function: aws.ToString(e.FunctionArn),
		Status: string(e.Status), Start: aws.ToTime(e.StartTimestamp), End: aws.ToTime(e.EndTimestamp),
	}
}

// Execution implements [page.Source].
func (l library) Execution(ctx context.Context, arn string) (*page.Execution, error) {
	d, err := l.execution(ctx, arn)
	if err != nil {
		return nil, l.known(err)
	}
	return l.shown(d), nil
}

// shown returns an execution as the page has it.
func (*app) shown(d *described) *page.Execution {
	e := &page.Execution{
		ARN: aws.ToString(d.DurableExecutionArn), Name: aws.ToString(d.DurableExecutionName), Function: aws.ToString(d.FunctionArn),
		Status: string(d.Status), Start: aws.ToTime(d.StartTimestamp), End: aws.ToTime(d.EndTimestamp),
		Input: d.InputPayload, Result: d.Result, Failure: failureOf(d.Error), Deadline: d.timesOut,
	}
	if version := aws.ToString(d.Version); version != "" && !strings.Contains(functionPart(e.Function), ":") {
		e.Function += ":" + version
	}
	if d.pause != nil {
		e.Pause = page.Pause{Since: d.pause.Requested, Reason: d.pause.Reason}
	}
	return e
}

// functionPart returns the name and the qualifier of a function.
func functionPart(arn string) string {
	_, after, _ := strings.Cut(arn, ":function:")
	return after
}

// Events implements [page.Source].
func (l library) Events(ctx context.Context, arn string, after int) ([]local.Event, error) {
	events, err := l.events(ctx, arn, after)
	return events, l.known(err)
}

// Forks implements [page.Source]. The API does not say which executions were made of one: those are
// found whose names begin as they do unless someone has chosen another. AWS makes none.
func (l library) Forks(ctx context.Context, e *page.Execution) (found []page.Execution, err error) {
	if l.onAWS() {
		return nil, nil
	}
	all, _, err := l.List(ctx, page.Query{Function: functionOf(e.ARN), Limit: pageItems})
	for i := range all {
		if !strings.HasPrefix(all[i].Name, e.Name+"-redrive-") && !strings.HasPrefix(all[i].Name, e.Name+"-fork-") {
			continue
		}
		events, err := l.Events(ctx, all[i].ARN, 0)
		if err != nil {
			return found, err
		}
		if h := view.Read(events); h.Forked != nil && h.Forked.From == e.ARN {
			found = append(found, all[i])
		}
	}
	return found, err
}

// known returns an error as the page knows it.
func (library) known(err error) error {
	if is[notFoundError](err) {
		return page.ErrNotFound
	}
	return err
}

// actions returns what can be done through the API. AWS has no call for the last three.
func (a *app) actions() page.Actions {
	actions := page.Actions{
		Succeed: a.succeedCallback, Fail: a.failCallback, Heartbeat: a.heartbeat,
		Pause: func(ctx context.Context, arn, reason string) error {
			return a.apply(ctx, change{verb: "pause", make: func(ctx context.Context, c checkpoint.Control, arn string) error {
				return c.Pause(ctx, checkpoint.PauseInput{ARN: arn, Reason: reason})
			}}, arn)
		},
		Resume: func(ctx context.Context, arn, reason string) error {
			return a.apply(ctx, change{verb: "resume", make: func(ctx context.Context, c checkpoint.Control, arn string) error {
				return c.Resume(ctx, checkpoint.ResumeInput{ARN: arn, Reason: reason})
			}}, arn)
		},
		Stop: func(ctx context.Context, arn string, f checkpoint.Failure) error {
			return a.stopExecution(ctx, arn, errorFlagsOf(f).object())
		},
		Start: a.startExecution,
	}
	if !a.onAWS() {
		actions.Skip = a.skipTime
		actions.Redrive = func(ctx context.Context, arn, name string) (string, error) {
			return a.forked(ctx, "redrive", arn, "", name)
		}
		actions.Fork = func(ctx context.Context, arn, before, name string) (string, error) {
			return a.forked(ctx, "fork", arn, before, name)
		}
	}
	return actions
}

func errorFlagsOf(f checkpoint.Failure) *errorFlags { return &errorFlags{f.Type, f.Message, f.Data} }

// forked has the service on this machine start an execution with the log of another one.
func (a *app) forked(ctx context.Context, verb, arn, before, name string) (string, error) {
	var out struct {
		ARN string `json:"DurableExecutionArn"`
	}
	err := a.post(ctx, verb, arn, map[string]string{"Before": before, "Name": name}, &out)
	return out.ARN, err
}

// startExecution starts an execution and returns its ARN. The function may have a qualifier.
func (a *app) startExecution(ctx context.Context, function, name string, input []byte) (string, error) {
	function, qualifier, _ := strings.Cut(function, ":")
	out, err := a.invoke(ctx, function, qualifier, name, input)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.DurableExecutionArn), nil
}

// hint says where the logs of a function are that runs on AWS.
func (a *app) hint(arn string) string {
	if !a.onAWS() {
		return "perdure dev prints them in its terminal, and its own page shows the last lines: " + a.serviceURL() + "/"
	}
	command := "aws logs tail /aws/lambda/" + functionOf(arn) + " --since 1d --filter-pattern '\"" + checkpoint.ExecutionName(arn) + "\"'"
	if a.region != "" {
		command += " --region " + a.region
	}
	return command
}

// awsEvery is how often AWS is asked for changes: it has quotas of calls.
const awsEvery = 5 * time.Second
