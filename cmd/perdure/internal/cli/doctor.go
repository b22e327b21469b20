package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// doctorHistories is how many histories perdure doctor reads unless a flag says otherwise.
const doctorHistories = 20

func (a *app) doctor() *cobra.Command {
	var histories int
	cmd := &cobra.Command{
		Use:   "doctor FUNCTION",
		Short: "Look for what a function on AWS lacks to run executions, and say what mends it",
		Long: `Looks at a function on AWS: whether it is durable, its runtime, timeout and memory, what its last executions
say of them, its versions and aliases, reserved concurrency, what its role may do, its log group and how
long lines are kept, its network. Each finding is one of

  ok       as it should be
  missing  executions fail, or will: the line below mends it
  note     to be decided by you: the line below is for one of the choices
  unread   could not be read, and why

It changes nothing. What a role may do is asked of the policy simulator of IAM, which knows the policies of
the role and nothing of those of an organization. The caller needs lambda:GetFunction, and, for what is
not to stay unread, lambda:ListAliases, lambda:ListVersionsByFunction, lambda:GetFunctionRecursionConfig,
lambda:ListDurableExecutionsByFunction, lambda:GetDurableExecutionHistory, iam:SimulatePrincipalPolicy
and logs:DescribeLogGroups.

Exit codes: 0 nothing is missing, 1 something is, 3 there is no such function, 4 the function cannot be
read.`,
		Example: `  perdure doctor order --region eu-west-1
  perdure doctor order:live --aws -o json`,
		Args:              exactly("FUNCTION"),
		ValidArgsFunction: a.completeFunctions,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case !a.onAWS():
				return usage("doctor looks at functions on AWS; give --region, --profile or --aws; " +
					"perdure check and perdure dev look at functions on this machine")
			case histories < 0:
				return usage("--histories is a number of executions, not %d", histories)
			}
			return a.runDoctor(cmd.Context(), args[0], histories)
		},
	}
	cmd.Flags().IntVar(&histories, "histories", doctorHistories, "of how many of the last executions the histories are read, for the longest body; 0 reads none")
	return cmd
}

// What a finding may be.
const (
	findingOK      = "ok"
	findingMissing = "missing"
	findingNote    = "note"
	findingUnread  = "unread"
)

// finding is what was found of one thing.
type finding struct {
	Check string `json:"check"`
	State string `json:"state"`
	Found string `json:"found"`
	// Mend is what to do; empty if that is nothing.
	Mend string `json:"mend,omitempty"`
}

// diagnosis is what perdure doctor prints as JSON.
type diagnosis struct {
	Function string    `json:"function"`
	ARN      string    `json:"functionArn"`
	Missing  int       `json:"missing"`
	Unread   int       `json:"unread"`
	Findings []finding `json:"findings"`
}

// examination is a function that is looked at.
type examination struct {
	*app

	diagnosis

	api   *lambdaapi.Client
	roles *iam.Client
	lines *cloudwatchlogs.Client

	config *lambdatypes.FunctionConfiguration
	// region is that of the function.
	region string
	past   past
}

func (a *app) runDoctor(ctx context.Context, function string, histories int) error {
	cfg, err := a.awsConfig(ctx)
	if err != nil {
		return err
	}
	a.pace = pacer(awsRate)
	e := &examination{
		app: a, api: lambdaapi.NewFromConfig(cfg), roles: iam.NewFromConfig(cfg), lines: cloudwatchlogs.NewFromConfig(cfg), region: cfg.Region,
		diagnosis: diagnosis{Function: functionOf(function), Findings: []finding{}},
	}
	out, err := ask(ctx, e, func(ctx context.Context) (*lambdaapi.GetFunctionOutput, error) {
		return e.api.GetFunction(ctx, &lambdaapi.GetFunctionInput{FunctionName: &function})
	})
	if err != nil {
		return a.explain("look at function "+function, err)
	}
	if out.Configuration == nil {
		return fmt.Errorf("look at function %s: the answer of GetFunction has no Configuration", function)
	}
	e.config = out.Configuration
	e.ARN = aws.ToString(e.config.FunctionArn)
	durable := e.durable()
	e.active()
	e.runtime()
	if durable {
		e.past.read(ctx, e, histories)
	}
	e.timeout(histories)
	e.memory()
	e.concurrency(out.Concurrency)
	e.published(ctx)
	e.role(ctx)
	e.logGroup(ctx)
	e.network()
	e.recursion(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return e.print()
}

// ask makes one call within the time that calls have.
func ask[Out any](ctx context.Context, e *examination, f func(context.Context) (Out, error)) (Out, error) {
	ctx, cancel := context.WithTimeout(ctx, e.app.timeout)
	defer cancel()
	return f(ctx)
}

func (e *examination) add(check, state, mend, found string, args ...any) {
	e.Findings = append(e.Findings, finding{check, state, fmt.Sprintf(found, args...), mend})
	switch state {
	case findingMissing:
		e.Missing++
	case findingUnread:
		e.Unread++
	}
}

// unread says that something could not be read, and why. action is what the caller must be allowed.
func (e *examination) unread(check, action string, err error) {
	mend := "run it again"
	switch {
	case isDenied(err):
		mend = "allow " + action + " to whoever runs this"
	case isThrottled(err):
		mend = "run it again in a minute: the account has no calls of this kind left for now"
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("no answer within %s", view.Exact(e.app.timeout))
		mend = "give a longer --timeout"
	}
	text := err.Error()
	if !is[refusedError](err) { // which has a text for people
		text = message(err)
	}
	e.add(check, findingUnread, mend, "%s", text)
}

// isDenied reports whether the caller may not make a call.
func isDenied(err error) bool {
	code := ""
	if api, ok := errors.AsType[interface {
		error
		ErrorCode() string
	}](err); ok {
		code = api.ErrorCode()
	}
	answer, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err)
	return slices.Contains([]string{"AccessDenied", "AccessDeniedException"}, code) ||
		ok && answer.HTTPStatusCode() == http.StatusForbidden && !isThrottled(err)
}

// command returns a command of the AWS CLI with the region and the profile of this one.
func (e *examination) command(format string, args ...any) string {
	text := "aws " + fmt.Sprintf(format, args...)
	if e.app.region != "" {
		text += " --region " + e.app.region
	}
	if e.profile != "" {
		text += " --profile " + e.profile
	}
	return text
}

// configure returns the command that changes a setting of the function.
func (e *examination) configure(flags string) string {
	return e.command("lambda update-function-configuration --function-name %s %s", e.Function, flags)
}

// print prints what was found. The error says that something is missing.
func (e *examination) print() error {
	if e.output == "json" {
		if err := e.printJSON(e.diagnosis); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(e.Out, e.ARN)
		state, check := 0, 0
		for _, f := range e.Findings {
			state, check = max(state, len(f.State)), max(check, len(f.Check))
		}
		for _, f := range e.Findings {
			fmt.Fprintf(e.Out, "%s  %s  %s\n", pad(f.State, state), pad(f.Check, check), f.Found)
			if f.Mend != "" {
				fmt.Fprintf(e.Out, "%s  %s\n", strings.Repeat(" ", state), f.Mend)
			}
		}
		line := cmp.Or(map[bool]string{true: "nothing is missing"}[e.Missing == 0],
			view.Plural(e.Missing, "thing is missing", "things are missing"))
		if e.Unread > 0 {
			line += "; " + view.Plural(e.Unread, "thing", "things") + " could not be read"
		}
		fmt.Fprintln(e.Out, line)
	}
	if e.Missing > 0 {
		return failedError{errors.New("something is missing")}
	}
	return nil
}
