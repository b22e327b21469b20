package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
)

// completionTime is how long a shell waits for what it could complete.
const completionTime = 2 * time.Second

// complete completes a flag with its values.
func (a *app) complete(cmd *cobra.Command, flag string, values []string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		fmt.Fprintln(a.Err, "perdure:", err)
	}
}

// completeFunctions completes the first argument, or a flag, with the names of functions.
func (a *app) completeFunctions(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	names, err := a.functions(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeExecutions completes the first argument with the ARNs of running executions, or with
// their names if --function is given.
func (a *app) completeExecutions(cmd *cobra.Command, args []string, text string) ([]string, cobra.ShellCompDirective) {
	return a.completeExecutionsWith("RUNNING", "PAUSING", "PAUSED")(cmd, args, text)
}

// completeExecutionsWith is completeExecutions for executions with some statuses.
func (a *app) completeExecutionsWith(statuses ...string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return a.completeNames(cmd, args, statuses)
	}
}

func (a *app) completeNames(cmd *cobra.Command, args, statuses []string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	function, _ := cmd.Flags().GetString("function")
	functions := []string{function}
	if function == "" {
		functions, _ = a.functions(ctx)
	}
	var out []string
	for _, f := range functions {
		found, _, _ := a.executions(ctx, f, selection{statuses: statuses, limit: 50})
		for i := range found {
			if function != "" {
				out = append(out, aws.ToString(found[i].DurableExecutionName))
				continue
			}
			out = append(out, aws.ToString(found[i].DurableExecutionArn))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
