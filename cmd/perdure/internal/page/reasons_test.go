package page_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

// TestReasons: the list says of each execution why it waits, has failed, or is held.
func TestReasons(t *testing.T) {
	t.Parallel()
	started := local.Event{Type: local.EventExecutionStarted, Time: begin}
	tests := []struct {
		record record
		pause  string
		err    *checkpoint.Failure
		want   any
	}{
		{waiting(), "", nil, `waits for callback "collected"`},
		{
			record{name: "A-2", status: local.StatusRunning, events: []local.Event{
				started, {Type: local.EventStepStarted, Time: at(1), OperationID: "s1", Name: "call-bank"},
			}}, "", nil, `the body of step "call-bank" runs`,
		},
		{record{name: "A-3", status: local.StatusRunning, events: []local.Event{started}}, "", nil, "waits for its function to be invoked"},
		{record{name: "A-4", status: local.StatusPaused, events: []local.Event{started}}, "being mended", nil, "being mended"},
		{
			record{name: "A-5", status: local.StatusFailed, events: []local.Event{started}},
			"",
			&checkpoint.Failure{Type: "Declined", Message: strings.Repeat("no ", 200)}, "Declined: " + strings.Repeat("no ", 76) + "no…",
		},
		{record{name: "A-6", status: local.StatusSucceeded, events: []local.Event{started}}, "", nil, ""},
	}
	store := local.NewMemoryStore()
	asked := []string{"arn=gone"}
	want := make(map[string]any)
	for _, tt := range tests {
		tt.record.keep(t, store)
		kept, err := store.Load(tt.record.arn())
		if err != nil {
			t.Fatal(err)
		}
		kept.Execution.Failure = tt.err
		if tt.pause != "" {
			kept.Execution.Pause = local.Pause{Requested: begin, At: begin, Reason: tt.pause}
		}
		if err := store.Commit(local.Transition{Execution: kept.Execution}); err != nil {
			t.Fatal(err)
		}
		asked = append(asked, "arn="+url.QueryEscape(tt.record.arn()))
		want[tt.record.arn()] = tt.want
	}
	v := serve(t, page.Options{Source: page.FromStore(store)})
	got := v.get("/ui/reasons?" + strings.Join(asked, "&"))["reasons"]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	rows, _ := v.get("/ui/executions")["executions"].([]any)
	for _, row := range rows {
		r, _ := row.(map[string]any)
		reason, _ := r["reason"].(string)
		if name := r["name"]; (reason != "") != (name == "A-4" || name == "A-5") {
			t.Errorf("the row of %v says %q, which needs no reading for those that are held or have failed alone", name, reason)
		}
	}
	if status, text := v.ask("GET", "/ui/reasons?"+strings.Repeat("arn=a&", 51), "", nil); status != 400 {
		t.Errorf("too many: %d %s", status, text)
	}
}

// TestOriginAndForks: an execution that was redriven and the new one know each other, and the new
// one counts what is its own.
func TestOriginAndForks(t *testing.T) {
	t.Parallel()
	clock := local.NewVirtualClock(begin)
	service := local.New(local.WithClock(clock))
	t.Cleanup(func() {
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := service.Host("order", replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, errors.New("no luck")
	})); err != nil {
		t.Fatal(err)
	}
	run := func(e *local.Execution, err error) *local.Execution {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if err := e.RunUntilSuspended(context.Background()); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Second)
		return e
	}
	old := run(service.Start(t.Context(), "order", "A-1", []byte("null")))
	again := run(service.Redrive(t.Context(), local.ForkInput{ARN: old.ARN()}))
	run(service.Redrive(t.Context(), local.ForkInput{ARN: again.ARN()}))

	v := serve(t, page.Options{Source: page.FromService(service), Now: clock.Now})
	var names []string
	rows, _ := v.get("/ui/forks?arn=" + url.QueryEscape(old.ARN()))["executions"].([]any)
	for _, row := range rows {
		r, _ := row.(map[string]any)
		name, _ := r["name"].(string)
		names = append(names, name)
	}
	if diff := cmp.Diff([]string{"A-1-redrive-1"}, names); diff != "" {
		t.Errorf("made of it (-want +got):\n%s", diff)
	}
	got := v.get("/ui/execution?arn=" + url.QueryEscape(again.ARN()))
	e, _ := got["execution"].(map[string]any)
	if e["origin"] != old.ARN() || got["own"] != 1.0 || got["ended"] != 3.0 {
		t.Errorf("it was made of %v, and has %v of %v invocations", e["origin"], got["own"], got["ended"])
	}
}

// TestNextInvocation: when the next one is, is said of an execution that goes on by itself alone.
func TestNextInvocation(t *testing.T) {
	t.Parallel()
	failing := record{name: "A-1", status: local.StatusRunning, events: []local.Event{
		{Type: local.EventExecutionStarted, Time: at(0)},
		{Type: local.EventInvocationCompleted, Time: at(4), Start: at(0), End: at(4), RequestID: "r", Failure: &checkpoint.Failure{Type: "T", Message: "m"}},
	}}
	tests := []struct {
		reason string
		pause  local.Pause
		want   bool
	}{
		{"it runs", local.Pause{}, true},
		{"it is paused", local.Pause{Requested: at(5), At: at(5)}, false},
		{"it is about to be paused", local.Pause{Requested: at(5)}, false},
	}
	for _, tt := range tests {
		store := local.NewMemoryStore()
		failing.keep(t, store)
		kept, err := store.Load(failing.arn())
		if err != nil {
			t.Fatal(err)
		}
		kept.Execution.Pause = tt.pause
		if err := store.Commit(local.Transition{Execution: kept.Execution}); err != nil {
			t.Fatal(err)
		}
		v := serve(t, page.Options{Source: page.FromStore(store), Hint: func(string) string { return "in the attic" }})
		got := v.get("/ui/execution?arn=" + url.QueryEscape(failing.arn()))
		if _, ok := got["next"]; ok != tt.want {
			t.Errorf("%s: the next one is at %v", tt.reason, got["next"])
		}
		if got["where"] != "in the attic" {
			t.Errorf("%s: the logs are %v", tt.reason, got["where"])
		}
	}
}

// TestPausedAfterAFailure: a pause does not hide what the last invocation failed with.
func TestPausedAfterAFailure(t *testing.T) {
	t.Parallel()
	r := record{name: "A-1", status: local.StatusPaused, events: []local.Event{
		{Type: local.EventExecutionStarted, Time: at(0)},
		{
			Type: local.EventInvocationCompleted, Time: at(4), Start: at(0), End: at(4), RequestID: "r",
			Failure: &checkpoint.Failure{Type: "Runtime.ExitError", Message: "signal: killed"},
		},
		{Type: local.EventExecutionPaused, Time: at(5), Reason: "being mended"},
	}}
	store := local.NewMemoryStore()
	r.keep(t, store)
	kept, err := store.Load(r.arn())
	if err != nil {
		t.Fatal(err)
	}
	kept.Execution.Pause, kept.Execution.FailedInRow = local.Pause{Requested: at(5), At: at(5), Reason: "being mended"}, 1
	if err := store.Commit(local.Transition{Execution: kept.Execution}); err != nil {
		t.Fatal(err)
	}
	v := serve(t, page.Options{Source: page.FromStore(store)})
	got := v.get("/ui/execution?arn=" + url.QueryEscape(r.arn()))
	const failed = "the last invocation failed 56s ago (Runtime.ExitError: signal: killed), and nothing is repeated until it is resumed"
	if got["waiting"] != failed {
		t.Errorf("it says %q, want %q", got["waiting"], failed)
	}
	const mend = "The logs of the function say why the last invocation failed. Resume it when that is mended: before that it fails again."
	if got["advice"] != mend {
		t.Errorf("the advice is %q, want %q", got["advice"], mend)
	}
	rows, _ := v.get("/ui/executions")["executions"].([]any)
	if row, _ := rows[0].(map[string]any); row["reason"] != nil || row["failing"] != 1.0 {
		t.Errorf("the row has the reason %q already, so that the whole one is not asked for, and %v have failed", row["reason"], row["failing"])
	}
	reasons, _ := v.get("/ui/reasons?arn=" + url.QueryEscape(r.arn()))["reasons"].(map[string]any)
	if want := "being mended; the last invocation failed: Runtime.ExitError: signal: killed"; reasons[r.arn()] != want {
		t.Errorf("the list says %q, want %q", reasons[r.arn()], want)
	}
}
