package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/perdure/perdure/op/opcheck"
	"github.com/perdure/perdure/op/opcheck/check"
	"github.com/spf13/cobra"
)

// lint is the command check: it looks for mistakes in handlers that compile.
func (a *app) lint() *cobra.Command {
	var c check.Config
	var format, explain string
	var rules, unresolved bool
	cmd := &cobra.Command{
		Use:   "check [PACKAGES]",
		Short: "Look for mistakes in handlers that compile",
		Long: `check looks for what a replay would do again or otherwise: the clock, random numbers,
the environment, I/O in handler code, in helpers too; operations that are declared and
never run; results that the log does not keep. It runs go vet, so a second run looks
only at what changed. Exit codes: 0 nothing found, 1 something found, or packages that do
not compile.`,
		Example: `  perdure check ./...
  perdure check --explain clock
  perdure check --format sarif ./... > check.sarif`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case explain != "":
				return a.explainRule(explain)
			case rules:
				return a.listRules()
			case !slices.Contains(check.Formats(), format):
				return usage("--format %s: want one of %s", format, strings.Join(check.Formats(), ", "))
			}
			for _, name := range slices.Concat(c.Disable, c.Enable) {
				if _, err := ruleNamed(name); err != nil {
					return err
				}
			}
			if unresolved {
				c.Enable = append(c.Enable, "unresolved")
			}
			c.Patterns, c.Err = args, a.Err
			found, err := check.Run(cmd.Context(), c)
			if printErr := check.Print(a.Out, format, found); err == nil {
				err = printErr
			}
			switch {
			case err != nil && cmd.Context().Err() == nil:
				fmt.Fprintln(a.Err, "perdure:", err)
				return failedError{err}
			case err == nil && check.Failed(found):
				return failedError{errors.New("mistakes were found")}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "text", "how to print: "+strings.Join(check.Formats(), ", "))
	f.StringVar(&explain, "explain", "", "print the page of a rule")
	f.BoolVar(&rules, "rules", false, "list the rules")
	f.BoolVar(&unresolved, "unresolved", false, "show the calls in handler code that cannot be followed")
	f.StringSliceVar(&c.Disable, "disable", nil, "rules that do not report")
	f.StringSliceVar(&c.Enable, "enable", nil, "opt-in rules that report")
	f.StringVar(&c.Summaries, "summaries", "", "file that says what further functions do")
	a.complete(cmd, "format", check.Formats())
	return cmd
}

func ruleNamed(name string) (opcheck.Rule, error) {
	all := opcheck.Rules()
	if i := slices.IndexFunc(all, func(r opcheck.Rule) bool { return r.Name == name }); i >= 0 {
		return all[i], nil
	}
	return opcheck.Rule{}, usage("rule %q does not exist; perdure check --rules lists them", name)
}

func (a *app) explainRule(name string) error {
	r, err := ruleNamed(name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(a.Out, r.Page())
	return err
}

func (a *app) listRules() error {
	for _, r := range opcheck.Rules() {
		note := ""
		if r.OptIn {
			note = ", opt-in"
		}
		if _, err := fmt.Fprintf(a.Out, "%-15s %s (%s%s)\n", r.Name, r.Title, r.Severity, note); err != nil {
			return err
		}
	}
	return nil
}
