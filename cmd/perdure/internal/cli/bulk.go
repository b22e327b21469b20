package cli

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// bulk is which executions a command changes: one, or all that the flags select. The API changes
// one at a time.
type bulk struct {
	all, dryRun          bool
	function             string
	statuses             []string
	pattern              string
	olderThan, newerThan time.Duration
	rate                 int
	limit                int
}

func (a *app) addBulkFlags(cmd *cobra.Command, b *bulk) {
	a.addFunctionFlag(cmd, &b.function)
	f := cmd.Flags()
	f.BoolVar(&b.all, "all", false, "all executions that the flags select, and not one")
	f.StringSliceVar(&b.statuses, "status", nil, "with --all: only with these statuses")
	a.complete(cmd, "status", statuses())
	f.StringVar(&b.pattern, "name", "", "with --all: only with such a name; * and ? stand for any text and any character")
	f.Var(duration(&b.olderThan, 0), "older-than", "with --all: only those started longer ago, such as 168h")
	f.Var(duration(&b.newerThan, 0), "newer-than", "with --all: only those started within this time, such as 2h")
	f.IntVar(&b.limit, "limit", 0, "with --all: at most that many; 0 means all")
	f.IntVar(&b.rate, "rate", 5, "with --all: at most that many calls a second")
	f.BoolVar(&b.dryRun, "dry-run", false, "with --all: only print what would be changed")
}

// args takes one execution, or none with --all.
func (b *bulk) args(cmd *cobra.Command, args []string) error {
	switch {
	case b.all && len(args) > 0:
		return usage("--all is for all executions that the flags select; leave %q out, or --all", args[0])
	case b.all:
		return nil
	case len(args) == 0:
		return usage("EXECUTION is missing: %s; --all is for all that the flags select; see %s --help", arguments()["EXECUTION"], cmd.CommandPath())
	}
	for _, name := range []string{"status", "name", "older-than", "newer-than", "limit", "rate", "dry-run"} {
		if cmd.Flags().Changed(name) {
			return usage("--%s selects of many executions; give --all, and no execution", name)
		}
	}
	return exactly("EXECUTION")(cmd, args)
}

// check refuses what selects nothing, or cannot be.
func (b *bulk) check(c change) error {
	for i, status := range b.statuses {
		b.statuses[i] = strings.ToUpper(status)
		if !slices.Contains(c.statuses, b.statuses[i]) {
			return usage("executions that are %s cannot be %s: only those that are %s", b.statuses[i], c.done, strings.Join(c.statuses, ", "))
		}
	}
	if _, err := path.Match(b.pattern, ""); err != nil {
		return usage("--name is a name with * and ? for what varies, not %q", b.pattern)
	}
	switch {
	case b.olderThan < 0 || b.newerThan < 0:
		return usage("--older-than and --newer-than are durations such as 24h")
	case b.newerThan > 0 && b.olderThan >= b.newerThan:
		return usage("no execution was started both longer than %s ago and within %s", view.Exact(b.olderThan), view.Exact(b.newerThan))
	case b.rate < 1:
		return usage("--rate is a number of calls a second, at least 1, not %d", b.rate)
	case b.limit < 0:
		return usage("--limit is the number of executions, or 0 for all, not %d", b.limit)
	}
	return nil
}

// change is what is done to executions.
type change struct {
	verb, done, one string
	// now, if not nil, says what has been done to one execution by the status that it has then.
	now func(now local.Status) string
	// statuses are those that an execution may have.
	statuses []string
	make     func(ctx context.Context, c checkpoint.Control, arn string) error
}

// changed is an execution in JSON, and whether it was changed.
type changed struct {
	ARN      string `json:"executionArn"`
	Name     string `json:"name"`
	Function string `json:"functionArn"`
	Status   string `json:"status"` // before
	Done     bool   `json:"done"`
	Skipped  string `json:"skipped,omitempty"` // why it was not
}

func (a *app) runBulk(ctx context.Context, args []string, b *bulk, c change) error {
	if !b.all {
		arn, err := a.arn(ctx, args[0], b.function)
		if err != nil {
			return err
		}
		if err := a.apply(ctx, c, arn); err != nil {
			return err
		}
		one := c.one
		if c.now != nil {
			if e, err := a.execution(ctx, arn); err == nil { // else what is so in any case is said
				one = c.now(local.Status(e.Status))
			}
		}
		return a.done(nil, one)
	}
	if err := b.check(c); err != nil {
		return err
	}
	found, err := a.selected(ctx, b, c)
	if err != nil {
		return err
	}
	if b.dryRun {
		return a.printSelected(found, c)
	}
	return a.applyAll(ctx, found, b.rate, c)
}

// apply changes one execution.
func (a *app) apply(ctx context.Context, c change, arn string) error {
	_, err := call(ctx, a, c.verb+" "+arn, func(ctx context.Context, client *lambdaapi.Client) (struct{}, error) {
		return struct{}{}, c.make(ctx, checkpoint.NewControl(client), arn)
	})
	return err
}

// selected returns the executions that the flags select, the oldest first.
func (a *app) selected(ctx context.Context, b *bulk, c change) (all []lambdatypes.Execution, err error) {
	functions := []string{b.function}
	if b.function == "" {
		if functions, err = a.functions(ctx); err != nil {
			return nil, err
		}
	}
	s := selection{statuses: b.statuses, since: b.newerThan, before: b.olderThan, oldest: true}
	if len(s.statuses) == 0 {
		s.statuses = c.statuses
	}
	for _, function := range functions {
		found, _, err := a.executions(ctx, function, s)
		if err != nil {
			return nil, err
		}
		for i := range found {
			if ok, _ := path.Match(b.pattern, aws.ToString(found[i].DurableExecutionName)); ok || b.pattern == "" {
				all = append(all, found[i])
			}
		}
	}
	if b.limit > 0 && len(all) > b.limit {
		all = all[:b.limit]
	}
	return all, nil
}

func (a *app) printSelected(found []lambdatypes.Execution, c change) error {
	if a.output == "json" {
		return a.printJSON(changes(found))
	}
	if err := a.printExecutions(found); err != nil {
		return err
	}
	fmt.Fprintf(a.Err, "%s would be %s\n", view.Plural(len(found), "execution", "executions"), c.done)
	return nil
}

func changes(found []lambdatypes.Execution) []changed {
	out := make([]changed, len(found))
	for i := range found {
		e := &found[i]
		out[i] = changed{
			ARN: aws.ToString(e.DurableExecutionArn), Name: aws.ToString(e.DurableExecutionName),
			Function: aws.ToString(e.FunctionArn), Status: string(e.Status),
		}
	}
	return out
}

// progressEvery is how often a command that takes long says how far it is.
const progressEvery = 2 * time.Second

// applyAll changes executions, one after the other. One that has gone on meanwhile is skipped; any
// other error ends it.
func (a *app) applyAll(ctx context.Context, found []lambdatypes.Execution, rate int, c change) error {
	out := changes(found)
	done, skipped, told := 0, 0, a.Now()
	var failed error
	for i := range out {
		if i > 0 {
			if failed = sleep(ctx, time.Second/time.Duration(rate)); failed != nil {
				break
			}
		}
		failed = a.apply(ctx, c, out[i].ARN)
		switch api, ok := errors.AsType[*checkpoint.APIError](failed); {
		case failed == nil:
			out[i].Done = true
			done++
		case ok && (api.Conflict() || api.NotFound()):
			out[i].Skipped = api.Message
			skipped, failed = skipped+1, nil
		}
		if failed != nil {
			break
		}
		if now := a.Now(); now.Sub(told) >= progressEvery {
			told = now
			fmt.Fprintf(a.Err, "%s %d of %d executions\n", c.done, done, len(out))
		}
	}
	if a.output == "json" {
		failed = errors.Join(a.printJSON(out), failed)
	}
	line := fmt.Sprintf("%s %d of %s", c.done, done, view.Plural(len(out), "execution", "executions"))
	if skipped > 0 {
		line += fmt.Sprintf("; %d had gone on meanwhile", skipped)
	}
	fmt.Fprintln(a.Err, line)
	return failed
}
