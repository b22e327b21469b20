package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// The exit codes of the program.
const (
	ExitOK          = 0   // what was asked for has been done
	ExitFailed      = 1   // an execution that was waited for has ended without a result
	ExitUsage       = 2   // the command line cannot be understood
	ExitNotFound    = 3   // there is no such execution, function or callback
	ExitUnavailable = 4   // the service cannot be reached, or refuses the call; or a file, a port
	ExitCode        = 5   // the code of a function cannot be built, or not rehearsed
	ExitInterrupted = 130 // Ctrl-C
)

// Streams are where the program reads and writes: results go to Out, everything else to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Getenv looks up the environment; nil stands for an empty one.
	Getenv func(string) string
	// Now is the time that ages are counted from; nil stands for the real one.
	Now func() time.Time
	// Width is how many columns Out has; zero means that it is no terminal, and that no line is
	// cut.
	Width int
}

// app is what the commands share.
type app struct {
	Streams

	endpoint, region, profile, output string
	aws                               bool
	timeout                           time.Duration
	printing                          sync.Mutex
	// pace waits until the next call may be made; nil for commands that make as many as they like.
	pace func(context.Context) error

	connecting sync.Mutex
	connected  *lambdaapi.Client // nil before the first call
}

// Run runs the program and returns its exit code.
func Run(ctx context.Context, args []string, s Streams) int {
	if s.Getenv == nil {
		s.Getenv = func(string) string { return "" }
	}
	if s.Now == nil {
		s.Now = time.Now //nolint:forbidigo // the ages of executions on this machine
	}
	a := &app{Streams: s}
	root := a.root() //nolint:contextcheck // commands have the context of ExecuteContext
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	code, quiet := exitCode(ctx, err)
	if !quiet {
		fmt.Fprintln(s.Err, "perdure:", err)
	}
	return code
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// codeError is the error of code that cannot be built, or not rehearsed: nothing was found out.
type codeError struct{ error }

func (c codeError) Unwrap() error { return c.error }

// failedError is an execution that has ended without a result; it has been shown.
type failedError struct{ error }

func exitCode(ctx context.Context, err error) (code int, quiet bool) {
	switch {
	case ctx.Err() != nil:
		return ExitInterrupted, true
	case is[usageError](err), strings.HasPrefix(err.Error(), "unknown command "): // of what cobra adds
		return ExitUsage, false
	case is[failedError](err):
		return ExitFailed, true
	case is[notFoundError](err):
		return ExitNotFound, false
	case is[codeError](err):
		return ExitCode, false
	}
	return ExitUnavailable, false
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "perdure",
		Short: "Run durable functions on this machine, and look after executions here or on AWS",
		Long: `perdure dev builds a function, runs it with the durable service on this machine and
builds it again when it changes. The other commands start executions, show what they
are doing and answer their callbacks: those of the service on this machine, or, with
--aws, of functions on AWS Lambda.

Exit codes: 0 done, 1 the execution ended without a result, or something was found that is
wrong, 2 wrong usage, 3 not found, 4 the service cannot be reached or refuses the call, 5 the
code of a function cannot be built or rehearsed, 130 interrupted. docs/cli.md has a table.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := "see perdure --help"
			if like := alike(cmd.SuggestionsFor(args[0]), args[0]); len(like) > 0 {
				hint = "did you mean " + strings.Join(like, " or ") + "?"
			}
			return usage("there is no command %q; %s", args[0], hint)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,
	}
	f := root.PersistentFlags()
	f.StringVar(&a.endpoint, "endpoint", "", "URL of the service (default $PERDURE_ENDPOINT, else "+defaultEndpoint+")")
	f.BoolVar(&a.aws, "aws", false, "talk to AWS Lambda, with the credentials of the AWS SDK")
	f.StringVar(&a.region, "region", "", "AWS region; implies --aws")
	f.StringVar(&a.profile, "profile", "", "profile of the AWS configuration; implies --aws")
	f.StringVarP(&a.output, "output", "o", "text", "how to print results: text or json")
	f.Var(duration(&a.timeout, 30*time.Second), "timeout", "how long a call may take; waiting for an execution is not limited")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%s; see %s --help", flagText(err), cmd.CommandPath())
	})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return a.check(cmd) }
	root.AddCommand(a.dev(), a.lint(), a.compat(), a.record(), a.start(), a.list(), a.stats(), a.doctor(), a.show(), a.ui(), a.history(), a.callback(),
		a.upgrade(), a.pause(), a.resume(), a.stop(), a.remove(), a.fork(), a.redrive(), a.skip(), a.collect(), a.version())
	a.complete(root, "output", []string{"text", "json"})
	return root
}

// check refuses flags that contradict each other.
func (a *app) check(cmd *cobra.Command) error {
	forms := []string{"text", "json"}
	if cmd.Name() == "show" {
		forms = append(forms, showForms()...)
	}
	switch {
	case !slices.Contains(forms, a.output):
		last := len(forms) - 1
		return usage("--output is %s or %s, not %q", strings.Join(forms[:last], ", "), forms[last], a.output)
	case a.endpoint != "" && a.onAWS():
		return usage("--endpoint is for a service on this machine, and --aws, --region and --profile for AWS; give one of them")
	case !a.onAWS() && !isHTTP(a.serviceURL()):
		return usage("--endpoint and $PERDURE_ENDPOINT are URLs such as %s, not %q", defaultEndpoint, a.serviceURL())
	case a.timeout <= 0:
		return usage("--timeout is a duration such as 30s, not %s", view.Exact(a.timeout))
	}
	return nil
}

func isHTTP(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// exactly is cobra.ExactArgs with an error that names what is missing, and says what that is.
func exactly(names ...string) cobra.PositionalArgs { return between(len(names), names...) }

// between is exactly with arguments that may be left out.
func between(least int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return missing(cmd, names[len(args)])
		case len(args) > len(names):
			return usage("there is no argument %q: %s takes %s; see %s --help", args[len(names)], cmd.CommandPath(),
				cmp.Or(strings.Join(names, " and "), "none"), cmd.CommandPath())
		}
		return nil
	}
}

// arguments says what arguments are.
func arguments() map[string]string {
	return map[string]string{
		"EXECUTION": "the name or the ARN of an execution, as perdure list prints them",
		"FUNCTION":  "the name of a function, with a version or an alias for AWS, such as order:live",
		"ID":        "the ID of a callback, which perdure show prints",
		"RESULT": "JSON that fits the type of the callback; --empty completes it without one, " +
			"as the zero value of its type, such as false",
		"DIR":      "the folder of a function, such as ./order",
		"DURATION": "how much time to skip, such as 24h; --operation skips the rest of one wait",
	}
}

// missing says that an argument is missing, and what that is.
func missing(cmd *cobra.Command, name string) error {
	return usage("%s is missing: %s; see %s --help", name, arguments()[name], cmd.CommandPath())
}

// flagText says what is wrong with a flag, in the words of the other errors.
func flagText(err error) string {
	text := err.Error()
	if rest, ok := strings.CutPrefix(text, "invalid argument "); ok { // "3x" for "--since" flag: why
		found, rest, _ := strings.Cut(rest, " for ")
		flag, why, _ := strings.Cut(rest, " flag: ")
		if _, long, ok := strings.Cut(strings.Trim(flag, `"`), ", "); ok { // -o, --output
			flag = long
		}
		if strings.HasPrefix(why, "strconv.ParseInt") {
			why = "it is a whole number"
		}
		return fmt.Sprintf("%s cannot be %s: %s", strings.Trim(flag, `"`), found, why)
	}
	if flag, ok := strings.CutPrefix(text, "unknown flag: "); ok {
		return "there is no flag " + flag
	}
	if flag, ok := strings.CutPrefix(text, "flag needs an argument: "); ok {
		return flag + " needs a value"
	}
	return text
}

// alike leaves out names that have no letter of the word in them: two letters are near to any two.
func alike(names []string, word string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return !strings.ContainsAny(name, word) })
}
