package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

func (a *app) skip() *cobra.Command {
	var function, operation string
	cmd := &cobra.Command{
		Use:   "skip EXECUTION [DURATION]",
		Short: "Have time go by for an execution, without a wait (on this machine)",
		Long: `Has time go by for one execution: its waits, the pauses before its attempts and its timeouts come that much
sooner, and what is due by then happens at once. No clock moves, and other executions are as they are. With
--operation it is done for one operation, by its path, as in parcels/item-1/pack, or its ID; without DURATION it
skips the rest of the wait, or of the pause before the next attempt. AWS has no such call.`,
		Example: `  perdure skip A-1 24h
  perdure skip A-1 --operation cool-off`,
		Args: between(1, "EXECUTION", "DURATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var by time.Duration
			switch {
			case len(args) > 1:
				var err error
				if by, err = view.ParseSpan(args[1]); err != nil || by <= 0 {
					return usage("DURATION is a time such as 24h, 90m or 3d, not %q", args[1])
				}
			case operation == "":
				return missing(cmd, "DURATION")
			}
			if a.onAWS() {
				return usage("AWS has no call to skip time; leave out --aws, --region and --profile, for executions on this machine")
			}
			arn, err := a.arn(cmd.Context(), args[0], function)
			if err != nil {
				return err
			}
			return a.runSkip(cmd.Context(), arn, operation, by)
		},
	}
	a.addFunctionFlag(cmd, &function)
	cmd.Flags().StringVar(&operation, "operation", "", "only for this operation, by its path or its ID")
	return cmd
}

// runSkip has time go by, and says what that has done.
func (a *app) runSkip(ctx context.Context, arn, operation string, by time.Duration) error {
	before, known := a.timers(ctx, arn)
	if err := a.skipTime(ctx, arn, operation, by); err != nil {
		return err
	}
	after, knownAfter := a.timers(ctx, arn)
	events, err := a.events(ctx, arn, 0)
	if err != nil || !known || !knownAfter { // it is done: who cannot say more says that
		before, after = nil, nil
	}
	return a.done(nil, skippedText(view.Read(events), before, after, operation, by, a.Now()))
}

// skipTime has time go by for an execution of the service on this machine.
func (a *app) skipTime(ctx context.Context, arn, operation string, by time.Duration) error {
	return a.post(ctx, "skip", arn, map[string]any{"Operation": operation, "Seconds": by.Seconds()}, &struct{}{})
}
