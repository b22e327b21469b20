package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/internal/rehearsal"
)

func TestVerdictsAreGrouped(t *testing.T) {
	t.Parallel()
	diverged := func(code string) rehearsal.Answer {
		return rehearsal.Answer{Verdict: "diverges", Diverged: &rehearsal.Divergence{
			Reason: "inserted", Log: "STEP Step \"pack[a]\"", Code: code,
			Declare: "op.Added(" + code + ")", Line: rehearsal.Line{File: "order/main.go", Line: 31},
		}}
	}
	fits := rehearsal.Answer{Verdict: "fits"}
	may := rehearsal.Answer{Verdict: "undecided", Undecided: []rehearsal.Undecided{
		{Text: "withheld"}, {Text: "later", Diverged: &rehearsal.Divergence{Scope: "order", Reason: "removed", Log: "l", Code: "c"}},
	}}
	undecided := rehearsal.Answer{Verdict: "undecided", Undecided: []rehearsal.Undecided{{Text: "a payload of \"charge\" is withheld: truncated"}}}
	fails := rehearsal.Answer{Verdict: "fails", Error: "nothing is pending"}
	lossy := rehearsal.Answer{Verdict: "fits", Warnings: []rehearsal.Warning{
		{Text: ".Amount is lost", Declare: "op.Transform", Line: rehearsal.Line{File: "order/main.go", Line: 12}},
	}}
	many := make([]rehearsal.Answer, 1204)
	for i := range many {
		many[i] = fits
	}
	many[3], many[700], many[1203] = diverged("x[1]"), diverged("x[2]"), diverged("y")
	for _, tt := range []struct {
		reason  string
		answers []rehearsal.Answer
		bad     bool
		want    []string
	}{
		{"none runs", nil, false, []string{"no execution of order is running"}},
		{"one fits", []rehearsal.Answer{fits}, false, []string{"the running execution of order fits"}},
		{"some fit", []rehearsal.Answer{fits, fits}, false, []string{"all 2 running executions of order fit"}},
		{"keys make no other group, and large groups come first", many, true, []string{
			"3 of 1,204 running executions of order would diverge",
			"2 × inserted", "    the code: x[1] (order/main.go:31)", "    the log:  STEP Step \"pack[a]\"",
			"    declare:  op.Added(x[1])", "    E3, E700",
			"1 × inserted", "    the code: y (order/main.go:31)", "    the log:  STEP Step \"pack[a]\"",
			"    declare:  op.Added(y)", "    E1203",
		}},
		{"what may diverge is as bad, and a doubt is not", []rehearsal.Answer{undecided, may, fits}, true, []string{
			"1 of 3 running executions of order may diverge, depending on what happens next, 1 cannot be decided",
			"1 × removed (in order)", "    the code: c", "    the log:  l", "    E1",
			"1 × a payload of \"charge\" is withheld: truncated", "    E0",
		}},
		{"a doubt alone", []rehearsal.Answer{undecided}, false, []string{
			"1 of 1 running execution of order cannot be decided", "1 × a payload of \"charge\" is withheld: truncated", "    E0",
		}},
		{"a failure", []rehearsal.Answer{fails, fails}, true, []string{
			"2 of 2 running executions of order would fail", "2 × nothing is pending", "    E0, E1",
		}},
		{"a warning of the only one", []rehearsal.Answer{lossy}, false, []string{
			"the running execution of order fits, with warnings", "1 × .Amount is lost", "    the code: order/main.go:12", "    declare:  op.Transform", "    E0",
		}},
		{"a warning", []rehearsal.Answer{lossy, fits, lossy, lossy, lossy, lossy, lossy}, false, []string{
			"all 7 running executions of order fit, 6 with warnings", "6 × .Amount is lost", "    the code: order/main.go:12", "    declare:  op.Transform", "    E0, E2, E3, E4, E5 and 1 more",
		}},
	} {
		all := verdicts{Function: "order"}
		for i, a := range tt.answers {
			all.add(verdict{Name: fmt.Sprintf("E%d", i), Answer: a})
		}
		got := []string{all.headline()}
		for _, g := range append(all.sorted(), all.Warnings...) {
			got = append(got, g.lines()...)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || all.bad() != tt.bad {
			t.Errorf("%s: bad %t (-want +got):\n%s", tt.reason, all.bad(), strings.TrimSpace(diff))
		}
	}
}
