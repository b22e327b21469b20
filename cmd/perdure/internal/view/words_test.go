package view_test

import (
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// TestMeanwhile: a pause does not hide what has failed, and repeats nothing.
func TestMeanwhile(t *testing.T) {
	t.Parallel()
	paused := func(s *script) *script {
		return s.add(local.Event{Type: local.EventExecutionPaused, Reason: "mending"})
	}
	tests := []struct {
		reason string
		script *script
		want   string
	}{
		{"nothing", paused(newScript()), ""},
		{
			"an invocation has failed, and a callback is open",
			paused(newScript().op(local.EventCallbackStarted, "answer", "", callback(0)).invocation(0, "late")),
			`the last invocation failed 2s ago (Sandbox.Timedout: late), and nothing is repeated until it is resumed; ` +
				`waiting for callback "answer" (no time-out: it waits until it is answered)`,
		},
	}
	for _, tt := range tests {
		h := view.Read(tt.script.events)
		got, _, _ := strings.Cut(h.Meanwhile(h.Start.Add(2*time.Second)), "; complete it")
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
		}
	}
}

// TestDoing: what an execution does, for someone who has a minute to read it.
func TestDoing(t *testing.T) {
	t.Parallel()
	throttled := newScript()
	for _, row := range []string{"row-1", "row-2"} {
		for range 3 {
			throttled.after(time.Second).invocation(time.Second, "rate exceeded")
		}
		throttled.op(local.EventStepStarted, row, "").op(local.EventStepSucceeded, row, "")
	}
	throttled.invocation(0, "rate exceeded").after(time.Second).invocation(time.Second, "rate exceeded")
	limited := newScript()
	limited.events[0].Timeout = 5 * time.Hour
	limited.op(local.EventCallbackStarted, "answer", "", callback(0))
	tests := []struct {
		reason   string
		script   *script
		after    time.Duration
		function time.Duration // the timeout of the function
		want     string
	}{
		{
			"what the function records has the service count failures from there", throttled, 7 * time.Second, 0,
			`the last 8 invocations failed, the last one 0s ago (Sandbox.Timedout: rate exceeded): it is repeated ` +
				`(2 failed in a row since step "row-2" was recorded; the 9th ends the execution, next in 2.1s)`,
		},
		{
			"failures in a row, with nothing recorded between them",
			newScript().invocation(0, "late").after(time.Second).invocation(time.Second, "late"), time.Second, 0,
			`the last 2 invocations failed, the last one 0s ago (Sandbox.Timedout: late): it is repeated (failed invocation 2 of 9, next in 2.1s)`,
		},
		{
			"a body that hangs is cut off, and then there is a line in the log",
			newScript().after(time.Minute).op(local.EventStepStarted, "call-bank", ""), 10 * time.Minute, 15 * time.Minute,
			`the body of step "call-bank" has run for 9m; its invocation is cut off in 6m at the latest, and a second before that logs the line in which the body is`,
		},
		{
			"the timeout of the function is not known", newScript().op(local.EventStepStarted, "call-bank", ""), time.Minute, 0,
			`the body of step "call-bank" has run for 1m`,
		},
		{
			"a callback without a time-out, in an execution that has one", limited, time.Hour, 0,
			`waiting for callback "answer" (no time-out: it waits until the execution times out, in 4h)`,
		},
		{
			"neither has one", newScript().op(local.EventCallbackStarted, "answer", "", callback(0)), time.Hour, 0,
			`waiting for callback "answer" (no time-out: it waits until it is answered)`,
		},
	}
	for _, tt := range tests {
		h := view.Read(tt.script.events)
		h.FunctionTimeout = tt.function
		if got := h.Doing(begin.Add(tt.after)); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.reason, got, tt.want)
		}
	}
}

// TestInvoked: where the service says that an invocation runs, no one guesses it.
func TestInvoked(t *testing.T) {
	t.Parallel()
	const cutOff = "; its invocation is cut off in 12m at the latest, and a second before that logs the line in which the body is"
	failed := newScript().op(local.EventStepStarted, "render", "").after(time.Minute).invocation(time.Minute, "late")
	tests := []struct {
		reason string
		script *script
		want   string
	}{
		{"the first one", newScript(), "its function has run for 3m" + cutOff},
		{
			"one after one that failed", failed,
			`the last invocation failed 4m ago (Sandbox.Timedout: late): it has run again for 3m; step "render" was cut off 1 time, and its body runs again` + cutOff,
		},
		{"one of an execution that was redriven", redriven(), `its function has run for 3m; the body of step "render", which was cut off before, runs again` + cutOff},
		{
			"one that waits for nothing, beside a callback", newScript().op(local.EventCallbackStarted, "answer", "", callback(0)),
			`waiting for callback "answer" (no time-out: it waits until it is answered)`,
		},
	}
	for _, tt := range tests {
		h, now := view.Read(tt.script.events), tt.script.now.Add(4*time.Minute)
		h.Invoked, h.FunctionTimeout = now.Add(-3*time.Minute), 15*time.Minute
		if got := h.Doing(now); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.reason, got, tt.want)
		}
	}
}

// TestCounted: an execution may have 3,000 operations, of which its tree shows a part.
func TestCounted(t *testing.T) {
	t.Parallel()
	s := attempts().invocation(time.Second, "late").invocation(time.Second, "late") // pack failed twice, and is due again
	if got := view.Read(s.events).Counted(); got != 1+2+2 {
		t.Errorf("%d are counted, want a step, two retries and two failed invocations", got)
	}
	s.op(local.EventStepStarted, "pack", "").op(local.EventStepSucceeded, "pack", "", func(e *local.Event) { e.Attempt = 3 })
	if got := view.Read(s.events).Counted(); got != 1+2+2 {
		t.Errorf("in the end %d are counted, want as many", got)
	}
}

// TestPlaceOf: where a panic happened, if its record says so.
func TestPlaceOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		stack  []string
		want   string
	}{
		{"no stack", nil, ""},
		{"a panic", []string{"goroutine 8 [running]:", "main.total(...)", "/src/order/functions.go:139"}, "main.total (functions.go:139)"},
		{
			"with arguments, and a program counter",
			[]string{"goroutine 8 [running]:", "main.(*cards).charge(0xc0, {0x1, 0x2})", "/src/order/cards.go:7 +0x45", "main.main()", "/src/main.go:1"},
			"main.(*cards).charge (cards.go:7)",
		},
		{"an earlier record, whose stack begins with its making", []string{"goroutine 8 [running]:", "runtime/debug.Stack()", "/go/stack.go:26"}, ""},
		{"of another language", []string{"at total (index.js:7)", "at handler (index.js:2)", "at x"}, ""},
	}
	for _, tt := range tests {
		if got := view.PlaceOf(&checkpoint.Failure{Type: "PanicError", Stack: tt.stack}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
		}
	}
	if got := view.PlaceOf(nil); got != "" {
		t.Errorf("of no error: %q", got)
	}
}

// TestNoTypesOfGo: types that only Go knows are in no line.
func TestNoTypesOfGo(t *testing.T) {
	t.Parallel()
	s := newScript().invocation(time.Second, "rate exceeded")
	for _, kind := range []string{"wrapError", "CheckpointCallError", "errorString"} {
		s.events[len(s.events)-1].Failure.Type = kind
		if got := view.Read(s.events).Doing(begin); strings.Contains(got, kind) || !strings.Contains(got, "(rate exceeded)") {
			t.Errorf("of a %s: %s", kind, got)
		}
	}
}
