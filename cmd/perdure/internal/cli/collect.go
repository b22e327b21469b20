package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec/offload"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// collectOptions are the flags of perdure collect.
type collectOptions struct {
	objects   string
	functions []string
	ended     time.Duration // negative for as long as there is a history
	age       time.Duration
	rate      int
	dryRun    bool
}

func (a *app) collect() *cobra.Command {
	o := collectOptions{}
	cmd := &cobra.Command{
		Use:   "collect --objects STORE",
		Short: "Remove offloaded payloads that no execution needs any more",
		Long: `Removes the objects of codec/offload that no execution needs: those of executions whose history is gone, and with
--ended of those that ended longer ago. What an execution has that is still needed stays, whoever has written it: its
input, which a caller or a predecessor has written, results of functions that it has invoked, and what a fork has from
the execution that it was forked from.

It reads the histories of all executions that are still needed, of all durable functions. The store must be that of this
service alone: in the same bucket and prefix, executions of a function of the same name in another region or account
are not seen, and their objects would be removed. Objects of functions that the service does not have stay, unless
--function names them. Do not fork or redrive meanwhile what ended longer ago than --ended.

Nothing is removed where it cannot be known what an execution needs.`,
		Example: `  perdure collect --objects .perdure/objects --dry-run
  perdure collect --objects s3://payloads-of-orders --region eu-west-1 --ended 168h`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.completeCollect(cmd, &o); err != nil {
				return err
			}
			return a.runCollect(cmd.Context(), &o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.objects, "objects", "", "the store: a folder, s3://BUCKET or s3://BUCKET/PREFIX")
	f.StringSliceVarP(&o.functions, "function", "f", nil, "only objects of executions of this function, which the service need not have any more (default: of all that it has)")
	if err := cmd.RegisterFlagCompletionFunc("function", a.completeFunctions); err != nil {
		fmt.Fprintln(a.Err, "perdure:", err)
	}
	f.Var(duration(&o.ended, 0), "ended", "also objects of executions that ended longer ago, such as 168h, though their history is there (default: as long as it is, they stay)")
	f.Var(duration(&o.age, 24*time.Hour), "min-age", "objects that were written within this time stay: an execution may just have been started with one")
	f.IntVar(&o.rate, "rate", 0, "how many calls a second are made at most to read executions; 0 means any number (default on AWS 5)")
	f.BoolVar(&o.dryRun, "dry-run", false, "only say what would be removed")
	return cmd
}

// completeCollect refuses flags that cannot be, and sets those whose default is none of a number.
func (a *app) completeCollect(cmd *cobra.Command, o *collectOptions) error {
	switch {
	case o.objects == "":
		return usage("--objects is missing: the folder or the bucket of the objects; see %s --help", cmd.CommandPath())
	case o.ended < 0:
		return usage("--ended is a duration such as 168h, not %s", view.Exact(o.ended))
	case o.age < 0:
		return usage("--min-age is a duration such as 24h, not %s", view.Exact(o.age))
	case o.rate < 0:
		return usage("--rate is a number of calls a second, or 0 for any, not %d", o.rate)
	}
	if !cmd.Flags().Changed("ended") {
		o.ended = -1
	}
	if a.onAWS() && !cmd.Flags().Changed("rate") {
		o.rate = awsRate
	}
	return nil
}

// collected is what perdure collect prints as JSON.
type collected struct {
	Removed int   `json:"removed"`
	Bytes   int64 `json:"removedBytes"`
	Kept    int   `json:"kept"`
	// Others are objects of functions that were not chosen, among them those that the service does
	// not have.
	Others     int  `json:"ofOtherFunctions"`
	Executions int  `json:"executions"` // whose histories were read
	DryRun     bool `json:"dryRun,omitempty"`
}

func (a *app) runCollect(ctx context.Context, o *collectOptions) error {
	began := a.Now()
	store, err := a.objects(ctx, o.objects)
	if err != nil {
		return err
	}
	listing, ok := store.(offload.Listing)
	if !ok {
		return fmt.Errorf("the objects in %s cannot be listed", o.objects)
	}
	functions, err := a.functions(ctx)
	if err != nil {
		return err
	}
	a.pace = pacer(o.rate)
	n := needs{app: a, sources: map[string]bool{}}
	if err := n.read(ctx, functions, func(end time.Time) bool { return o.ended < 0 || end.After(began.Add(-o.ended)) }); err != nil {
		return err
	}
	chosen := chosenObjects{Listing: listing, dryRun: o.dryRun, functions: o.functions}
	if len(o.functions) == 0 {
		chosen.functions = functions
	}
	found, err := offload.Collect(ctx, &chosen, &n.use, began.Add(-o.age))
	done := collected{found.Removed, found.RemovedBytes, found.Kept, chosen.others, n.executions, o.dryRun}
	if err != nil {
		a.say("%s", done.text())
		return err
	}
	if a.output == "json" {
		return a.printJSON(done)
	}
	fmt.Fprintln(a.Out, done.text())
	if chosen.others > 0 {
		a.say("%s of functions that %s; --function chooses them", many(chosen.others, "object is", "objects are"),
			map[bool]string{true: "the service does not have", false: "were not chosen"}[len(o.functions) == 0])
	}
	return nil
}

func (c *collected) text() string {
	verb := "removed"
	if c.DryRun {
		verb = "would remove"
	}
	return fmt.Sprintf("%s %s (%s), kept %s; %s read", verb, many(c.Removed, "object", "objects"), many(int(c.Bytes), "byte", "bytes"),
		thousands(c.Kept), many(c.Executions, "history was", "histories were"))
}

// chosenObjects are the objects of executions of some functions.
type chosenObjects struct {
	offload.Listing

	functions []string
	dryRun    bool
	others    int
}

// Objects leaves out those of other functions, and counts them.
func (c *chosenObjects) Objects(ctx context.Context) iter.Seq2[offload.Object, error] {
	return func(yield func(offload.Object, error) bool) {
		for o, err := range c.Listing.Objects(ctx) {
			if err == nil && !c.chosen(o.Scope) {
				c.others++
				continue
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// chosen reports whether a scope is one of an execution of such a function: it begins with its
// name. Where one name begins another, as in pay and pay_back, it may be one of either.
func (c *chosenObjects) chosen(scope string) bool {
	for _, f := range c.functions {
		if strings.HasPrefix(scope, f+"_") {
			return true
		}
	}
	return false
}

// Remove removes nothing in a dry run.
func (c *chosenObjects) Remove(ctx context.Context, k offload.Key) error {
	if c.dryRun {
		return nil
	}
	return c.Listing.Remove(ctx, k)
}

// needs gathers what executions need.
type needs struct {
	*app

	use        offload.InUse
	executions int
	sources    map[string]bool // executions that were asked for what a history has cut off
}

// read gathers what all executions need that have not ended, and those that have whose end is kept.
func (n *needs) read(ctx context.Context, functions []string, kept func(end time.Time) bool) error {
	var arns []string
	for _, f := range functions { // all before the first history: one that is read may start others
		found, _, err := n.app.executions(ctx, f, selection{})
		if err != nil {
			return err
		}
		for i := range found {
			if e := &found[i]; e.EndTimestamp == nil || kept(*e.EndTimestamp) {
				arns = append(arns, aws.ToString(e.DurableExecutionArn))
			}
		}
	}
	said := n.Now()
	for i, arn := range arns {
		n.use.AddExecution(arn)
		switch err := n.add(ctx, arn); {
		case is[notFoundError](err): // it was deleted meanwhile
		case err != nil:
			return fmt.Errorf("nothing is removed: it cannot be known what %s needs: %w", arn, err)
		}
		n.executions++
		if n.Now().Sub(said) >= progressEvery {
			said = n.Now()
			fmt.Fprintf(n.Err, "read %d of %d histories\n", i+1, len(arns))
		}
	}
	return nil
}

// add gathers what one execution needs.
func (n *needs) add(ctx context.Context, arn string) error {
	events, err := n.events(ctx, arn, 0)
	if err != nil {
		return err
	}
	targets := map[string]string{} // what invokes have started, by their IDs
	for i := range events {
		e := &events[i]
		if e.Target != "" {
			targets[e.OperationID] = e.Target
		}
		if err := n.addEvent(ctx, arn, e, targets[e.OperationID]); err != nil {
			return fmt.Errorf("event %d, %s %q: %w", e.ID, e.Type, e.Name, err)
		}
	}
	return nil
}

// addEvent gathers what an event refers to. What was written by the execution itself is kept
// anyway; what others have written and the history has cut off is asked of them.
func (n *needs) addEvent(ctx context.Context, arn string, e *local.Event, target string) error {
	_, noInput := e.Input.Withheld()
	_, noResult := e.Result.Withheld()
	switch {
	case noInput && e.Type == local.EventExecutionStarted:
		if err := n.addEnds(ctx, arn); err != nil {
			return err
		}
	case noResult && strings.HasPrefix(string(e.Type), "ChainedInvoke"):
		if target == "" {
			return errors.New("the history has cut it off, and does not say which execution it is of")
		}
		if err := n.addEnds(ctx, target); err != nil {
			return err
		}
	}
	for _, p := range []checkpoint.Payload{e.Input, e.Result} {
		if err := n.use.AddPayload(p.Bytes()); err != nil {
			return err
		}
	}
	return n.addFailure(e.Failure)
}

// addEnds gathers what the input, the result and the error of an execution refer to.
func (n *needs) addEnds(ctx context.Context, arn string) error {
	if n.sources[arn] {
		return nil
	}
	e, err := n.execution(ctx, arn)
	if err != nil {
		return fmt.Errorf("the history has cut it off: %s", message(err))
	}
	n.sources[arn] = true
	for _, p := range []*string{e.InputPayload, e.Result} {
		if err := n.use.AddPayload([]byte(aws.ToString(p))); err != nil {
			return err
		}
	}
	return n.addFailure(failureOf(e.Error))
}

// addFailure gathers what an error refers to: its data has a payload if errors pass a codec, and
// the message of one of an undo.
func (n *needs) addFailure(f *checkpoint.Failure) error {
	if f == nil {
		return nil
	}
	for _, text := range []string{f.Data, f.Message} {
		if err := n.use.AddPayload([]byte(text)); err != nil {
			return err
		}
	}
	return nil
}
