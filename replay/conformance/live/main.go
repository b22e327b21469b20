// Command live measures on AWS what this project assumes of the service and could not try, within
// cents: it deploys a function, asks, prints a table for the documentation, and removes what it
// has made.
//
//	go run ./replay/conformance/live -dry-run
//	go run ./replay/conformance/live -region eu-west-1
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/perdure/perdure/checkpoint"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // the root of the program
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, build)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	region, profile, only string
	dryRun, keep          bool
	timeout               time.Duration
}

// run measures, and prints the table to out and what it does to log. code builds the function.
func run(ctx context.Context, args []string, out, log io.Writer, code func(context.Context) ([]byte, error)) error {
	var o options
	flags := flag.NewFlagSet("live", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&o.region, "region", "", "the region to measure in (default: that of the configuration)")
	flags.StringVar(&o.profile, "profile", "", "the profile of the configuration")
	flags.StringVar(&o.only, "only", "", "measure only these, with commas between them")
	flags.BoolVar(&o.dryRun, "dry-run", false, "print what would be measured, and what it costs; no credentials are needed")
	flags.BoolVar(&o.keep, "keep", false, "leave what was made, to look at it")
	flags.DurationVar(&o.timeout, "timeout", 20*time.Minute, "how long all may take")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	if o.dryRun {
		return plan(out, chosen)
	}
	cfg, err := configure(ctx, &o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	c := newCloud(cfg, checkpoint.ClockFrom(ctx), "perdure-live-"+strings.ToLower(rand.Text()[:8]))
	return c.measure(ctx, &o, chosen, out, log, code)
}

// choose returns the questions that are named; all for none.
func choose(only string) ([]question, error) {
	all := questions()
	if only == "" {
		return all, nil
	}
	var chosen []question
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(q question) bool { return q.name == name })
		if i < 0 {
			var known []string
			for _, q := range all {
				known = append(known, q.name)
			}
			return nil, fmt.Errorf("-only names %q, which is none of %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// errNoCredentials says that nothing was measured.
var errNoCredentials = errors.New("no credentials of AWS: log in, or set AWS_PROFILE or AWS_ACCESS_KEY_ID; -dry-run prints the plan without any")

// configure reads the configuration of the AWS SDK. Without credentials and a region it refuses.
func configure(ctx context.Context, o *options) (aws.Config, error) {
	var opts []func(*config.LoadOptions) error
	if o.region != "" {
		opts = append(opts, config.WithRegion(o.region))
	}
	if o.profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(o.profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return cfg, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return cfg, errors.New("no region is configured: give -region, or set AWS_REGION")
	}
	if cfg.Credentials == nil {
		return cfg, errNoCredentials
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return cfg, fmt.Errorf("%w (%w)", errNoCredentials, err)
	}
	return cfg, nil
}

// cleanup is how long removing may take, also after the time for all is over.
const cleanup = time.Minute

// measure deploys, measures, prints and removes.
func (c *cloud) measure(ctx context.Context, o *options, chosen []question, out, log io.Writer, code func(context.Context) ([]byte, error)) (err error) {
	fmt.Fprintln(log, "building the function")
	zipped, err := code(ctx)
	if err != nil {
		return err
	}
	if !o.keep {
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
			defer cancel()
			fmt.Fprintln(log, "removing what was made")
			err = errors.Join(err, c.remove(ctx))
		}()
	}
	fmt.Fprintf(log, "making the role, the log group and the function %s\n", c.name)
	if err := c.deploy(ctx, zipped); err != nil {
		return err
	}
	return errors.Join(table(out, chosen, c.answers(ctx, chosen, log)), ctx.Err())
}

// found is what was found of a question.
type found struct {
	text string
	err  error
}

// answers asks all questions at once, and after that those that change the function.
func (c *cloud) answers(ctx context.Context, chosen []question, log io.Writer) []found {
	all := make([]found, len(chosen))
	var saying sync.Mutex
	ask := func(i int) {
		all[i].text, all[i].err = chosen[i].measure(ctx, c)
		saying.Lock()
		defer saying.Unlock()
		fmt.Fprintf(log, "%s: %s\n", chosen[i].name, all[i])
	}
	var asking sync.WaitGroup
	for i := range chosen {
		if !chosen[i].alone() {
			asking.Go(func() { ask(i) })
		}
	}
	asking.Wait()
	for i := range chosen {
		if chosen[i].alone() {
			ask(i)
		}
	}
	return all
}

// String returns what is printed of it.
func (f found) String() string {
	if f.err != nil {
		return "not measured: " + f.err.Error()
	}
	return f.text
}

// table prints the answers as a table of the documentation. The error says how many are missing.
func table(w io.Writer, chosen []question, all []found) error {
	fmt.Fprint(w, "| question | assumed | found |\n|---|---|---|\n")
	missing := 0
	for i, q := range chosen {
		if all[i].err != nil {
			missing++
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", cell(q.asks), cell(q.assumed), cell(all[i].String()))
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d questions have no answer: the table says why", missing, len(chosen))
	}
	return nil
}

// cell is a text in a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", "\\|")
}

// Prices in dollars, as AWS has published them for durable functions and for Lambda on ARM.
const (
	perOperation  = 8.00 / 1e6
	perWrittenGB  = 0.25
	perKeptGB     = 0.15 // for a month
	perInvocation = 0.20 / 1e6
	perGBSecond   = 0.0000133334
)

// plan prints what would be measured, how long that takes and what it costs.
func plan(w io.Writer, chosen []question) error {
	operations, calls, kilobytes := 0, 0, 0
	longest := time.Duration(0)
	fmt.Fprintln(w, "It makes, and removes in the end: a role of IAM with one policy, a log group, a function of Lambda with one version.")
	fmt.Fprintf(w, "\n%-24s %-10s %s\n", "QUESTION", "TAKES", "")
	for _, q := range chosen {
		operations, calls, kilobytes = operations+q.operations, calls+q.invocations, kilobytes+q.kilobytes
		if longest = max(longest, q.takes); q.alone() {
			longest += q.takes
		}
		fmt.Fprintf(w, "%-24s %-10v %s\n%-24s %-10s assumed: %s\n", q.name, q.takes, q.asks, "", "", q.assumed)
	}
	gigabytes := float64(kilobytes) / 1e6
	seconds := float64(calls * invocationSeconds)
	dollars := float64(operations)*perOperation + gigabytes*(perWrittenGB+perKeptGB) + float64(calls)*perInvocation + seconds*perGBSecond*memory/1024
	_, err := fmt.Fprintf(w, `
It takes about %v. At most %d operations are recorded, %d invocations made, %.1f MB written and %.0f seconds computed:
%.1f cents at %.2f dollars a million operations, %.2f a GB written, %.2f a GB kept for a month, %.2f a million invocations
and %.7f a GB-second. Compare these prices with those of your region.
`, longest, operations, calls, float64(kilobytes)/1e3, seconds, 100*dollars, 1e6*perOperation, perWrittenGB, perKeptGB, 1e6*perInvocation, perGBSecond)
	return err
}
