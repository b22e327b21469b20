package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// upgradeReason is why an upgrade pauses executions: by it a later run finds those that an earlier
// one has left paused.
const upgradeReason = "perdure upgrade"

// upgradeOptions are the flags of perdure upgrade.
type upgradeOptions struct {
	function, deploy string
	rate             int
	patience         time.Duration
}

func (a *app) upgrade() *cobra.Command {
	var o upgradeOptions
	cmd := &cobra.Command{
		Use:   "upgrade [NAME=]DIR --deploy COMMAND",
		Short: "Change the code of a function while executions run",
		Long: `Pauses the executions of a function that run, rehearses the new code on each, has COMMAND deploy it, and
resumes them. If one would diverge or fail, nothing is deployed, and all are resumed: the message says what to
declare. Executions that were paused before stay paused; they are rehearsed as well.

COMMAND is given to sh. If it fails, or perdure is interrupted, executions stay paused, for it is not known which
code is deployed: run the same command again, which goes on with them, or resume them with
perdure resume --all --function NAME.

Executions that start while COMMAND runs are not paused. They are rehearsed in the end: the new code is deployed
then, so give it replay.WithDivergence(replay.DivergenceHold), which keeps those that it does not fit.

Exit codes: 0 upgraded, 1 the code does not fit and is not deployed, 4 it could not be done, 5 the code cannot be
built or rehearsed.`,
		Example: `  perdure upgrade ./order --deploy 'sam deploy' --aws --function 'order:$LATEST'
  perdure upgrade ./order --deploy ./deploy.sh`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case strings.TrimSpace(o.deploy) == "":
				return usage("--deploy is missing: the command that deploys the code, such as --deploy 'sam deploy'")
			case o.rate < 1:
				return usage("--rate is a number of calls a second, at least 1, not %d", o.rate)
			}
			return a.runUpgrade(cmd.Context(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.function, "function", "", "name of the function whose executions are paused (default that of DIR)")
	f.StringVar(&o.deploy, "deploy", "", "the command that deploys the code; required")
	f.IntVar(&o.rate, "rate", 5, "at most that many executions are paused, or resumed, a second")
	f.Var(duration(&o.patience, 5*time.Minute), "patience", "how long invocations that run may take to reach their next checkpoint call")
	return cmd
}

// upgrading is an upgrade under way.
type upgrading struct {
	*app
	upgradeOptions

	name string
	r    *rehearser
	// known are the executions that were rehearsed, by ARN.
	known map[string]bool
}

func (a *app) runUpgrade(ctx context.Context, arg string, o upgradeOptions) (err error) {
	name, path, err := functionArg(arg)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "perdure-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary, err := buildFor(ctx, name, path, dir, "")
	if err != nil {
		return err
	}
	r, err := newRehearser(ctx, name, binary, folderOf(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	u := &upgrading{app: a, upgradeOptions: o, name: cmp.Or(o.function, name), r: r, known: make(map[string]bool)}
	return u.run(ctx)
}

func (u *upgrading) run(ctx context.Context) error {
	all := &verdicts{Function: u.name, Groups: []*group{}}
	if err := u.hold(ctx, all); err != nil {
		if ctx.Err() == nil { // nothing was deployed, and nothing will be
			err = errors.Join(err, u.letGo(ctx))
		}
		return u.left(ctx, err)
	}
	if all.bad() {
		return errors.Join(u.printVerdicts(all, compatOptions{}), u.letGo(ctx))
	}
	fmt.Fprintln(u.Err, all.headline()+": deploying")
	cmd := exec.CommandContext(ctx, "sh", "-c", u.deploy) //nolint:gosec // the user's command
	cmd.Stdout, cmd.Stderr, cmd.Stdin = u.Err, u.Err, u.In
	if err := cmd.Run(); err != nil {
		return u.left(ctx, fmt.Errorf("the command that deploys has failed: %w", err))
	}
	if err := u.letGo(ctx); err != nil {
		return u.left(ctx, err)
	}
	return u.latecomers(ctx)
}

// hold pauses what runs and rehearses it, until nothing runs that was not rehearsed.
func (u *upgrading) hold(ctx context.Context, all *verdicts) error {
	const mostRounds = 10
	for range mostRounds {
		running, err := u.with(ctx, local.StatusRunning)
		if err != nil {
			return err
		}
		if len(running) > 0 {
			if err := u.applyAll(ctx, running, u.rate, change{verb: "pause", done: "paused", make: func(ctx context.Context, c checkpoint.Control, arn string) error {
				return c.Pause(ctx, checkpoint.PauseInput{ARN: arn, Reason: upgradeReason})
			}}); err != nil {
				return err
			}
		}
		if err := u.settle(ctx); err != nil {
			return err
		}
		paused, err := u.with(ctx, local.StatusPaused)
		if err != nil {
			return err
		}
		fresh, err := u.check(ctx, paused, all)
		if err != nil {
			return err
		}
		if fresh == 0 && len(running) == 0 || all.bad() {
			return nil
		}
	}
	return nil // what starts all the time is rehearsed in the end
}

// with lists the executions with a status, the oldest first.
func (u *upgrading) with(ctx context.Context, s local.Status) ([]lambdatypes.Execution, error) {
	found, _, err := u.executions(ctx, u.name, selection{statuses: []string{string(s)}, oldest: true})
	return found, err
}

// settle waits until no execution is to be paused any more.
func (u *upgrading) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, u.patience)
	defer cancel()
	for every := glance; ; every = min(every*2, longGlance) {
		pausing, err := u.with(ctx, local.StatusPausing)
		if err == nil && len(pausing) == 0 {
			return nil
		}
		if err == nil {
			err = sleep(ctx, every)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s still running after %v, which pauses at its next checkpoint call; give it more time with --patience",
				view.Plural(len(pausing), "invocation is", "invocations are"), u.patience)
		}
		if err != nil {
			return err
		}
	}
}

// check rehearses executions that were not rehearsed yet, and returns how many.
func (u *upgrading) check(ctx context.Context, executions []lambdatypes.Execution, all *verdicts) (fresh int, err error) {
	source := &apiLogs{u.app, u.onAWS()}
	for i := range executions {
		arn := aws.ToString(executions[i].DurableExecutionArn)
		if u.known[arn] {
			continue
		}
		u.known[arn] = true
		fresh++
		log, running, err := source.log(ctx, arn)
		switch {
		case err != nil:
			return fresh, err
		case !running:
			all.Ended++
			continue
		}
		answer, err := u.r.ask(ctx, log)
		if err != nil {
			return fresh, fmt.Errorf("%s: %w", arn, err)
		}
		all.add(verdict{arn, checkpoint.ExecutionName(arn), answer})
	}
	return fresh, nil
}

// letGo resumes what this upgrade, or one that was cut off, has paused.
func (u *upgrading) letGo(ctx context.Context) error {
	var ours []lambdatypes.Execution
	for _, s := range []local.Status{local.StatusPaused, local.StatusPausing} {
		found, err := u.with(ctx, s)
		if err != nil {
			return err
		}
		for i := range found {
			e, err := u.execution(ctx, aws.ToString(found[i].DurableExecutionArn))
			if err != nil {
				return err
			}
			if e.pause != nil && e.pause.Reason == upgradeReason {
				ours = append(ours, found[i])
			}
		}
	}
	return u.applyAll(ctx, ours, u.rate, change{verb: "resume", done: "resumed", make: func(ctx context.Context, c checkpoint.Control, arn string) error {
		return c.Resume(ctx, checkpoint.ResumeInput{ARN: arn, Reason: upgradeReason})
	}})
}

// latecomers rehearses what has started since.
func (u *upgrading) latecomers(ctx context.Context) error {
	running, err := u.with(ctx, local.StatusRunning)
	if err != nil {
		return err
	}
	all := &verdicts{Function: u.name, Groups: []*group{}}
	if n, err := u.check(ctx, running, all); err != nil || n == 0 {
		return err
	}
	if all.bad() {
		fmt.Fprintln(u.Err, "of the executions that have started meanwhile:")
		return u.printVerdicts(all, compatOptions{})
	}
	return nil
}

// left says what is left behind by an upgrade that does not go on.
func (u *upgrading) left(ctx context.Context, err error) error {
	found, listed := u.with(context.WithoutCancel(ctx), local.StatusPaused)
	if listed != nil || len(found) == 0 {
		return err
	}
	fmt.Fprintf(u.Err, "%s paused: run the same command again, or: perdure resume --all --function %s\n",
		view.Plural(len(found), "execution is", "executions are"), u.name)
	return err
}
