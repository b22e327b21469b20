package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

func (a *app) pause() *cobra.Command {
	var reason string
	var runs bool
	var b bulk
	cmd := &cobra.Command{
		Use:   "pause EXECUTION | --all",
		Short: "Pause executions: nothing of them is invoked until they are resumed",
		Long: `Pauses an execution. Its function is not invoked any more; timers run on and callbacks can be answered.
An invocation that runs goes on until its next checkpoint call: until then the execution is PAUSING.
With --all it pauses all that run, of all durable functions or of those that the flags select.`,
		Example: `  perdure pause A-1 --reason "the last deploy is broken"
  perdure pause --all --function order --newer-than 2h --dry-run`,
		Args: b.args,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runBulk(cmd.Context(), args, &b, change{
				verb: "pause", done: "paused", one: "the execution is paused, or will be when its invocation makes its next checkpoint call",
				now: paused, statuses: []string{"RUNNING"},
				make: func(ctx context.Context, c checkpoint.Control, arn string) error {
					return c.Pause(ctx, checkpoint.PauseInput{ARN: arn, Reason: reason, TimeoutRuns: runs})
				},
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever looks at the execution (at most 1,024 characters)")
	cmd.Flags().BoolVar(&runs, "timeout-runs", false, "let the execution timeout run on meanwhile (default: it is extended)")
	a.addBulkFlags(cmd, &b)
	cmd.ValidArgsFunction = a.completeExecutionsWith("RUNNING")
	return cmd
}

// paused says whether an execution is paused yet. Its invocation may have ended it meanwhile.
func paused(now local.Status) string {
	switch {
	case now == local.StatusPausing:
		return "the execution is pausing: its invocation goes on until its next checkpoint call"
	case now.Terminal():
		return "the execution ended before it was paused: " + string(now)
	}
	return "the execution is " + strings.ToLower(string(now))
}

func (a *app) resume() *cobra.Command {
	var reason string
	var b bulk
	cmd := &cobra.Command{
		Use:   "resume EXECUTION | --all",
		Short: "Let paused executions go on",
		Long: `Lets a paused execution go on: it is invoked if the pause has cut an invocation short, or if something that it
waits for is there. One that is still PAUSING goes on as if nothing had been. With --all it resumes all that are
paused, of all durable functions or of those that the flags select.`,
		Example: `  perdure resume A-1
  perdure resume --all --function order --rate 20`,
		Args: b.args,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runBulk(cmd.Context(), args, &b, change{
				verb: "resume", done: "resumed", one: resumed, statuses: []string{"PAUSED", "PAUSING"},
				make: func(ctx context.Context, c checkpoint.Control, arn string) error {
					return c.Resume(ctx, checkpoint.ResumeInput{ARN: arn, Reason: reason})
				},
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever looks at the execution (at most 1,024 characters)")
	a.addBulkFlags(cmd, &b)
	cmd.ValidArgsFunction = a.completeExecutionsWith("PAUSED", "PAUSING")
	return cmd
}

// resumed is what is said of one execution that was resumed: whether it goes on is for its code to
// say, which is compared with the log when it is invoked.
const resumed = "the execution is resumed: perdure show says whether it goes on"

func (a *app) remove() *cobra.Command {
	var b bulk
	cmd := &cobra.Command{
		Use:   "delete EXECUTION | --all",
		Short: "Delete executions that have ended, with their histories",
		Long: `Deletes an execution that has ended, with its history, its input and its result. Its name may be used again. With
--all it deletes all that have ended, of all durable functions or of those that the flags select: look at what that is
with --dry-run before.`,
		Example: `  perdure delete A-1
  perdure delete --all --status SUCCEEDED --older-than 168h --name 'load-test-*' --dry-run`,
		Args: b.args,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runBulk(cmd.Context(), args, &b, change{
				verb: "delete", done: "deleted", one: "the execution is deleted", statuses: []string{"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"},
				make: func(ctx context.Context, c checkpoint.Control, arn string) error {
					_, err := c.Delete(ctx, checkpoint.DeleteInput{ARN: arn})
					return err
				},
			})
		},
	}
	a.addBulkFlags(cmd, &b)
	cmd.ValidArgsFunction = a.completeExecutionsWith("SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED")
	return cmd
}

// described is an execution, with what the AWS SDK does not read of it yet.
type described struct {
	*lambdaapi.GetDurableExecutionOutput

	pause *pauseDetails
	// timesOut is when the execution times out, with what pauses have added; zero if the service
	// does not say.
	timesOut time.Time
	// earlier is what a callback like the one that it waits for was answered with.
	earlier string
}

// pauseDetails is how an execution is paused.
type pauseDetails struct {
	Requested     time.Time `json:"requested"`
	Reason        string    `json:"reason,omitempty"`
	TimeoutPaused bool      `json:"executionTimeoutPaused"`
}

// describe reads from an answer of GetDurableExecution what the AWS SDK does not. What it cannot
// read it leaves out.
func describe(e *lambdaapi.GetDurableExecutionOutput, answer []byte) *described {
	var in struct {
		Pause *struct {
			Requested     json.Number `json:"PauseRequestTimestamp"`
			Reason        string      `json:"Reason"`
			TimeoutPaused bool        `json:"ExecutionTimeoutPaused"`
		} `json:"PauseDetails"`
		TimesOut json.Number `json:"ExpectedExecutionTimeoutTimestamp"`
	}
	d := &described{GetDurableExecutionOutput: e}
	if json.Unmarshal(answer, &in) != nil {
		return d
	}
	d.timesOut = timeOf(in.TimesOut)
	if p := in.Pause; p != nil {
		d.pause = &pauseDetails{Requested: timeOf(p.Requested), Reason: p.Reason, TimeoutPaused: p.TimeoutPaused}
	}
	return d
}

// timeOf returns the time of a number of seconds, zero for none.
func timeOf(n json.Number) time.Time {
	f, err := n.Float64()
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(f * 1000)).UTC()
}

// completeEvents takes in from an answer of GetDurableExecutionHistory what the AWS SDK does not
// read of its events.
func completeEvents(events []local.Event, answer []byte) {
	var in struct {
		Events []json.RawMessage `json:"Events"`
	}
	if json.Unmarshal(answer, &in) != nil || len(in.Events) != len(events) {
		return
	}
	for i := range events {
		if t := events[i].Type; t != local.EventExecutionPaused && t != local.EventExecutionResumed {
			continue
		}
		var e local.Event
		if e.UnmarshalJSON(in.Events[i]) == nil {
			events[i].Requested, events[i].Reason, events[i].TimeoutPaused = e.Requested, e.Reason, e.TimeoutPaused
		}
	}
}

// held says since when an execution is paused, why, and what to do, in lines; there are none if it
// is not. whole has all of the reason in them.
func (d *described) held(now time.Time, whole bool) []string {
	if d.pause == nil || !local.Status(d.Status).Held() {
		return nil
	}
	line := "paused"
	if local.Status(d.Status) == local.StatusPausing {
		line = "to be paused when its invocation makes its next checkpoint call; asked for"
	}
	line += fmt.Sprintf(" %s ago", view.Span(now.Sub(d.pause.Requested)))
	goesOn := "it goes on with: perdure resume " + view.Quoted(*d.DurableExecutionArn)
	_, diverged := view.DivergenceOf(d.pause.Reason)
	switch {
	case d.pause.Reason == "":
		return []string{line + "; " + goesOn}
	case !diverged:
		return []string{line + ": " + d.pause.Reason + "; " + goesOn}
	}
	lines := view.WhyInLines(d.pause.Reason)
	lines[0] = line + ": " + lines[0]
	lines = append(lines, "then "+goesOn)
	if whole {
		return append(lines, "the whole reason: "+d.pause.Reason)
	}
	return append(lines, "--all shows the whole reason")
}
