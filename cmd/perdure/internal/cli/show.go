package cli

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/limits"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// showOptions are the flags of perdure show.
type showOptions struct {
	function, code       string
	all, timeline, watch bool
	redact, follow       bool
	open                 openFlags
}

// showForms are what perdure show prints beside text and JSON.
func showForms() []string { return []string{"mermaid", "dot", "html"} }

func (a *app) show() *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show EXECUTION",
		Short: "Show an execution: its operations as a tree, and what it is waiting for",
		Long: `Shows an execution: every operation with its status, its attempts, how long it took and what
came of it, and, while the execution runs, what it is waiting for; below that, where someone may have
to act, what can be done. EXECUTION is an ARN or a name; --function says whose name if several
functions have an execution of that name. Of long lists of operations the ends are shown, and what
did not succeed.

--timeline shows when operations ran: bodies, pauses between attempts, waits, callbacks, and how
many bodies ran at once. -o mermaid and -o dot print the operations as a graph, for Mermaid and
Graphviz. -o html prints the page of the execution (see perdure ui) as a file that needs nothing
else, to attach to a ticket: it holds the payloads, unless --redact is given. --watch shows the execution again whenever it has gone on, until it has ended.

Where code was changed under an execution that runs, an operation that it ends as the code was
before is shown with both names: charge-card (now pay), or send-fax (removed). perdure dev knows the
code; elsewhere --code DIR builds that of a folder.

An execution that has ended by starting another one (replay.ContinueAsNew) says which; --follow
shows the last one of the chain.`,
		Example: `  perdure show A-1
  perdure show A-1 --timeline --watch
  perdure show A-1 -o dot | dot -Tsvg > A-1.svg
  perdure show A-1 -o html --redact > A-1.html
  perdure show 'arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/A-1/6c9f…' -o json`,
		Args: exactly("EXECUTION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case a.output != "text" && o.timeline:
				return usage("--timeline is text; leave out -o %s", a.output)
			case o.redact && a.output != "html":
				return usage("--redact is for a file to pass on; add -o html")
			case a.output != "text" && o.watch:
				return usage("--watch shows text; leave out -o %s, or --watch", a.output)
			}
			return a.runShow(cmd.Context(), args[0], &o)
		},
	}
	a.addFunctionFlag(cmd, &o.function)
	a.addOpenFlags(cmd, &o.open)
	f := cmd.Flags()
	f.StringVar(&o.code, "code", "", "say what the code in this folder calls operations that run under older names")
	f.BoolVar(&o.all, "all", false, "show every operation of long lists")
	f.BoolVar(&o.timeline, "timeline", false, "show when operations ran")
	f.BoolVar(&o.redact, "redact", false, "with -o html: replace strings and numbers of payloads and errors")
	f.BoolVar(&o.follow, "follow", false, "show the last execution of a chain (replay.ContinueAsNew), not the one that is given")
	f.BoolVarP(&o.watch, "watch", "w", false, "show it again when it has gone on, until it has ended")
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

func (a *app) runShow(ctx context.Context, text string, o *showOptions) error {
	arn, err := a.arn(ctx, text, o.function)
	if err != nil {
		return err
	}
	if o.follow {
		if arn, err = a.lastOf(ctx, arn); err != nil {
			return err
		}
	}
	open, err := a.opener(ctx, arn, o.open)
	if err != nil {
		return err
	}
	if o.watch {
		return a.watchShow(ctx, arn, open, o)
	}
	e, err := a.execution(ctx, arn)
	if err != nil {
		return err
	}
	events, err := a.events(ctx, arn, 0)
	if err != nil {
		return err
	}
	open.open(ctx, events)
	open.openExecution(ctx, e.GetDurableExecutionOutput)
	h := view.Read(events)
	a.readTimeout(ctx, e, h)
	a.moveTimers(ctx, arn, h)
	today := a.today(ctx, e, o)
	h.SetToday(today)
	if a.output == "html" {
		return a.printPage(e, events, today, o.redact)
	}
	if a.output == "text" {
		e.earlier = a.earlier(ctx, e, h)
	}
	return a.printShow(e, h, o)
}

// readTimeout reads how long an invocation may take, if a body runs: it is cut off then. Who may
// not ask, or is not answered, does without.
func (a *app) readTimeout(ctx context.Context, e *described, h *view.History) {
	if h.FunctionTimeout > 0 || h.Bodies(a.Now()) == "" || e.FunctionArn == nil {
		return
	}
	client, err := a.client(ctx)
	if err != nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	if out, err := client.GetFunctionConfiguration(limited, &lambdaapi.GetFunctionConfigurationInput{FunctionName: e.FunctionArn}); err == nil {
		h.FunctionTimeout = seconds(out.Timeout)
	}
}

// lastOf returns the last execution of the chain that an execution belongs to.
func (a *app) lastOf(ctx context.Context, arn string) (string, error) {
	for {
		e, err := a.execution(ctx, arn)
		if err != nil {
			return "", err
		}
		next, goesOn := checkpoint.ContinuedAs([]byte(aws.ToString(e.Result)))
		if !goesOn {
			return arn, nil
		}
		arn = next
	}
}

// printShow prints an execution in the form that the flags say.
func (a *app) printShow(e *described, h *view.History, o *showOptions) error {
	if !h.Deadline.IsZero() && !e.timesOut.IsZero() {
		h.Deadline = e.timesOut // which pauses have moved
	}
	waiting := a.waiting(e, h, o.all || a.output == "json")
	switch a.output {
	case "json":
		s := summaryOf(e)
		s.Operations, s.Waiting, s.Advice = h.Operations, waiting, view.For(h.Advice(a.Now(), failureOf(e.Error)), checkpoint.ExecutionName(s.ARN), functionOf(s.ARN))
		if pausing(e) {
			s.Advice = untilPaused
		}
		return a.printJSON(s)
	case "mermaid":
		fmt.Fprint(a.Out, h.Mermaid(o.all))
		return nil
	case "dot":
		fmt.Fprint(a.Out, h.DOT(o.all))
		return nil
	}
	a.printHead(e, h)
	if o.timeline {
		for _, line := range h.Timeline(a.Now(), min(a.width(), mostTimeline), o.all) {
			fmt.Fprintln(a.Out, line)
		}
	} else {
		a.printRows(rows(h.Operations, o.all, said{failure: view.FailureText(failureOf(e.Error)), waiting: waiting}))
	}
	if waiting != "" {
		fmt.Fprintln(a.Out, waiting)
	}
	if e.earlier != "" {
		fmt.Fprintln(a.Out, e.earlier)
	}
	arn := aws.ToString(e.DurableExecutionArn)
	hint := view.For(h.Hint(a.Now(), failureOf(e.Error)), checkpoint.ExecutionName(arn), functionOf(arn))
	if pausing(e) {
		hint = untilPaused
	}
	if hint != "" {
		fmt.Fprintln(a.Out, "advice: "+hint)
	}
	return nil
}

// untilPaused is the advice for an execution that is to be paused, and whose invocation runs.
const untilPaused = "Its invocation goes on until its next checkpoint call or its end; then the execution is paused, and nothing is repeated. " +
	"perdure resume takes the pause back."

func pausing(e *described) bool { return local.Status(e.Status) == local.StatusPausing }

// mostTimeline is how wide a timeline is without a terminal.
const mostTimeline = 120

// waiting says what an execution does and waits for; it is empty if it has ended. whole has all of
// the reason of a pause in it.
func (a *app) waiting(e *described, h *view.History, whole bool) string {
	waiting := ""
	if !local.Status(e.Status).Terminal() && e.EndTimestamp == nil { // which an unknown status may have as well
		waiting = h.WaitingFor(a.Now())
	}
	if held := e.held(a.Now(), whole); len(held) > 0 {
		if text := h.Meanwhile(a.Now()); strings.HasPrefix(text, "waiting for ") {
			held = append(held, "meanwhile it is "+text)
		} else if text != "" {
			held = append(held, "meanwhile: "+text)
		}
		waiting = strings.Join(held, "\n")
	}
	return waiting
}

// printHead prints what there is to know of the whole execution.
func (a *app) printHead(e *described, h *view.History) {
	age := "started " + stamp(aws.ToTime(e.StartTimestamp))
	switch {
	case e.EndTimestamp != nil:
		age += ", took " + view.Span(e.EndTimestamp.Sub(*e.StartTimestamp))
	case e.StartTimestamp != nil:
		age += ", " + view.Span(a.Now().Sub(*e.StartTimestamp)) + " ago"
		if !h.Deadline.IsZero() {
			age += ", times out " + view.In(a.Now(), h.Deadline)
		}
	}
	fmt.Fprintf(a.Out, "%s  %s  %s\n%s\n", aws.ToString(e.DurableExecutionName), e.Status, age, aws.ToString(e.DurableExecutionArn))
	if e.InputPayload != nil {
		fmt.Fprintln(a.Out, "input  ", cut(*e.InputPayload, a.width()-8))
	}
	switch next, goesOn := checkpoint.ContinuedAs([]byte(aws.ToString(e.Result))); {
	case goesOn:
		fmt.Fprintf(a.Out, "goes on as %s; perdure show %s --follow shows the last one\n",
			checkpoint.ExecutionName(next), aws.ToString(e.DurableExecutionName))
	case e.Result != nil:
		fmt.Fprintln(a.Out, "result ", cut(*e.Result, a.width()-8))
	}
	if text := view.FailureText(failureOf(e.Error)); text != "" {
		fmt.Fprintln(a.Out, "error  ", cut(text, a.width()-8))
	}
	if place := h.PanicPlace(failureOf(e.Error)); place != "" {
		fmt.Fprintln(a.Out, "at     ", cut(place, a.width()-8))
	}
	fmt.Fprintf(a.Out, "%s\n", count(h))
}

// manyCounted is of how many operations show says that they are counted: a tenth of what there may
// be.
const manyCounted = limits.Operations / 10

func count(h *view.History) string {
	text := view.Plural(len(h.All), "operation", "operations")
	if counted := h.Counted(); h.End.IsZero() && (h.Failures > 0 || counted >= manyCounted) {
		text += fmt.Sprintf(" (%s of %s counted, with retries and failed invocations)", thousands(counted), thousands(limits.Operations))
	}
	text += ", "
	if h.Invocations == 0 && h.End.IsZero() && h.Forked == nil {
		return text + "the first invocation has not ended"
	}
	text += view.Plural(h.Invocations, "invocation", "invocations")
	if h.Failures > 0 {
		text += fmt.Sprintf(", %d failed", h.Failures)
	}
	if h.Forked != nil {
		text += fmt.Sprintf(", after %d of %s", h.Forked.Inherited, checkpoint.ExecutionName(h.Forked.From))
	}
	return text
}

// row is an operation in the tree.
type row struct{ name, status, took, outcome string }

// said is what other lines say: rows do not repeat it.
type said struct{ failure, waiting string }

// rows returns the lines of a tree in columns.
func rows(ops []*view.Operation, whole bool, other said) []row {
	var all []row
	for _, line := range view.Rows(ops, whole) {
		var r row
		if line.Operation != nil {
			r = rowOf(line.Operation, other)
		} else {
			r.name = line.Text() + " (--all shows them)"
		}
		r.name = line.Branches + r.name
		all = append(all, r)
	}
	return all
}

func rowOf(o *view.Operation, other said) row {
	r := row{name: o.Label() + "  " + o.What(), status: o.Shown()}
	attempts := o.Attempts
	if o.Status == checkpoint.StatusStarted && attempts > 0 {
		attempts++ // the one that is under way
	}
	if attempts > 1 {
		r.status += fmt.Sprintf(" ×%d", attempts)
	}
	if o.End != nil {
		r.took = view.Span(o.End.Sub(o.Start))
	}
	switch {
	case o.Status == checkpoint.StatusStarted && o.CutOff > 0:
		r.outcome = "cut off " + view.Plural(o.CutOff, "time", "times") + ": " + view.InvocationFailure(o.Cut)
	case o.Status == checkpoint.StatusStarted && o.Failure != nil:
		r.outcome = "the attempt before: " + view.FailureText(o.Failure)
	case o.Failure != nil && view.FailureText(o.Failure) == other.failure && utf8.RuneCountInString(other.failure) > longFailure:
		r.outcome = view.FailureText(&checkpoint.Failure{Type: o.Failure.Type}) + ", see the error above"
	case o.Failure != nil:
		r.outcome = view.FailureText(o.Failure)
	case o.Result != nil:
		r.outcome = view.OutcomeOf(*o.Result)
	case o.Status == checkpoint.StatusStarted && o.Callback != "" && !strings.Contains(other.waiting, o.Callback):
		r.outcome = o.Callback
	}
	return r
}

// longFailure is how long an error is, in characters, that is not repeated.
const longFailure = 40

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
