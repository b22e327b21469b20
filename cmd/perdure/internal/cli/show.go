package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op/node"
	"github.com/spf13/cobra"
)

func (a *app) show() *cobra.Command {
	var function string
	var all bool
	var with openFlags
	cmd := &cobra.Command{
		Use:   "show EXECUTION",
		Short: "Show an execution: its operations as a tree, and what it is waiting for",
		Long: `Shows an execution: every operation with its status, its attempts, how long it took and what
came of it, and, while the execution runs, what it is waiting for. EXECUTION is an ARN or a name;
--function says whose name if several functions have an execution of that name. Of long lists of
operations the ends are shown, and what did not succeed.`,
		Example: `  perdure show A-1
  perdure show arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/A-1/6c9f… -o json`,
		Args: exactly("EXECUTION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runShow(cmd.Context(), args[0], function, all, with)
		},
	}
	a.addFunctionFlag(cmd, &function)
	a.addOpenFlags(cmd, &with)
	cmd.Flags().BoolVar(&all, "all", false, "show every operation of long lists")
	return cmd
}

// addFunctionFlag lets an execution be given by its name.
func (a *app) addFunctionFlag(cmd *cobra.Command, function *string) {
	cmd.Flags().StringVarP(function, "function", "f", "", "the function whose execution is named (default: the only one that has such an execution)")
	cmd.ValidArgsFunction = a.completeExecutions
	if err := cmd.RegisterFlagCompletionFunc("function", a.completeFunctions); err != nil {
		fmt.Fprintln(a.Err, "perdure:", err)
	}
}

func (a *app) runShow(ctx context.Context, text, function string, all bool, with openFlags) error {
	arn, err := a.arn(ctx, text, function)
	if err != nil {
		return err
	}
	o, err := a.opener(ctx, arn, with)
	if err != nil {
		return err
	}
	e, err := a.execution(ctx, arn)
	if err != nil {
		return err
	}
	events, err := a.events(ctx, arn, 0)
	if err != nil {
		return err
	}
	o.open(ctx, events)
	o.openExecution(ctx, e.GetDurableExecutionOutput)
	h := read(events)
	waiting := ""
	if !local.Status(e.Status).Terminal() && e.EndTimestamp == nil { // which an unknown status may have as well
		waiting = h.waitingFor(a.Now())
	}
	if held := e.held(a.Now()); held != "" {
		if waiting = held; h.pending(a.Now()) != "" {
			waiting += "\nmeanwhile it is " + h.pending(a.Now())
		}
	}
	if a.output == "json" {
		s := summaryOf(e)
		s.Operations, s.Waiting = h.Operations, waiting
		return a.printJSON(s)
	}
	a.printTree(e, h, waiting, all)
	return nil
}

func (a *app) printTree(e *described, h *history, waiting string, all bool) {
	age := "started " + stamp(aws.ToTime(e.StartTimestamp))
	switch {
	case e.EndTimestamp != nil:
		age += ", took " + span(e.EndTimestamp.Sub(*e.StartTimestamp))
	case e.StartTimestamp != nil:
		age += ", " + span(a.Now().Sub(*e.StartTimestamp)) + " ago"
		if !h.deadline.IsZero() && !e.timesOut.IsZero() {
			h.deadline = e.timesOut // which pauses have moved
		}
		if !h.deadline.IsZero() {
			age += ", times out " + in(a.Now(), h.deadline)
		}
	}
	fmt.Fprintf(a.Out, "%s  %s  %s\n%s\n", aws.ToString(e.DurableExecutionName), e.Status, age, aws.ToString(e.DurableExecutionArn))
	if e.InputPayload != nil {
		fmt.Fprintln(a.Out, "input  ", cut(*e.InputPayload, a.width()-8))
	}
	if e.Result != nil {
		fmt.Fprintln(a.Out, "result ", cut(*e.Result, a.width()-8))
	}
	if text := failureText(failureOf(e.Error)); text != "" {
		fmt.Fprintln(a.Out, "error  ", cut(text, a.width()-8))
	}
	fmt.Fprintf(a.Out, "%s\n", count(h))
	a.printRows(rows(nil, withoutUsage(h.Operations), "", all))
	if waiting != "" {
		fmt.Fprintln(a.Out, waiting)
	}
}

func count(h *history) string {
	text := plural(len(h.all), "operation", "operations") + ", " + plural(h.invocations, "invocation", "invocations")
	if h.failures > 0 {
		text += fmt.Sprintf(", %d failed", h.failures)
	}
	return text
}

// row is an operation in the tree.
type row struct{ name, status, took, outcome string }

// rows appends the rows of the operations in one scope, and of what is inside of them.
func rows(to []row, ops []*operation, indent string, whole bool) []row {
	lines := fold(ops, whole)
	for i, line := range lines {
		branch, below := "├─ ", "│  "
		if i == len(lines)-1 {
			branch, below = "└─ ", "   "
		}
		if line.o == nil {
			to = append(to, row{name: indent + branch + line.text()})
			continue
		}
		r := line.o.row()
		r.name = indent + branch + r.name
		to = rows(append(to, r), line.o.Children, indent+below, whole)
	}
	return to
}

func (o *operation) row() row {
	r := row{name: o.label() + "  " + o.what(), status: string(o.Status)}
	attempts := o.Attempts
	if o.Status == checkpoint.StatusStarted && attempts > 0 {
		attempts++ // the one that is under way
	}
	if attempts > 1 {
		r.status += fmt.Sprintf(" ×%d", attempts)
	}
	if o.End != nil {
		r.took = span(o.End.Sub(o.Start))
	}
	switch {
	case o.Status == checkpoint.StatusStarted && o.CutOff > 0:
		r.outcome = "cut off " + plural(o.CutOff, "time", "times") + ": " + invocationFailure(o.cut)
	case o.Status == checkpoint.StatusStarted && o.failure != nil:
		r.outcome = "the attempt before: " + failureText(o.failure)
	case o.failure != nil:
		r.outcome = failureText(o.failure)
	case o.Result != nil:
		r.outcome = outcomeOf(*o.Result)
	case o.Status == checkpoint.StatusStarted && o.Callback != "":
		r.outcome = o.Callback
	}
	return r
}

// outcomeOf returns a result as people want to see it: of a batch only how its branches ended,
// since they show their results themselves.
func outcomeOf(result string) string {
	var batch struct {
		Perdure *struct {
			Reason string `json:"reason"`
			Status string `json:"status"`
		} `json:"perdure"`
	}
	if json.Unmarshal([]byte(result), &batch) != nil || batch.Perdure == nil || batch.Perdure.Reason == "" {
		return result
	}
	parts := []string{batch.Perdure.Reason}
	for _, end := range []struct {
		status node.ItemStatus
		name   string
	}{{node.ItemSucceeded, "succeeded"}, {node.ItemFailed, "failed"}, {node.ItemStarted, "not waited for"}} {
		if n := strings.Count(batch.Perdure.Status, string(rune(end.status))); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, end.name))
		}
	}
	return strings.Join(parts, ", ")
}

// withoutUsage leaves out what the engine notes of the operations that the log does not show: it is
// no operation of the code.
func withoutUsage(all []*operation) []*operation {
	return slices.DeleteFunc(slices.Clone(all), func(o *operation) bool { return o.SubType == usageSubType })
}

// usageSubType is that of a record of what an execution uses and its log does not show.
const usageSubType = "Usage"

// what says which operation it is: its subtype says more than its kind.
func (o *operation) what() string {
	if o.SubType == "" || strings.EqualFold(o.SubType, o.Kind) {
		return o.Kind
	}
	return o.SubType
}

// printRows prints rows in columns.
func (a *app) printRows(rows []row) {
	var name, status, took int
	for _, r := range rows {
		name, status = max(name, utf8.RuneCountInString(r.name)), max(status, utf8.RuneCountInString(r.status))
		took = max(took, utf8.RuneCountInString(r.took))
	}
	for _, r := range rows {
		line := pad(r.name, name) + "  " + pad(r.status, status) + "  " + pad(r.took, took)
		if r.outcome != "" {
			line += "  " + cut(r.outcome, a.width()-utf8.RuneCountInString(line)-2)
		}
		fmt.Fprintln(a.Out, strings.TrimRight(line, " "))
	}
}

func pad(text string, columns int) string {
	return text + strings.Repeat(" ", columns-utf8.RuneCountInString(text))
}
