package cli

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/perdure/perdure/internal/rehearsal"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// verdict is what has come of rehearsing one execution.
type verdict struct {
	ARN  string `json:"executionArn"`
	Name string `json:"name"`
	rehearsal.Answer
}

// The classes of verdicts, the worst first.
const (
	classDiverges  = "diverges"
	classFails     = "fails"
	classMay       = "mayDiverge" // it depends on what happens next
	classUndecided = "undecided"  // it depends on what is not known here
	classFits      = "fits"
	classLossy     = "lossy" // of warnings
)

// class says which class a verdict is of.
func (v *verdict) class() string {
	switch {
	case v.Diverged != nil:
		return classDiverges
	case v.Error != "":
		return classFails
	case slices.ContainsFunc(v.Undecided, func(u rehearsal.Undecided) bool { return u.Diverged != nil }):
		return classMay
	case len(v.Undecided) > 0:
		return classUndecided
	}
	return classFits
}

// difference is the first thing that does not fit.
func (v *verdict) difference() (d rehearsal.Divergence, text string) {
	switch v.class() {
	case classDiverges:
		return *v.Diverged, ""
	case classFails:
		return d, v.Error
	case classMay:
		i := slices.IndexFunc(v.Undecided, func(u rehearsal.Undecided) bool { return u.Diverged != nil })
		return *v.Undecided[i].Diverged, ""
	case classUndecided:
		return d, v.Undecided[0].Text
	}
	return d, ""
}

// verdicts are those of the executions of a function.
type verdicts struct {
	Function   string    `json:"function"`
	Rehearsed  int       `json:"rehearsed"`
	Diverge    int       `json:"diverge"`
	Fail       int       `json:"fail"`
	MayDiverge int       `json:"mayDiverge"`
	Undecided  int       `json:"undecided"`
	Fit        int       `json:"fit"`
	Ended      int       `json:"ended,omitempty"` // meanwhile
	Warned     int       `json:"warned,omitempty"`
	Groups     []*group  `json:"groups"`
	Warnings   []*group  `json:"warnings,omitempty"`
	All        []verdict `json:"executions,omitempty"`
}

// group is what several executions have in common.
type group struct {
	Class      string   `json:"class"`
	Scope      string   `json:"scope,omitempty"`
	Reason     string   `json:"reason"`
	Log        string   `json:"log,omitempty"` // of the first one
	Code       string   `json:"code,omitempty"`
	Declare    string   `json:"declare,omitempty"` // what would make it fit
	Executions []string `json:"executions"`
	rehearsal.Line
}

// keys are what distinguishes operations of one name from one another, in names and paths.
var keys = regexp.MustCompile(`\[[^\]]*\]`)

// add takes in a verdict.
func (all *verdicts) add(v verdict) {
	all.Rehearsed++
	c := v.class()
	*map[string]*int{
		classDiverges: &all.Diverge, classFails: &all.Fail, classMay: &all.MayDiverge, classUndecided: &all.Undecided, classFits: &all.Fit,
	}[c]++
	if c != classFits {
		d, text := v.difference()
		all.Groups = join(all.Groups, v.Name, group{
			Class: c, Scope: d.Scope, Reason: cmp.Or(d.Reason, text), Log: d.Log, Code: d.Code, Declare: d.Declare, Line: d.Line,
		})
	}
	if len(v.Warnings) > 0 {
		all.Warned++
	}
	for _, w := range v.Warnings {
		all.Warnings = join(all.Warnings, v.Name, group{Class: classLossy, Reason: w.Text, Declare: w.Declare, Line: w.Line})
	}
	all.All = append(all.All, v)
}

// join adds an execution to the group of its kind.
func join(groups []*group, name string, g group) []*group {
	like := func(text string) string { return keys.ReplaceAllString(text, "[]") }
	for _, old := range groups {
		if old.Class == g.Class && like(old.Scope) == like(g.Scope) && like(old.Reason) == like(g.Reason) && like(old.Code) == like(g.Code) {
			old.Executions = append(old.Executions, name)
			return groups
		}
	}
	g.Executions = []string{name}
	return append(groups, &g)
}

// bad reports whether the code is not to be deployed.
func (all *verdicts) bad() bool { return all.Diverge+all.Fail+all.MayDiverge > 0 }

// sorted puts the worst and the largest groups first.
func (all *verdicts) sorted() []*group {
	order := []string{classDiverges, classFails, classMay, classUndecided}
	slices.SortStableFunc(all.Groups, func(a, b *group) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Class), slices.Index(order, b.Class)), cmp.Compare(len(b.Executions), len(a.Executions)))
	})
	return all.Groups
}

// headline says in a line what was found.
func (all *verdicts) headline() string {
	what := view.Plural(all.Rehearsed, "running execution", "running executions") + " of " + all.Function
	var parts []string
	for _, c := range []struct {
		n    int
		text string
	}{
		{all.Diverge, "would diverge"},
		{all.Fail, "would fail"},
		{all.MayDiverge, "may diverge, depending on what happens next"},
		{all.Undecided, "cannot be decided"},
	} {
		if c.n > 0 {
			parts = append(parts, thousands(c.n)+" "+c.text)
		}
	}
	switch {
	case all.Rehearsed == 0:
		return "no execution of " + all.Function + " is running"
	case len(parts) == 0 && all.Rehearsed == 1 && all.Warned == 1:
		return "the running execution of " + all.Function + " fits, with warnings"
	case len(parts) == 0 && all.Rehearsed == 1:
		return "the running execution of " + all.Function + " fits"
	case len(parts) == 0 && all.Warned > 0:
		return "all " + thousandsIn(what) + " fit, " + thousands(all.Warned) + " with warnings"
	case len(parts) == 0:
		return "all " + thousandsIn(what) + " fit"
	}
	first := strings.SplitN(parts[0], " ", 2)
	parts[0] = first[0] + " of " + thousandsIn(what) + " " + first[1]
	return strings.Join(parts, ", ")
}

// thousandsIn groups the digits of the number that a text begins with.
func thousandsIn(text string) string {
	var n int
	var rest string
	if _, err := fmt.Sscanf(text, "%d", &n); err != nil {
		return text
	}
	_, rest, _ = strings.Cut(text, " ")
	return thousands(n) + " " + rest
}

// thousands writes a number with a comma between thousands.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// fewNames names executions, at most five.
func fewNames(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %s more", thousands(len(names)-most))
}

// lines says what the executions of a group have in common.
func (g *group) lines() []string {
	out := []string{fmt.Sprintf("%s × %s", thousands(len(g.Executions)), g.Reason)}
	if g.Scope != "" {
		out[0] += " (in " + g.Scope + ")"
	}
	if g.Code != "" {
		out = append(out, "    the code: "+g.Code+inLine(g.Line), "    the log:  "+g.Log)
	} else if g.File != "" {
		out = append(out, "    the code: "+lineText(g.Line))
	}
	if g.Declare != "" {
		out = append(out, "    declare:  "+g.Declare)
	}
	return append(out, "    "+fewNames(g.Executions))
}
