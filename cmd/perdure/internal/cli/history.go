package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

func (a *app) history() *cobra.Command {
	var function string
	var follow bool
	var with openFlags
	cmd := &cobra.Command{
		Use:   "history EXECUTION",
		Short: "Show the events of an execution",
		Long: `Shows the events of an execution in the order they happened. With -o json it prints one event a
line, as the Lambda API has it. With --follow it goes on until the execution has ended.`,
		Args: exactly("EXECUTION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			arn, err := a.arn(cmd.Context(), args[0], function)
			if err != nil {
				return err
			}
			return a.runHistory(cmd.Context(), arn, follow, with)
		},
	}
	a.addFunctionFlag(cmd, &function)
	a.addOpenFlags(cmd, &with)
	cmd.Flags().BoolVar(&follow, "follow", false, "wait for further events until the execution has ended")
	return cmd
}

func (a *app) runHistory(ctx context.Context, arn string, follow bool, with openFlags) error {
	o, err := a.opener(ctx, arn, with)
	if err != nil {
		return err
	}
	printOpen := func(events []local.Event) error {
		o.open(ctx, events)
		return a.printEvents(events)
	}
	if follow {
		return a.tail(ctx, arn, printOpen)
	}
	events, err := a.events(ctx, arn, 0)
	if err != nil {
		return err
	}
	return printOpen(events)
}

func (a *app) printEvents(events []local.Event) error {
	if a.output == "json" {
		for i := range events {
			text, err := events[i].MarshalJSON()
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Out, "%s\n", text)
		}
		return nil
	}
	rows := make([][]string, len(events))
	for i := range events {
		e := &events[i]
		rows[i] = []string{
			strconv.Itoa(e.ID), e.Time.UTC().Format("2006-01-02 15:04:05.000Z"), string(e.Type), e.Name, cut(view.About(e), a.width()-60),
		}
	}
	return a.table(rows)
}
