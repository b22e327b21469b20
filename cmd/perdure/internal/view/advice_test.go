package view_test

import (
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// throttled is what an invocation fails with whose calls are throttled.
const throttled = "replay: checkpoint call: checkpoint: CheckpointDurableExecution: 429 TooManyRequestsException: Rate exceeded"

// throttledNow is what it fails with under an engine that names the call once.
const throttledNow = "replay: CheckpointDurableExecution: 429 TooManyRequestsException: Rate exceeded"

// TestAdvice: what is said of executions that need someone, and nothing of those that do not.
func TestAdvice(t *testing.T) {
	t.Parallel()
	step := func() *script { return newScript().op(local.EventStepStarted, "a", "") }
	failure := func(kind, message string) *checkpoint.Failure {
		return &checkpoint.Failure{Type: kind, Message: message}
	}
	tests := []struct {
		reason  string
		script  *script
		after   time.Duration // when it is looked at, seen from the beginning
		failure *checkpoint.Failure
		want    string // its beginning; empty for nothing
	}{
		{"nothing has begun", newScript(), time.Hour, nil, ""},
		{"a body runs", step(), time.Second, nil, ""},
		{"a body runs for long", step(), time.Hour, nil, "If it hangs"},
		{"an invocation was too long", step().invocation(time.Minute, "Task timed out"), time.Hour, nil, "A body hangs, or takes longer"},
		{
			"calls are throttled", step().fails("CheckpointCallError", throttled), time.Hour, nil, "Its calls of CheckpointDurableExecution are throttled",
		},
		{
			"the function is throttled", step().fails("TooManyRequestsException", "Rate Exceeded."), time.Hour, nil,
			"The function has no concurrency left: it goes on by itself when it has. To raise it, see its own (aws lambda get-function-concurrency",
		},
		{"an invocation failed", step().fails("errorString", "out of luck"), time.Hour, nil, "The logs of the function say why"},
		{"a wait of days", newScript().op(local.EventWaitStarted, "a", "", wait(5*24*time.Hour)), time.Hour, nil, ""},
		{"a wait of a year", newScript().op(local.EventWaitStarted, "a", "", wait(8760*time.Hour)), time.Hour, nil, "It goes on by itself."},
		{"a callback", newScript().op(local.EventCallbackStarted, "a", "", callback(time.Hour)), time.Minute, nil, "Complete or fail it by hand"},
		{"a callback without a timeout", newScript().op(local.EventCallbackStarted, "a", "", callback(0)), time.Minute, nil, "It has no timeout"},
		{"paused", newScript().add(local.Event{Type: local.EventExecutionPaused, Reason: "deploy"}), time.Minute, nil, "Resume it when"},
		{
			"held", newScript().add(local.Event{Type: local.EventExecutionPaused, Reason: "replay: the execution diverged: x"}), time.Minute, nil,
			"Deploy the former code, or declare the change: op.Added(…) for an operation that is new, ",
		},
		{
			"held, and what declares the change is known", newScript().add(local.Event{Type: local.EventExecutionPaused, Reason: inserted}), time.Minute, nil,
			`Deploy the former code, or declare the change: op.Step("check-fraud", …).Was("charge-card") if that was its name. Then resume it: before that a resume pauses it again.`,
		},
		{
			"paused after a time-out", step().invocation(time.Minute, "Task timed out after 900.00 seconds").add(local.Event{Type: local.EventExecutionPaused, Reason: "x"}), time.Hour, nil,
			"A body hangs, or takes longer",
		},
		{
			"paused after another failure", step().fails("errorString", "out of luck").add(local.Event{Type: local.EventExecutionPaused, Reason: "x"}), time.Hour, nil,
			"The logs of the function say why the last invocation failed. Resume it when that is mended",
		},
		{
			"a step panics, and is tried again", step().op(local.EventStepFailed, "a", "", func(e *local.Event) {
				e.Attempt, e.NextAttemptDelay, e.Failure = 1, time.Minute, failure("PanicError", "panic: no table")
			}), time.Second, nil, "The body of step \"a\" panics, and most likely does with each attempt: mend the code at the first line of the stack, which",
		},
		{
			"its place is known, and the next attempt runs", step().op(local.EventStepFailed, "a", "", func(e *local.Event) {
				e.Attempt, e.NextAttemptDelay, e.Failure = 1, time.Minute, panicked()
			}).op(local.EventStepStarted, "a", ""), time.Second, nil,
			"The body of step \"a\" panics, and most likely does with each attempt: mend the code at main.total (functions.go:139). Pause",
		},
		{"an attempt has failed", step().op(local.EventStepFailed, "a", "", failed(1, "x", time.Minute)), time.Second, nil, ""},
		{
			"many attempts have failed", step().op(local.EventStepFailed, "a", "", failed(5, "x", time.Minute)), time.Second, nil,
			"Step \"a\" has failed 5 times, and is tried again",
		},
		{
			"an answer of another type", answered(), time.Hour, failure("UnmarshalTypeError", `codec: decode result of "approval": json: x`),
			"The answer of callback \"approval\" is not of the type that the code decodes. It stays, so a redrive fails again: " +
				"on this machine begin before it, and answer it again: `perdure fork EXECUTION --before approval`. On AWS start one",
		},
		{
			"the same in an error of the code", answered(), time.Hour, failure("wrapError", `no approval: codec: decode result of "approval": json: x`),
			"The answer of callback \"approval\" is not",
		},
		{
			"a result of another type", step().op(local.EventStepSucceeded, "a", "", result("7")).end(local.EventExecutionFailed), time.Hour,
			failure("UnmarshalTypeError", `codec: decode result of "a": json: x`),
			"The code decodes the result of \"a\" as another type than it was recorded with. It stays, so mend the type in the code; then redrive",
		},
		{"succeeded", step().end(local.EventExecutionSucceeded), time.Hour, nil, ""},
		{
			"stopped without an error", step().end(local.EventExecutionStopped), time.Hour, nil,
			`It was stopped by hand: nothing of it has failed, and nothing was undone. The body of step "a" ran then: see whether its effect has happened. If`,
		},
		{
			"stopped with an error, while it waited", newScript().op(local.EventWaitStarted, "a", "", wait(time.Hour)).end(local.EventExecutionStopped), time.Hour,
			failure("mistaken", "x"), "It was stopped by hand: nothing of it has failed, and nothing was undone. If it is to be done after all, redrive",
		},
		{"a panic", step().end(local.EventExecutionFailed), time.Hour, failure("PanicError", "x"), "Mend the code"},
		{
			"an interrupted step", step().end(local.EventExecutionFailed), time.Hour, failure("Interrupted", "x"),
			"A step was cut off, and may have had its effect: ask what it calls",
		},
		{
			"a step that was interrupted, in an error of the code", step().op(local.EventStepFailed, "a", "", cutOff).end(local.EventExecutionFailed),
			time.Hour, failure("wrapError", "charge: interrupted"), "A step was cut off",
		},
		{"a lost target", step().end(local.EventExecutionFailed), time.Hour, failure("ResourceNotFoundException", "x"), "Deploy the function"},
		{
			"a lost target whose alias may be what is gone", newScript().op(local.EventChainedInvokeStarted, "charge", "", func(e *local.Event) { e.Function = "payment:live" }).
				op(local.EventChainedInvokeFailed, "charge", "", func(e *local.Event) { e.Failure = failure("ResourceNotFoundException", "x") }).end(local.EventExecutionFailed),
			time.Hour, failure("ResourceNotFoundException", "x"),
			"See whether the whole function is missing, or only its alias or version \"live\": `aws lambda get-function --function-name payment`. Deploy the function, or make the alias: " +
				"`aws lambda create-alias --function-name payment --name live --function-version VERSION`; then redrive",
		},
		{
			"a lost target without a qualifier",
			newScript().op(local.EventChainedInvokeStarted, "charge", "", func(e *local.Event) { e.Function = "arn:aws:lambda:eu-west-1:1:function:payment" }).
				op(local.EventChainedInvokeFailed, "charge", "", func(e *local.Event) { e.Failure = failure("ResourceNotFoundException", "x") }).end(local.EventExecutionFailed),
			time.Hour, failure("ResourceNotFoundException", "x"), "Deploy the function arn:aws:lambda:eu-west-1:1:function:payment, which is not found: `aws lambda get-function",
		},
		{"too large", step().end(local.EventExecutionFailed), time.Hour, failure("TooLarge", "the result has 1,048,578 bytes"), "Keep large data outside"},
		{
			"an input of another type", step().end(local.EventExecutionFailed), time.Hour,
			failure("UnmarshalTypeError", "replay: the input does not fit int: codec: decode input: x"), "Start one with an input that the function can decode, under another name: a redrive has the same input, and fails again.",
		},
		{"an error of the code", step().end(local.EventExecutionFailed), time.Hour, failure("Declined", "x"), "Look at the operation that failed"},
		{
			"nine invocations were too long", step().end(local.EventExecutionFailed), time.Hour,
			failure("Sandbox.Timedout", "RequestId: r Error: Task timed out after 900.00 seconds"), "A body hangs, or takes longer",
		},
		{
			"a timeout that can be raised", step().invocation(time.Minute, "Task timed out after 30.00 seconds"), time.Hour, nil,
			"A body hangs, or takes longer than an invocation may. The log line \"the invocation's time is nearly over\" of each invocation says in which line it is. " +
				"The same line each time is a body that hangs there, so mend that line, unless it is the pause of a loop that gets on. Different lines are a body that is only slow: cut it into steps, or make it faster, " +
				"or raise the timeout of the function, which is at most 900 seconds.",
		},
		{
			"a timeout that cannot be raised", step().invocation(time.Minute, "Task timed out after 900.00 seconds"), time.Hour, nil,
			"A body hangs, or takes longer than an invocation may. The log line \"the invocation's time is nearly over\" of each invocation says in which line it is. " +
				"The same line each time is a body that hangs there, so mend that line, unless it is the pause of a loop that gets on. Different lines are a body that is only slow: cut it into steps, or make it faster. " +
				"Its timeout cannot be raised: 900 seconds are the most.",
		},
		{
			"calls are throttled, as that is said now", step().fails("CheckpointCallError", throttledNow), time.Hour, nil, "Its calls of CheckpointDurableExecution are throttled: all",
		},
		{
			"calls fail in another way", step().fails("CheckpointCallError", "replay: CheckpointDurableExecution: 500 ServiceException: x"), time.Hour, nil,
			"The logs of the function say why",
		},
		{"timed out", step().end(local.EventExecutionTimedOut), time.Hour, failure("Execution.Timeout", "x"), "See what it waited for"},
	}
	for _, tt := range tests {
		got := view.Read(tt.script.events).Advice(begin.Add(tt.after), tt.failure)
		if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
		}
	}
}

// answered is an execution that has failed after its callback was answered.
func answered() *script {
	return newScript().op(local.EventContextStarted, "approval", "", subType("WaitForCallback")).
		op(local.EventCallbackStarted, "approval-callback", "approval", callback(0)).
		op(local.EventCallbackSucceeded, "approval-callback", "approval", result(`"yes"`)).
		op(local.EventContextSucceeded, "approval", "", result(`"yes"`)).end(local.EventExecutionFailed)
}

func panicked() *checkpoint.Failure {
	return &checkpoint.Failure{
		Type: "PanicError", Message: "panic: no table",
		Stack: []string{"goroutine 7 [running]:", "main.total(0x1)", "\t/src/order/functions.go:139 +0x1d"},
	}
}

// TestFor: commands of advice name the execution.
func TestFor(t *testing.T) {
	t.Parallel()
	const text = "On this machine: `perdure fork EXECUTION --before a`"
	if got, want := view.Marked(text, "A-1", "order"), "On this machine: `perdure fork A-1 --function order --before a`"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := view.For(text, "A-1", "order:$LATEST"), "On this machine: perdure fork A-1 --function 'order:$LATEST' --before a"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAdviceOnAPanicNamesItsPlace, if the record has it; else it says where that is.
func TestAdviceOnAPanicNamesItsPlace(t *testing.T) {
	t.Parallel()
	const again = " Then redrive it on this machine, or start one with the same input under another name (its steps run again)."
	h := view.Read(newScript().end(local.EventExecutionFailed).events)
	if got, want := h.Advice(begin.Add(time.Hour), panicked()), "Mend the code at main.total (functions.go:139)."+again; got != want {
		t.Errorf("with a place: %q, want %q", got, want)
	}
	if got := h.Advice(begin.Add(time.Hour), &checkpoint.Failure{Type: "PanicError", Message: "panic: no table"}); !strings.Contains(got, "replay.WithStackTraces") {
		t.Errorf("without one: %q", got)
	}
}

// TestPausedAdviceDoesNotPause: what is said of an execution that is paused does not have it
// paused.
func TestPausedAdviceDoesNotPause(t *testing.T) {
	t.Parallel()
	for _, f := range []checkpoint.Failure{
		{Type: "CheckpointCallError", Message: throttled},
		{Type: "Sandbox.Timedout", Message: "Task timed out after 900.00 seconds"},
		{Type: "TooManyRequestsException", Message: "Rate Exceeded."},
		{Type: "errorString", Message: "out of luck"},
	} {
		s := newScript().op(local.EventStepStarted, "a", "").fails(f.Type, f.Message).add(local.Event{Type: local.EventExecutionPaused, Reason: "x"})
		got := view.Read(s.events).Advice(begin.Add(time.Hour), nil)
		if strings.Contains(got, "ause it meanwhile") || !strings.HasSuffix(got, "before that it fails again.") {
			t.Errorf("%s: %q", f.Type, got)
		}
	}
}
