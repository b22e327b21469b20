package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

func (a *app) fork() *cobra.Command {
	var function, before, name string
	var repeat bool
	cmd := &cobra.Command{
		Use:   "fork EXECUTION --before OPERATION",
		Short: "Start an execution with the log that another one had before an operation (on this machine)",
		Long: `Starts an execution with the log that another one had right before an operation began: it replays that, and
goes on with the code that is there now. OPERATION is the ID of an operation, or its path, as in parcels/item-1/pack.
The other execution stays as it is. AWS has no such call.

A step that was interrupted may have had its effect; it is run again only with --repeat-interrupted.`,
		Example: `  perdure fork A-1 --before parcels/item-1/pack --name A-1b`,
		Args:    exactly("EXECUTION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if before == "" {
				return usage("--before is missing: the operation that has not begun in the new execution, by its path or its ID, "+
					"as perdure show prints them; see %s --help", cmd.CommandPath())
			}
			return a.runFork(cmd.Context(), "fork", args[0], function, before, name, repeat)
		},
	}
	a.addFunctionFlag(cmd, &function)
	cmd.ValidArgsFunction = a.completeExecutionsWith(statuses()...)
	cmd.Flags().StringVar(&before, "before", "", "the operation, by its path or its ID")
	cmd.Flags().StringVar(&name, "name", "", "name of the new execution (default: the other's with -fork-1)")
	addRepeatFlag(cmd, &repeat)
	return cmd
}

func (a *app) redrive() *cobra.Command {
	var function, name string
	var repeat bool
	cmd := &cobra.Command{
		Use:   "redrive EXECUTION",
		Short: "Start an execution that goes on where another one has failed (on this machine)",
		Long: `Starts an execution with the log of one that has failed, timed out or was stopped, without its end: it replays
that, and tries again what has failed and nothing has answered, with the code that is there now. A failure after which
something else began in the same scope, such as an Undo, stays: perdure fork begins before it. The other execution stays
as it is. AWS has no such call.

A step that was interrupted may have had its effect, and runs again under another idempotency key: ask what it calls
first, and give --repeat-interrupted if the effect is not there.`,
		Example: `  perdure redrive A-1`,
		Args:    exactly("EXECUTION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runFork(cmd.Context(), "redrive", args[0], function, "", name, repeat)
		},
	}
	a.addFunctionFlag(cmd, &function)
	cmd.ValidArgsFunction = a.completeExecutionsWith("FAILED", "TIMED_OUT", "STOPPED")
	cmd.Flags().StringVar(&name, "name", "", "name of the new execution (default: the other's with -redrive-1)")
	addRepeatFlag(cmd, &repeat)
	return cmd
}

func addRepeatFlag(cmd *cobra.Command, repeat *bool) {
	cmd.Flags().BoolVar(repeat, "repeat-interrupted", false,
		"run again steps that were interrupted, whose effect may have happened (op.AtMostOncePerRetry)")
}

// checkInterrupted refuses to run a step again whose effect may have happened.
func (a *app) checkInterrupted(ctx context.Context, verb, arn, before string) error {
	events, err := a.events(ctx, arn, 0)
	if err != nil {
		return nil //nolint:nilerr // the call itself says what is wrong with the execution
	}
	h := view.Read(events)
	if h.End.IsZero() && verb == "redrive" {
		return nil // which the call refuses
	}
	steps := h.RepeatedByFork(before)
	if verb == "redrive" {
		steps = h.RepeatedByRedrive()
	}
	if len(steps) == 0 {
		return nil
	}
	return usage("%s: %s %s interrupted and may have had an effect; it would run again, under another idempotency key. "+
		"Ask what it calls whether the effect happened; if it did not: --repeat-interrupted",
		verb, strings.Join(steps, ", "), map[bool]string{true: "was", false: "were"}[len(steps) == 1])
}

// checkRedrive refuses what has nothing that failed, and what fails again with its input, which a
// redrive has as well.
func (a *app) checkRedrive(ctx context.Context, arn string) error {
	e, err := a.execution(ctx, arn)
	if err != nil {
		return nil //nolint:nilerr // the call itself says what is wrong with the execution
	}
	name := view.Quoted(checkpoint.ExecutionName(arn))
	fork := "perdure fork " + name + " --before OPERATION, by its path as perdure show prints it"
	switch status := local.Status(e.Status); {
	case status == local.StatusSucceeded:
		return fmt.Errorf("redrive %s: it has succeeded, so nothing of it is to be tried again; to run a part of it again: %s", name, fork)
	case !status.Terminal():
		return fmt.Errorf("redrive %s: it has not ended, it is %s; stop it first, or leave it as it is and begin another one with: %s", name, status, fork)
	case view.Poisoned(failureOf(e.Error)):
		return usage("redrive: the input does not fit the function, and a redrive has the same input: it fails again; " +
			"start one with another input, under another name: perdure start FUNCTION INPUT --name NAME")
	}
	return nil
}

// runFork makes a call that only the service on this machine has, and prints the ARN of the new
// execution.
func (a *app) runFork(ctx context.Context, verb, text, function, before, name string, repeat bool) error {
	if a.onAWS() {
		return usage("AWS has no call to %s an execution; start one with the same input, under another name", verb)
	}
	arn, err := a.arn(ctx, text, function)
	if err != nil {
		return err
	}
	if verb == "redrive" {
		if err := a.checkRedrive(ctx, arn); err != nil {
			return err
		}
	}
	if !repeat {
		if err := a.checkInterrupted(ctx, verb, arn, before); err != nil {
			return err
		}
	}
	started, err := a.forked(ctx, verb, arn, before, name)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.printJSON(struct {
			ARN string `json:"executionArn"`
		}{started})
	}
	fmt.Fprintln(a.Out, started)
	a.sayForked(ctx, arn, started)
	return nil
}

// sayForked says what an execution has taken over from the one that it was made of, what runs
// again, and where to look. Who may not read either does without.
func (a *app) sayForked(ctx context.Context, from, started string) {
	before, err := a.events(ctx, from, 0)
	if err != nil {
		return
	}
	events, err := a.events(ctx, started, 0)
	if err != nil {
		return
	}
	name := checkpoint.ExecutionName(started)
	for _, line := range forkedText(view.Read(before), view.Begun(events), checkpoint.ExecutionName(from), name) {
		fmt.Fprintln(a.Err, line)
	}
	fmt.Fprintf(a.Err, "how it goes on: perdure show %s --function %s\n", view.Quoted(name), view.Quoted(functionOf(started)))
}

// mostForked is how many operations are named.
const mostForked = 3

// forkedText says what of an execution another one has kept, and what runs again.
func forkedText(before, begun *view.History, from, name string) []string {
	var kept, again []string
	for _, o := range before.All {
		if o.Kind == "group" {
			continue
		}
		if now := begun.Operation(o.ID); now != nil && now.Status.Terminal() {
			kept = append(kept, o.Path())
		} else {
			again = append(again, o.Path())
		}
	}
	lines := []string{fmt.Sprintf("%s has what %s has recorded of %s", name, from, fewOf(kept)), "what runs again, or goes on: " + fewOf(again)}
	if len(kept) == 0 {
		lines[0] = fmt.Sprintf("%s has no record of %s: it begins from the start", name, from)
	}
	if len(again) == 0 {
		lines[1] = "all of its operations have ended: the handler runs again, and finds their results"
	}
	return lines
}

// fewOf names operations, at most three.
func fewOf(paths []string) string {
	if more := len(paths) - mostForked; more > 0 {
		return strings.Join(paths[:mostForked], ", ") + " and " + view.Plural(more, "other", "others")
	}
	return strings.Join(paths, ", ")
}

// post makes a call about an execution that the AWS SDK does not have.
func (a *app) post(ctx context.Context, verb, arn string, in, out any) (err error) {
	limited, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	text, err := json.Marshal(in)
	if err != nil {
		return err
	}
	address := a.serviceURL() + "/2025-12-01/durable-executions/" + url.PathEscape(arn) + "/" + verb
	r, err := http.NewRequestWithContext(limited, http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return err
	}
	what := verb + " " + shortARNs(arn)
	res, err := knownService{http.DefaultClient}.Do(r)
	if err != nil {
		if is[*net.OpError](err) || errors.Is(err, errStranger) || limited.Err() != nil {
			return a.explain(what, errors.Join(err, limited.Err()))
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		var refusal struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal(answer, &refusal) // without a message the status says it
		err := fmt.Errorf("%s: %s (%s)", what, strings.TrimSuffix(strings.TrimPrefix(refusal.Message, "local: "), "."), res.Header.Get("X-Amzn-Errortype"))
		if res.StatusCode == http.StatusNotFound {
			return notFoundError{fmt.Errorf("%w%s", err, a.whereToLook(refusal.Message))}
		}
		return err
	}
	return json.Unmarshal(answer, out)
}
