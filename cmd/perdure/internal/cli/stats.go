package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// statsOptions are the flags of perdure stats.
type statsOptions struct {
	function, store string
	since           time.Duration
	sample, rate    int
}

// What AWS is asked for unless flags say otherwise: histories and results are read one call each,
// and its quotas of such calls are 15 a second and less, for all programs of an account.
const (
	awsSample = 100
	awsRate   = 5
)

func (a *app) stats() *cobra.Command {
	var o statsOptions
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count executions: by status, by what they wait for, by error, and how long they take",
		Long: `Counts the executions of a function, or of all durable functions: how many have which status, what those that
have not ended wait for, which of them is the oldest, with which types of errors executions have failed, and
percentiles of how long those that have ended took and of the ages of the others.

It reads the service on this machine, its file with --store, or AWS. What an execution waits for is in its
history, and why it has failed in its description: each is a call. --sample says how many executions of
either are read, spread evenly over their starts, the oldest among them. On this machine that is all of
them; on AWS 100, at most 5 calls a second, and the output says what was not read. Statuses, ages and
durations are always of all executions: --since bounds them where there are many.`,
		Example: `  perdure stats
  perdure stats --function order --since 24h
  perdure stats --store .perdure/executions.db -o json
  perdure stats -f order --region eu-west-1 --sample 500 --rate 10`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.completeStats(cmd, &o); err != nil {
				return err
			}
			return a.runStats(cmd.Context(), &o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.function, "function", "f", "", "only executions of this function (default: of all durable functions)")
	if err := cmd.RegisterFlagCompletionFunc("function", a.completeFunctions); err != nil {
		fmt.Fprintln(a.Err, "perdure:", err)
	}
	f.StringVar(&o.store, "store", "", "count the executions in this file of perdure dev")
	f.Var(duration(&o.since, 0), "since", "only those started within this time, such as 24h")
	f.IntVar(&o.sample, "sample", 0, "read what at most this many executions wait for, and why at most this many failed; 0 means all (default on AWS 100)")
	f.IntVar(&o.rate, "rate", 0, "how many calls a second are made at most; 0 means any number (default on AWS 5)")
	return cmd
}

// completeStats refuses flags that cannot be, and sets those that AWS has other defaults of.
func (a *app) completeStats(cmd *cobra.Command, o *statsOptions) error {
	switch {
	case o.store != "" && (a.endpoint != "" || a.onAWS()):
		return usage("--store is a file, and --endpoint, --aws, --region and --profile are for an API; give one of them")
	case o.since < 0:
		return usage("--since is a duration such as 24h, not %s", view.Exact(o.since))
	case o.sample < 0:
		return usage("--sample is a number of executions, or 0 for all, not %d", o.sample)
	case o.rate < 0:
		return usage("--rate is a number of calls a second, or 0 for any, not %d", o.rate)
	}
	if a.onAWS() && !cmd.Flags().Changed("sample") {
		o.sample = awsSample
	}
	if a.onAWS() && !cmd.Flags().Changed("rate") {
		o.rate = awsRate
	}
	return nil
}

// runStats prints what there is. An execution that cannot be read ends the reading, not what is
// known without it.
func (a *app) runStats(ctx context.Context, o *statsOptions) (err error) {
	source, err := a.censusOf(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.close()) }()
	all, err := source.list(ctx, o.function, o.since)
	if err != nil {
		return err
	}
	s := a.count(all)
	s.Function = o.function
	failed := a.readStats(ctx, source, s, o.sample)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if a.output == "json" {
		return errors.Join(a.printJSON(s), failed)
	}
	return errors.Join(a.printStats(s), failed)
}

// readStats reads what executions wait for, and why they have failed.
func (a *app) readStats(ctx context.Context, source census, s *stats, most int) error {
	open, failed := sampleOf(s.open, most), sampleOf(s.failed, most)
	said, done := a.Now(), 0
	progress := func() {
		if done++; a.Now().Sub(said) >= progressEvery {
			said = a.Now()
			fmt.Fprintf(a.Err, "read %d of %d executions\n", done, len(open)+len(failed))
		}
	}
	for i, e := range open {
		h, err := source.history(ctx, e.arn)
		if err == nil && i == 0 { // of the oldest it is said when that is due
			source.move(ctx, e.arn, h)
		}
		switch {
		case is[notFoundError](err) || err == nil && !h.End.IsZero():
			s.Waiting.Gone++ // it has ended, or was deleted, since it was listed
		case err != nil:
			return err
		default:
			s.Waiting.add(e, h, a.Now())
		}
		progress()
	}
	for _, e := range failed {
		failure, err := source.failure(ctx, e)
		switch {
		case is[notFoundError](err):
			s.Failures.Gone++
		case err != nil:
			return err
		default:
			s.Failures.add(e, failure)
		}
		progress()
	}
	return nil
}

// sampleOf returns at most that many executions, spread evenly, the first among them; zero stands
// for all.
func sampleOf(all []counted, most int) []counted {
	if most == 0 || len(all) <= most {
		return all
	}
	some := make([]counted, most)
	for i := range some {
		some[i] = all[i*len(all)/most]
	}
	return some
}

// mostGroups is how many groups text shows: the largest ones.
const mostGroups = 20

func (a *app) printStats(s *stats) error {
	of := ""
	if s.Function != "" {
		of = " of " + s.Function
	}
	if s.Executions == 0 {
		fmt.Fprintf(a.Err, "there are no executions%s\n", of)
		return nil
	}
	fmt.Fprintln(a.Out, many(s.Executions, "execution", "executions")+of)
	var rows [][]string
	for _, c := range s.Statuses {
		rows = append(rows, []string{"  " + c.Status, thousands(c.Count)})
	}
	if err := a.table(rows); err != nil {
		return err
	}
	return errors.Join(a.printTimes(s), a.printOldest(s.Oldest), a.printWaiting(s), a.printFailures(s))
}

// printOldest prints what there is to know of the oldest execution that has not ended. It stands
// with the ages and not at the end: old is not broken.
func (a *app) printOldest(o *oldest) error {
	if o == nil {
		return nil
	}
	fmt.Fprintf(a.Out, "\nthe oldest that has not ended is %s of %s, started %s, %s ago\n", o.Name, o.Function, stamp(o.Start), spanOf(o.Age))
	if o.Waiting != "" {
		fmt.Fprintln(a.Out, o.Waiting)
	}
	_, err := fmt.Fprintln(a.Out, o.ARN)
	return err
}

func (a *app) printTimes(s *stats) error {
	rows := [][]string{{"", "EXECUTIONS", "50%", "90%", "99%", "MAX"}}
	for _, line := range []struct {
		what string
		p    *percentiles
	}{{"took, of those that ended", s.Took}, {"age, of the others", s.Age}} {
		if p := line.p; p != nil {
			rows = append(rows, []string{line.what, thousands(p.Count), spanOf(p.P50), spanOf(p.P90), spanOf(p.P99), spanOf(p.Max)})
		}
	}
	fmt.Fprintln(a.Out)
	return a.table(rows)
}

func (a *app) printWaiting(s *stats) error {
	w := &s.Waiting
	if w.Executions == 0 {
		return nil
	}
	fmt.Fprintf(a.Out, "\nwhat %s for%s:\n", w.of("that has not ended waits", "that have not ended wait"), w.note())
	rows := [][]string{{"COUNT", "FUNCTION", "WAITS FOR", "OLDEST", "NAME"}}
	for _, g := range w.Groups[:min(mostGroups, len(w.Groups))] {
		rows = append(rows, []string{thousands(g.Count), g.Function, cut(g.Waiting, a.width()-50), spanOf(g.Age), g.Name})
	}
	return a.printGroupRows(rows, len(w.Groups))
}

func (a *app) printFailures(s *stats) error {
	f := &s.Failures
	if f.Executions == 0 {
		return nil
	}
	fmt.Fprintf(a.Out, "\nerrors of %s%s:\n", f.of("that failed", "that failed"), f.note())
	rows := [][]string{{"COUNT", "FUNCTION", "TYPE", "LAST", "ITS MESSAGE"}}
	for _, g := range f.Groups[:min(mostGroups, len(f.Groups))] {
		kind := g.Type
		if kind == "" {
			kind = "(none)"
		}
		rows = append(rows, []string{thousands(g.Count), g.Function, kind, g.Name, cut(g.Message, a.width()-60)})
	}
	return a.printGroupRows(rows, len(f.Groups))
}

func (a *app) printGroupRows(rows [][]string, groups int) error {
	if len(rows) == 1 {
		return nil
	}
	err := a.table(rows)
	if groups > mostGroups {
		fmt.Fprintf(a.Out, "and %s; -o json has all\n", many(groups-mostGroups, "smaller group", "smaller groups"))
	}
	return err
}

// of names the executions that were read: all, or a part.
func (r *reading) of(one, several string) string {
	switch {
	case r.Executions == 1:
		return "the one " + one
	case r.Read+r.Gone == r.Executions:
		return "the " + thousands(r.Executions) + " " + several
	}
	return thousands(r.Read+r.Gone) + " of the " + thousands(r.Executions) + " " + several
}

// note says what the numbers are not.
func (r *reading) note() string {
	text := ""
	if left := r.Executions - r.Read - r.Gone; left > 0 {
		text = " (a sample: " + many(left, "execution was", "executions were") + " not read; --sample says how many are)"
	}
	if r.Gone > 0 {
		text += " (" + many(r.Gone, "has ended or was", "have ended or were") + " deleted meanwhile)"
	}
	return text
}

func many(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + several
}

func spanOf(seconds float64) string {
	return view.Span(time.Duration(seconds * float64(time.Second)))
}

// unfinished reports whether an execution has not ended. A status that is not known has no end.
func (e *counted) unfinished() bool { return !local.Status(e.status).Terminal() && e.end.IsZero() }
