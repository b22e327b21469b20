package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// selection is what a list is to hold.
type selection struct {
	statuses []string
	name     string
	since    time.Duration
	before   time.Duration // started longer ago; zero for any time
	limit    int
	oldest   bool
}

func (a *app) list() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:   "list [FUNCTION]",
		Short: "List executions, the last one first",
		Long:  `Lists the executions of a function, or of all durable functions, the last one first.`,
		Example: `  perdure list
  perdure list order --status RUNNING --since 24h`,
		Args:              between(0, "FUNCTION"),
		ValidArgsFunction: a.completeFunctions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(); err != nil {
				return err
			}
			functions := args
			if len(args) == 0 {
				var err error
				if functions, err = a.functions(cmd.Context()); err != nil {
					return err
				}
			}
			return a.runList(cmd.Context(), functions, s)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&s.statuses, "status", nil, "only with these statuses: "+strings.Join(statuses(), ", "))
	a.complete(cmd, "status", statuses())
	f.StringVar(&s.name, "name", "", "only the one with this name")
	f.Var(duration(&s.since, 0), "since", "only those started within this time, such as 24h")
	f.IntVar(&s.limit, "limit", 50, "at most that many of each function; 0 means all")
	f.BoolVar(&s.oldest, "oldest", false, "the oldest first")
	return cmd
}

// statuses returns those that executions have.
func statuses() []string {
	var all []string
	for _, s := range []local.Status{
		local.StatusRunning, local.StatusPausing, local.StatusPaused, local.StatusSucceeded, local.StatusFailed,
		local.StatusTimedOut, local.StatusStopped, local.StatusDeleting,
	} {
		all = append(all, string(s))
	}
	return all
}

// check refuses what the service would not understand.
func (s *selection) check() error {
	for i, status := range s.statuses {
		s.statuses[i] = strings.ToUpper(status)
		if !slices.Contains(statuses(), s.statuses[i]) {
			return usage("there is no status %q: executions are %s", status, strings.Join(statuses(), ", "))
		}
	}
	switch {
	case s.limit < 0:
		return usage("--limit is the number of executions, or 0 for all, not %d", s.limit)
	case s.since < 0:
		return usage("--since is a duration such as 24h, not %s", view.Exact(s.since))
	}
	return nil
}

// functions returns the names of all durable functions.
func (a *app) functions(ctx context.Context) ([]string, error) {
	var names []string
	for marker := (*string)(nil); ; {
		out, err := call(ctx, a, "list functions", func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.ListFunctionsOutput, error) {
			return c.ListFunctions(ctx, &lambdaapi.ListFunctionsInput{Marker: marker})
		})
		if err != nil {
			return nil, err
		}
		for i := range out.Functions {
			if out.Functions[i].DurableConfig != nil {
				names = append(names, aws.ToString(out.Functions[i].FunctionName))
			}
		}
		if marker = out.NextMarker; aws.ToString(marker) == "" {
			return names, nil
		}
	}
}

func (a *app) runList(ctx context.Context, functions []string, s selection) error {
	var all []lambdatypes.Execution
	for _, function := range functions {
		found, more, err := a.executions(ctx, function, s)
		if err != nil {
			return err
		}
		all = append(all, found...)
		if more {
			defer fmt.Fprintf(a.Err, "there are more of %s: --limit 0 lists all\n", function)
		}
	}
	slices.SortStableFunc(all, func(x, y lambdatypes.Execution) int { // over all functions
		order := aws.ToTime(y.StartTimestamp).Compare(aws.ToTime(x.StartTimestamp))
		if s.oldest {
			return -order
		}
		return order
	})
	if a.output == "json" {
		out := []summary{}
		for i := range all {
			e := &all[i]
			out = append(out, summaryOf(&described{GetDurableExecutionOutput: &lambdaapi.GetDurableExecutionOutput{
				DurableExecutionArn: e.DurableExecutionArn, DurableExecutionName: e.DurableExecutionName, FunctionArn: e.FunctionArn,
				Status: e.Status, StartTimestamp: e.StartTimestamp, EndTimestamp: e.EndTimestamp,
			}}))
		}
		return a.printJSON(out)
	}
	if len(all) == 0 {
		fmt.Fprintln(a.Err, s.none(functions))
		return nil
	}
	return a.printExecutions(all)
}

func (a *app) printExecutions(all []lambdatypes.Execution) error {
	rows := [][]string{{"FUNCTION", "NAME", "STATUS", "STARTED", "TOOK", "ARN"}}
	for i := range all {
		e := &all[i]
		took := ""
		if e.EndTimestamp != nil {
			took = view.Span(e.EndTimestamp.Sub(*e.StartTimestamp))
		}
		rows = append(rows, []string{
			shortName(aws.ToString(e.FunctionArn)), aws.ToString(e.DurableExecutionName), string(e.Status),
			stamp(aws.ToTime(e.StartTimestamp)), took, aws.ToString(e.DurableExecutionArn),
		})
	}
	return a.table(rows)
}

// none says that nothing was found.
func (s *selection) none(functions []string) string {
	switch {
	case len(functions) == 0:
		return "there are no durable functions"
	case len(s.statuses) > 0 || s.name != "" || s.since > 0:
		return "there are no such executions"
	}
	return "there are no executions yet"
}

// executions reads the executions of a function; more says that there are others that were not
// asked for.
func (a *app) executions(ctx context.Context, function string, s selection) (all []lambdatypes.Execution, more bool, err error) {
	in := &lambdaapi.ListDurableExecutionsByFunctionInput{
		FunctionName: &function, DurableExecutionName: optional(s.name), ReverseOrder: aws.Bool(!s.oldest),
	}
	for _, status := range s.statuses {
		in.Statuses = append(in.Statuses, lambdatypes.ExecutionStatus(status))
	}
	if s.since > 0 {
		in.StartedAfter = aws.Time(a.Now().Add(-s.since))
	}
	if s.before > 0 {
		in.StartedBefore = aws.Time(a.Now().Add(-s.before))
	}
	for {
		in.MaxItems = pageItems
		if s.limit > 0 {
			in.MaxItems = int32(min(pageItems, s.limit-len(all))) //nolint:gosec // at most a page
		}
		out, err := call(ctx, a, "list executions of "+function,
			func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.ListDurableExecutionsByFunctionOutput, error) {
				return c.ListDurableExecutionsByFunction(ctx, in)
			})
		if err != nil {
			return nil, false, err
		}
		all = append(all, out.DurableExecutions...)
		in.Marker = out.NextMarker
		more = aws.ToString(in.Marker) != ""
		if !more || s.limit > 0 && len(all) >= s.limit {
			return all, more, nil
		}
	}
}

// shortName returns the name of a function and its qualifier, without what stands before.
func shortName(arn string) string {
	if _, after, ok := strings.Cut(arn, ":function:"); ok {
		return strings.TrimSuffix(after, ":$LATEST")
	}
	return arn
}
