package browsertest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// history makes the events of an execution that is in trouble, which began that long ago.
type history struct {
	events []local.Event
	now    time.Time
}

func ago(d time.Duration) *history {
	h := &history{now: begin.Add(24*time.Hour - d)} // the page is looked at a day after the beginning
	return h.add(local.Event{Type: local.EventExecutionStarted, Input: checkpoint.TextPayload(`{"id":"A-1"}`)})
}

func (h *history) after(d time.Duration) *history {
	h.now = h.now.Add(d)
	return h
}

func (h *history) add(e local.Event) *history {
	e.Time = h.now
	h.events = append(h.events, e)
	return h
}

func (h *history) step(t local.EventType, name string, failure *checkpoint.Failure, next time.Duration) *history {
	e := local.Event{Type: t, OperationID: name, Name: name, Failure: failure, NextAttemptDelay: next}
	if failure != nil {
		e.Attempt = 1
	}
	return h.add(e)
}

// invocation ends an invocation that has taken that long.
func (h *history) invocation(took time.Duration, failure *checkpoint.Failure) *history {
	h.after(took)
	return h.add(local.Event{
		Type: local.EventInvocationCompleted, Start: h.now.Add(-took), End: h.now, RequestID: "8f7e", Failure: failure,
	})
}

func (h *history) ends(t local.EventType, failure *checkpoint.Failure) *history {
	return h.add(local.Event{Type: t, Failure: failure})
}

func because(kind, message string) *checkpoint.Failure {
	return &checkpoint.Failure{Type: kind, Message: message}
}

// TestTenBrokenExecutions: the page says of each what is wrong, and what to do, where it is shown
// first.
func TestTenBrokenExecutions(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	timeout := because("Sandbox.Timedout", "RequestId: 8f7e Error: Task timed out after 900.00 seconds")
	nine := ago(20*time.Hour).step(local.EventStepStarted, "render", nil, 0)
	for range 8 {
		nine.invocation(15*time.Minute, timeout)
	}
	panicked := because("PanicError", "panic: runtime error: index out of range [3] with length 3")
	panicked.Stack = []string{"goroutine 7 [running]:", "main.total(...)", "order/main.go:41"}
	tests := []struct {
		name   string
		status local.Status
		events *history
		says   []string
	}{
		{
			"stuck-callback", local.StatusRunning, ago(20*time.Hour).add(local.Event{
				Type: local.EventCallbackStarted, OperationID: "c", Name: "approval", CallbackID: "cb",
			}).invocation(time.Second, nil),
			[]string{`Waiting for callback "approval"`, "It has no timeout and waits until someone completes or fails it", "no time-out: it waits until it is answered"},
		},
		{
			"hung-body", local.StatusRunning, ago(14*time.Minute).step(local.EventStepStarted, "call-bank", nil, 0),
			[]string{`The body of step "call-bank" has run for 14m`, "If it hangs", "the first invocation runs"},
		},
		{
			"nine-time-outs", local.StatusRunning, nine,
			[]string{"Failed invocation 8 of 9", "After 9 in a row the execution fails", `step "render" was cut off 8 times`, "Task timed out", "A body hangs, or takes longer than an invocation may", "900 seconds are the most"},
		},
		{
			"divergence-held", local.StatusPaused, ago(time.Hour).step(local.EventStepSucceeded, "charge", nil, 0).add(local.Event{
				Type: local.EventExecutionPaused,
				Reason: `replay: the execution diverged in the handler: an operation was removed; checkpointed STEP Step "charge" (SUCCEEDED, ID charge-0748), ` +
					`current code nothing; the execution is held`,
			}),
			[]string{"Paused", "the code is not the code that wrote the log: an operation was removed", `recorded Step "charge" (SUCCEEDED)`, "code now nothing", "Deploy the former code, or declare the change: op.Added(…) for an operation that is new", "before that a resume pauses it again"},
		},
		{
			"poison-input", local.StatusFailed, ago(time.Hour).invocation(time.Second, nil).
				ends(local.EventExecutionFailed, because("UnmarshalTypeError", `replay: the input does not fit main.Order: codec: decode input: json: cannot unmarshal string into "cents"`)),
			[]string{"FAILED", "the input does not fit", `"cents"`, "Start one with an input that the function can decode"},
		},
		{
			"lost-target", local.StatusFailed, ago(time.Hour).add(local.Event{
				Type: local.EventChainedInvokeStarted, OperationID: "i", Name: "charge", Function: "payment:live",
			}).add(local.Event{
				Type: local.EventChainedInvokeFailed, OperationID: "i", Failure: because("ResourceNotFoundException", "Function not found: payment:live"),
			}).ends(local.EventExecutionFailed, because("ResourceNotFoundException", "Function not found: payment:live")),
			[]string{"FAILED", "Function not found: payment:live", `whether the whole function is missing, or only its alias or version "live"`, "create-alias --function-name payment --name live"},
		},
		{
			"throttled", local.StatusRunning, ago(time.Hour).step(local.EventStepStarted, "reserve", nil, 0).
				invocation(time.Second, because("TooManyRequestsException", "Rate Exceeded.")).
				invocation(time.Second, because("TooManyRequestsException", "Rate Exceeded.")),
			[]string{"Failed invocation 2 of 9", "TooManyRequestsException: Rate Exceeded.", "The function has no concurrency left"},
		},
		{
			"too-large", local.StatusFailed, ago(time.Hour).step(local.EventStepStarted, "export", nil, 0).
				step(local.EventStepFailed, "export", because("TooLarge", "the result has 412,113 bytes, and 262,144 fit"), 0).
				ends(local.EventExecutionFailed, because("TooLarge", "the result has 412,113 bytes, and 262,144 fit")),
			[]string{"FAILED", "Step export: TooLarge: the result has 412,113 bytes, and 262,144 fit", "codec/offload"},
		},
		{
			"code-panics", local.StatusFailed, ago(time.Hour).step(local.EventStepStarted, "total", nil, 0).
				step(local.EventStepFailed, "total", panicked, 0).ends(local.EventExecutionFailed, panicked),
			[]string{"FAILED", "index out of range [3] with length 3", "order/main.go:41", "Mend the code at main.total (main.go:41)"},
		},
		{
			"waits-for-a-year", local.StatusRunning, ago(20*time.Hour).add(local.Event{
				Type: local.EventWaitStarted, OperationID: "w", Name: "cool-off", Duration: 365 * 24 * time.Hour,
				ScheduledEnd: begin.Add(4*time.Hour + 365*24*time.Hour),
			}).invocation(time.Second, nil),
			[]string{`Waiting for wait "cool-off", which ends in 364d4h`, "If that is not meant: AWS cannot shorten a wait", "--operation cool-off Copy"},
		},
	}
	store := local.NewMemoryStore()
	server := show(t, store)
	b := newTab(t, 1280, 720)
	for i, tt := range tests {
		e := local.ExecutionRecord{
			ARN: function + "/durable-execution/" + tt.name + "/0", Name: tt.name, Function: function, Status: tt.status,
			Start: tt.events.events[0].Time, Input: checkpoint.TextPayload(`{"id":"A-1"}`),
		}
		for j := range tt.events.events {
			tt.events.events[j].ID = j + 1
		}
		last := tt.events.events[len(tt.events.events)-1]
		if tt.status.Terminal() {
			e.End, e.Failure = last.Time, last.Failure
		}
		if tt.status == local.StatusPaused {
			e.Pause = local.Pause{Requested: last.Time, At: last.Time, Reason: last.Reason}
		}
		if err := store.Commit(local.Transition{Execution: e, Events: tt.events.events}); err != nil {
			t.Fatal(err)
		}
		b.open(server+"/#/execution/"+escaped(e.ARN), ".title .status")
		head := strings.Join(strings.Fields(b.text(".execution > .head")), " ")
		t.Logf("%2d. %s: %s", i+1, tt.name, head)
		for _, want := range tt.says {
			if !strings.Contains(head, want) {
				t.Errorf("%s: the page does not say %q at first sight", tt.name, want)
			}
		}
		if none := b.text(".panel .empty"); tt.name == "poison-input" && none != "It ended before its first operation." {
			t.Errorf("%s: the tree says %q", tt.name, none)
		}
	}
	b.open(server+"/#/execution/"+escaped(function+"/durable-execution/nine-time-outs/0")+"?view=timeline", ".timeline .row[data-index]")
	b.shot("page-broken.png")
	b.quiet()
}
