package cli

import (
	"context"
	"fmt"
	"runtime/debug"

	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
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
			_, err = call(cmd.Context(), a, "stop "+arn,
				func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.StopDurableExecutionOutput, error) {
					return c.StopDurableExecution(ctx, &lambdaapi.StopDurableExecutionInput{DurableExecutionArn: &arn, Error: e.object()})
				})
			return a.done(err, "the execution is stopped")
		},
	}
	a.addFunctionFlag(cmd, &function)
	e.add(cmd)
	return cmd
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
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
