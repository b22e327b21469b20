package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/redact"
	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// recordOptions are the flags of perdure record.
type recordOptions struct {
	selection
	openFlags

	redact, plain bool
	keep          []string
	sample        int
	dir           string
}

func (a *app) record() *cobra.Command {
	var o recordOptions
	cmd := &cobra.Command{
		Use:   "record FUNCTION",
		Short: "Write histories of executions into files that tests compare changed code with",
		Long: `Writes the histories of executions of a function, one file each, for tests that rehearse changed
code on them. Of many executions a sample is taken, spread evenly over the time.

A history holds the data of its execution: say --redact or --plain. With --redact the
operations, their names and keys, how they ended and the structure of their payloads stay, and
strings and numbers are replaced. What handlers branch on is to stay: --keep names an operation
and the path in its payload, or "input". ARNs stay, and with them the names of executions; so do
the keys of operations, in payloads as well: a handler makes them of its input.

What is sealed, compressed or kept elsewhere is opened with --keyring, --unpack and --objects,
and then written as the other payloads are. Without them --redact withholds it: what depends on
it is not decided by a rehearsal. --plain writes it as it is recorded.`,
		Example: `  perdure record order --sample 20 --redact --keep charge.status --keep input.country
  perdure record order:live --status RUNNING --redact --aws --dir testdata/histories/live`,
		Args:              exactly("FUNCTION"),
		ValidArgsFunction: a.completeFunctions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return a.runRecord(cmd.Context(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.redact, "redact", false, "replace strings and numbers of payloads and errors")
	f.BoolVar(&o.plain, "plain", false, "write payloads and errors as they are")
	f.StringSliceVar(&o.keep, "keep", nil, "with --redact, places that stay: charge.status, pack.lines[].sku, input.country, *.id")
	f.IntVar(&o.sample, "sample", 20, "at most that many executions; 0 means all")
	f.StringVar(&o.dir, "dir", "", "folder to write to (default testdata/histories/FUNCTION)")
	f.StringSliceVar(&o.statuses, "status", nil, "only with these statuses: "+strings.Join(statuses(), ", "))
	a.complete(cmd, "status", statuses())
	f.StringVar(&o.name, "name", "", "only the one with this name")
	f.Var(duration(&o.since, 0), "since", "only those started within this time, such as 24h")
	a.addOpenFlags(cmd, &o.openFlags)
	return cmd
}

// check refuses what would write data that was not asked for.
func (o *recordOptions) check() error {
	switch {
	case o.redact == o.plain:
		return usage("a history holds the data of its execution; give --redact to replace it, or --plain to write it as it is, one of them")
	case o.plain && len(o.keep) > 0:
		return usage("--keep is for --redact: --plain keeps everything")
	case o.sample < 0:
		return usage("--sample is the number of executions, or 0 for all, not %d", o.sample)
	}
	return o.selection.check()
}

// recorded is a history as a file has it.
type recorded struct {
	ARN        string        `json:"DurableExecutionArn"`
	Taken      time.Time     `json:"Taken"`
	ForkedFrom []string      `json:"ForkedFrom,omitempty"`
	Events     []local.Event `json:"Events"`
}

func (a *app) runRecord(ctx context.Context, function string, o recordOptions) error {
	open, err := a.openers(ctx, o.openFlags)
	if err != nil {
		return err // before anything is read or written
	}
	found, _, err := a.executions(ctx, function, o.selection)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return notFoundError{errors.New(o.none([]string{function}) + " of " + function)}
	}
	if o.dir == "" {
		o.dir = filepath.Join("testdata", "histories", fileName(function))
	}
	if err := os.MkdirAll(o.dir, 0o750); err != nil {
		return err
	}
	written, withheld := 0, 0
	for _, i := range spread(len(found), o.sample) {
		arn := aws.ToString(found[i].DurableExecutionArn)
		h := recorded{ARN: arn, Taken: a.Now().UTC().Truncate(time.Second)}
		if h.Events, err = a.events(ctx, arn, 0); err != nil {
			return err
		}
		if h.ForkedFrom, err = a.forkedFrom(ctx, arn); err != nil {
			return err
		}
		opener := open.of(arn)
		opener.hush() // what stays closed is counted
		opener.open(ctx, h.Events)
		if redactHistory(&h, o) {
			withheld++
		}
		text, err := json.MarshalIndent(h, "", " ")
		if err != nil {
			return err
		}
		// Two executions may have one name, one after the other: the ID is in the name of the file.
		path := filepath.Join(o.dir, fileName(checkpoint.ExecutionName(arn))+"-"+short(checkpoint.ExecutionID(arn))+".json")
		if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
			return err
		}
		written++
		fmt.Fprintln(a.Out, path)
	}
	fmt.Fprintf(a.Err, "wrote %s of %s of %s\n", thousands(written), thousandsIn(view.Plural(len(found), "history", "histories")), function)
	if withheld > 0 {
		fmt.Fprintf(a.Err, "%s payloads that are withheld: what comes after them is not decided by a rehearsal\n",
			view.Plural(withheld, "history has", "histories have"))
	}
	return nil
}

// forkedFrom returns the ARNs of the executions that one was forked from. AWS has no forks.
func (a *app) forkedFrom(ctx context.Context, arn string) ([]string, error) {
	if a.onAWS() {
		return nil, nil
	}
	log, err := apiLogs{app: a}.exactLog(ctx, arn)
	if errors.Is(err, errNoLog) {
		return nil, nil // a service that does not know the call has no forks
	}
	return log.ForkedFrom, err
}

// redactHistory takes the data out of a history, and reports whether something of it is not known.
func redactHistory(h *recorded, o recordOptions) (withheld bool) {
	r := redact.Redactor{Keep: o.keep}
	r.KeepKeys(h.Events)
	for i := range h.Events {
		e := &h.Events[i]
		if o.redact {
			*e = r.Event(*e)
		}
		_, input := e.Input.Withheld()
		_, result := e.Result.Withheld()
		withheld = withheld || input || result
	}
	return withheld
}

// spread returns the indices of a sample, as evenly over n as can be; all for zero.
func spread(n, sample int) []int {
	if sample == 0 || sample >= n {
		sample = n
	}
	at := make([]int, sample)
	for i := range at {
		at[i] = i * n / sample
	}
	return at
}

// fileName returns a name with which a file can be named.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(nameBytes+".", r) {
			return r
		}
		return '-'
	}, strings.TrimLeft(name, "."))
}

// short is the beginning of an ID.
func short(id string) string { return id[:min(len(id), 8)] }
