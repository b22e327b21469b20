package cli

import (
	"context"
	"fmt"
	"runtime/debug"

	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/spf13/cobra"
)

func (a *app) stop() *cobra.Command {
	var function string
	var e errorFlags
	cmd := &cobra.Command{
		Use:   "stop EXECUTION",
		Short: "Stop an execution",
		Long: `Stops an execution: it ends with the status STOPPED and nothing of it runs any more. What it has
done is not undone.`,
		Args: exactly("EXECUTION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			arn, err := a.arn(cmd.Context(), args[0], function)
			if err != nil {
				return err
			}
			return a.done(a.stopExecution(cmd.Context(), arn, e.object()), "the execution is stopped")
		},
	}
	a.addFunctionFlag(cmd, &function)
	e.add(cmd)
	return cmd
}

// stopExecution stops an execution with an error, which may be nil.
func (a *app) stopExecution(ctx context.Context, arn string, failure *lambdatypes.ErrorObject) error {
	_, err := call(ctx, a, "stop "+arn,
		func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.StopDurableExecutionOutput, error) {
			return c.StopDurableExecution(ctx, &lambdaapi.StopDurableExecutionInput{DurableExecutionArn: &arn, Error: failure})
		})
	return err
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  exactly(),
		RunE: func(*cobra.Command, []string) error {
			version := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
				version = info.Main.Version
			}
			fmt.Fprintln(a.Out, "perdure", version)
			return nil
		},
	}
}
