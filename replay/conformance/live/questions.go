package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/perdure/perdure/checkpoint"

	"github.com/perdure/perdure/replay/conformance/live/subject"
)

// question is what is assumed of the service, and how it is measured.
type question struct {
	name, asks, assumed string
	// operations and invocations are how many it costs, at most; kilobytes is what it writes.
	operations, invocations, kilobytes int
	// takes is how long it takes, about.
	takes   time.Duration
	measure func(ctx context.Context, c *cloud) (found string, err error)
}

// questions are all that this project assumes of the service and could not try. Those that change
// the function come last, one after the other: see [question.alone].
func questions() []question {
	return []question{
		{
			"token", "What is a call with a token answered that was used?", "400 InvalidParameterValueException: Invalid checkpoint token",
			2, 1, 1, 5 * time.Second, text("token"),
		},
		{
			"pending", "After how many answers PENDING with nothing pending does an execution fail?", "4, with pauses of 5 s",
			0, 5, 1, time.Minute, failures("pending"),
		},
		{
			"errors", "After how many invocations in a row that end with an error does an execution fail?", nine, 9, 9, 1, 4 * time.Minute, failures("errors"),
		},
		{
			"timeouts", "After how many that run out of time?", nine, 9, 9, 1, 8 * time.Minute, failures("timeouts"),
		},
		{
			"errors-with-checkpoints", "Does a checkpoint call have failed invocations counted from the beginning?", "yes: more than 9 fail, and it goes on",
			24, 12, 1, 5 * time.Minute, resets,
		},
		{
			"pause", "What does a pause do to an invocation that runs?", "its next call is saved and answered without a token; PAUSED; it goes on when it is resumed",
			16, 2, 1, 30 * time.Second, pauses,
		},
		{
			"delete", "What becomes of an execution that is deleted?", "only one that has ended is; then it is not found", 1, 2, 1, time.Minute, deletes,
		},
		{
			"trace", "Does a trace header of an invoke reach its target?", "yes, with its Root", 2, 3, 1, 10 * time.Second, traces,
		},
		{
			"size", "How large may a payload of a checkpoint be?", "1,048,576 bytes", 3, 3, 3100, 30 * time.Second, sizes,
		},
		{
			"truncation", "From which size on are payloads cut in histories?", "not known", 3, 3, 1400, 30 * time.Second, truncation,
		},
		{
			"order", "Does the state have operations in the order in which they were sent?", "yes", 300, 1, 10, 10 * time.Second,
			yes("order", "300 operations are in the order in which they were sent", "they are in another order than that in which they were sent"),
		},
		{
			"clock", "How much later than in the function does the service say that a step began?", "0 to 100 ms", 1, 1, 1, 5 * time.Second, clock,
		},
		{
			"events", "Do the events of an execution carry its ID?", "yes: ExecutionStarted and the event of its end", 2, 1, 1, 5 * time.Second, ids,
		},
		{
			"name", "What does a second start under the same name do?", "the same input finds the execution; another one is refused with DurableExecutionAlreadyStartedException",
			1, 1, 1, 5 * time.Second, names,
		},
		{
			"pinning", "Under which code does an execution go on after a deploy?", "a version's under its own; one of $LATEST under the new one", 2, 4, 1, 40 * time.Second, pinning,
		},
	}
}

const nine = "9, with pauses of 1.1, 2.1, 3.1, 5.1, 1.1, 31, 58 and 103 s"

// alone reports whether a question changes the function: nothing else may run meanwhile.
func (q *question) alone() bool { return q.name == "pinning" }

// text asks for what a call was answered with.
func text(measure string) func(context.Context, *cloud) (string, error) {
	return func(ctx context.Context, c *cloud) (string, error) {
		r, err := c.ask(ctx, subject.Order{Measure: measure})
		return r.Text, err
	}
}

func yes(measure, ifYes, ifNo string) func(context.Context, *cloud) (string, error) {
	return func(ctx context.Context, c *cloud) (string, error) {
		r, err := c.ask(ctx, subject.Order{Measure: measure})
		switch {
		case err != nil:
			return "", err
		case r.Yes:
			return ifYes, nil
		}
		return ifNo, nil
	}
}

// failures counts the invocations of an execution until it fails, and the pauses between them.
func failures(measure string) func(context.Context, *cloud) (string, error) {
	return func(ctx context.Context, c *cloud) (string, error) {
		out, err := c.run(ctx, subject.Order{Measure: measure})
		if err != nil {
			return "", err
		}
		events, err := c.history(ctx, aws.ToString(out.DurableExecutionArn))
		if err != nil {
			return "", err
		}
		count, pauses := invocations(events)
		return fmt.Sprintf("%s after %d, with pauses of %s s: %s", out.Status, count, pauses, errorText(out.Error)), nil
	}
}

// invocations counts those that a history has, and returns the pauses between them, in seconds.
func invocations(events []lambdatypes.Event) (count int, pauses string) {
	var all []string
	var last time.Time
	for _, e := range events {
		d := e.InvocationCompletedDetails
		if d == nil {
			continue
		}
		if count++; count > 1 {
			all = append(all, fmt.Sprintf("%.1f", aws.ToTime(d.StartTimestamp).Sub(last).Seconds()))
		}
		last = aws.ToTime(d.EndTimestamp)
	}
	if len(all) == 0 {
		return count, "none"
	}
	return count, strings.Join(all, ", ")
}

// resets looks whether an execution whose invocations all fail after a checkpoint goes on after
// nine.
func resets(ctx context.Context, c *cloud) (string, error) {
	const enough = 12
	arn, err := c.start(ctx, c.version, "", subject.Order{Measure: "errors-with-checkpoints"})
	if err != nil {
		return "", err
	}
	for {
		events, err := c.history(ctx, arn)
		if err != nil {
			return "", err
		}
		count, pauses := invocations(events)
		out, err := c.lambda.GetDurableExecution(ctx, &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: &arn})
		switch {
		case err != nil:
			return "", err
		case ended(out):
			return fmt.Sprintf("no: %s after %d, with pauses of %s s", out.Status, count, pauses), nil
		case count >= enough:
			return fmt.Sprintf("yes: it goes on after %d, with pauses of %s s", count, pauses), c.stop(ctx, arn)
		}
		if err := c.pause(ctx, poll); err != nil {
			return "", err
		}
	}
}

// pauses pauses an execution while its invocation records a step each second.
func pauses(ctx context.Context, c *cloud) (string, error) {
	arn, err := c.start(ctx, c.version, "", subject.Order{Measure: "pause"})
	if err != nil {
		return "", err
	}
	if err := c.pause(ctx, 4*time.Second); err != nil {
		return "", err
	}
	if err := c.control.Pause(ctx, checkpoint.PauseInput{ARN: arn, Reason: "a measurement"}); err != nil {
		return "", fmt.Errorf("pause %s: %w", arn, err)
	}
	seen := []string{}
	out, err := c.until(ctx, arn, func(out *lambdaapi.GetDurableExecutionOutput) bool {
		if s := string(out.Status); !slices.Contains(seen, s) {
			seen = append(seen, s)
		}
		return out.Status == "PAUSED" || ended(out)
	})
	if err != nil {
		return "", err
	}
	if ended(out) {
		return fmt.Sprintf("it was %s, and has ended", strings.Join(seen, ", ")), nil
	}
	if err := c.control.Resume(ctx, checkpoint.ResumeInput{ARN: arn}); err != nil {
		return "", fmt.Errorf("resume %s: %w", arn, err)
	}
	if out, err = c.until(ctx, arn, ended); err != nil {
		return "", err
	}
	r, err := reportOf(out)
	if err != nil {
		return "", err
	}
	saved := "the call without a token was saved"
	switch {
	case r.Text != "":
		saved = r.Text
	case !r.Yes:
		saved = "the call without a token was not saved"
	}
	return fmt.Sprintf("it was %s; %s; resumed it is %s", strings.Join(seen, ", "), saved, out.Status), nil
}

// deletes deletes an execution while it runs, and when it has ended.
func deletes(ctx context.Context, c *cloud) (string, error) {
	arn, err := c.start(ctx, c.version, "", subject.Order{Measure: "wait", Seconds: 5})
	if err != nil {
		return "", err
	}
	running := answer(c.control.Delete(ctx, checkpoint.DeleteInput{ARN: arn}))
	if _, err := c.until(ctx, arn, ended); err != nil {
		return "", err
	}
	after := answer(c.control.Delete(ctx, checkpoint.DeleteInput{ARN: arn}))
	var seen []string
	for range 15 {
		out, err := c.lambda.GetDurableExecution(ctx, &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: &arn})
		if err != nil {
			seen = append(seen, refusal(err))
			break
		}
		if s := string(out.Status); !slices.Contains(seen, s) {
			seen = append(seen, s)
		}
		if err := c.pause(ctx, poll); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("while it runs: %s; after that: %s, and it is %s", running, after, strings.Join(seen, ", then ")), nil
}

func answer(_ checkpoint.DeleteOutput, err error) string {
	if err != nil {
		return refusal(err)
	}
	return "accepted"
}

// refusal is an error of the service in a word.
func refusal(err error) string {
	if api, ok := errors.AsType[interface {
		error
		ErrorCode() string
	}](err); ok {
		return api.ErrorCode()
	}
	if api, ok := errors.AsType[*checkpoint.APIError](err); ok && api.Code != "" {
		return api.Code
	}
	return err.Error()
}

// traces looks which header the target of an invoke gets.
func traces(ctx context.Context, c *cloud) (string, error) {
	r, err := c.ask(ctx, subject.Order{Measure: "trace", Function: c.name + ":" + c.version})
	switch {
	case err != nil:
		return "", err
	case r.Yes:
		return "yes: " + r.Text, nil
	}
	return "no: " + r.Text, nil
}

// sizes looks which payloads are taken.
func sizes(ctx context.Context, c *cloud) (string, error) {
	var parts []string
	for _, n := range []int{1 << 20, 1<<20 + 1} {
		r, err := c.ask(ctx, subject.Order{Measure: "size", Bytes: n})
		if err != nil {
			return "", err
		}
		parts = append(parts, fmt.Sprintf("%d bytes: %s", n, r.Text))
	}
	return strings.Join(parts, "; "), nil
}

// truncation looks which payloads are whole in a history.
func truncation(ctx context.Context, c *cloud) (string, error) {
	var parts []string
	for _, n := range []int{64 << 10, 256 << 10, 1 << 20} {
		out, err := c.run(ctx, subject.Order{Measure: "size", Bytes: n})
		if err != nil {
			return "", err
		}
		events, err := c.history(ctx, aws.ToString(out.DurableExecutionArn))
		if err != nil {
			return "", err
		}
		for _, e := range events {
			if d := e.StepSucceededDetails; d != nil && d.Result != nil {
				parts = append(parts, fmt.Sprintf("of %d bytes %d are there, Truncated is %t", n, len(aws.ToString(d.Result.Payload)), aws.ToBool(d.Result.Truncated)))
			}
		}
	}
	return strings.Join(parts, "; "), nil
}

// clock compares the clocks of a function and of the service.
func clock(ctx context.Context, c *cloud) (string, error) {
	r, err := c.ask(ctx, subject.Order{Measure: "clock"})
	if err != nil || r.Text != "" {
		return r.Text, err
	}
	return fmt.Sprintf("%d ms", r.Millis), nil
}

// ids looks which events of an execution have an ID.
func ids(ctx context.Context, c *cloud) (string, error) {
	out, err := c.run(ctx, subject.Order{Measure: "clock"})
	if err != nil {
		return "", err
	}
	events, err := c.history(ctx, aws.ToString(out.DurableExecutionArn))
	if err != nil {
		return "", err
	}
	id := checkpoint.ExecutionID(aws.ToString(out.DurableExecutionArn))
	var parts []string
	for _, e := range events {
		if !strings.HasPrefix(string(e.EventType), "Execution") {
			continue
		}
		has := "no ID"
		switch aws.ToString(e.Id) {
		case "":
		case id:
			has = "the last segment of the ARN"
		default:
			has = "another ID, " + *e.Id
		}
		parts = append(parts, fmt.Sprintf("%s: %s", e.EventType, has))
	}
	return strings.Join(parts, "; "), nil
}

// names starts under a name that is taken.
func names(ctx context.Context, c *cloud) (string, error) {
	order := subject.Order{Measure: "clock"}
	first, err := c.start(ctx, c.version, "twice", order)
	if err != nil {
		return "", err
	}
	again, err := c.start(ctx, c.version, "twice", order)
	same := "another execution"
	switch {
	case err != nil:
		same = refusal(err)
	case again == first:
		same = "the same execution"
	}
	order.Bytes = 1
	_, err = c.start(ctx, c.version, "twice", order)
	other := "accepted"
	if err != nil {
		other = refusal(err)
	}
	return fmt.Sprintf("the same input: %s; another one: %s", same, other), nil
}

// pinning changes the function while executions wait.
func pinning(ctx context.Context, c *cloud) (string, error) {
	order := subject.Order{Measure: "wait", Seconds: 20}
	var arns []string
	qualifiers := []string{c.version, "$LATEST"}
	for _, q := range qualifiers {
		arn, err := c.start(ctx, q, "", order)
		if err != nil {
			return "", err
		}
		arns = append(arns, arn)
	}
	if err := c.pause(ctx, 5*time.Second); err != nil {
		return "", err
	}
	if err := c.change(ctx, "second"); err != nil {
		return "", err
	}
	var parts []string
	for i, arn := range arns {
		out, err := c.until(ctx, arn, ended)
		if err != nil {
			return "", err
		}
		r, err := reportOf(out)
		if err != nil {
			return "", err
		}
		parts = append(parts, fmt.Sprintf("one of %s under the %s code", qualifiers[i], r.Text))
	}
	return strings.Join(parts, "; "), nil
}
