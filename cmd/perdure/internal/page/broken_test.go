package page_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

// TestBodyThatHangs: of a body that runs the page says when it is cut off, if it knows the timeout.
func TestBodyThatHangs(t *testing.T) {
	t.Parallel()
	clock := local.NewVirtualClock(begin)
	service := local.New(local.WithClock(clock), local.WithFunctionTimeout(15*time.Minute))
	began, ending := make(chan struct{}), make(chan struct{})
	if err := service.Host("order", replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Do("call-bank", func(context.Context) error {
			close(began)
			<-ending
			return nil
		}).UndoAttempted(func(context.Context) error { return nil })) // its start is recorded before the body begins
	})); err != nil {
		t.Fatal(err)
	}
	e, err := service.Start(t.Context(), "order", "A-1", []byte("null"))
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- e.RunUntilSuspended(t.Context()) }()
	<-began
	v := serve(t, page.Options{Source: page.FromService(service), Now: func() time.Time { return begin.Add(9 * time.Minute) }})
	got := v.get("/ui/execution?arn=" + url.QueryEscape(e.ARN()))["waiting"]
	want := `the body of step "call-bank" has run for 9m; its invocation is cut off in 6m at the latest, and a second before that logs the line in which the body is`
	if got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	close(ending)
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if err := service.Close(); err != nil {
		t.Error(err)
	}
}

// TestReasonOfAPause: what is for people is in lines, and the reason as it was given is there too.
func TestReasonOfAPause(t *testing.T) {
	t.Parallel()
	const diverged = `replay: the execution diverged in the handler: an operation was inserted; checkpointed STEP Step "a" (SUCCEEDED, ID a-1), ` +
		`current code STEP Step at "b"; the execution is held`
	store := local.NewMemoryStore()
	why := map[string][]any{
		"":             nil,
		"being mended": {"being mended"},
		diverged: {
			"the code is not the code that wrote the log: an operation was inserted", `  recorded  Step "a" (SUCCEEDED)`, `  code now  Step "b"`,
			"  do this   deploy code that fits the log, such as the code that began it",
		},
	}
	v := serve(t, page.Options{Source: page.FromStore(store)})
	n := 0
	for reason, want := range why {
		n++
		r := local.ExecutionRecord{
			ARN: fmt.Sprintf("arn:aws:lambda:us-east-1:123456789012:function:order:1/durable-execution/A-%d/0", n), Name: fmt.Sprint("A-", n),
			Function: "arn:aws:lambda:us-east-1:123456789012:function:order:1", Status: local.StatusPaused, Start: begin,
			Pause: local.Pause{Requested: begin, At: begin, Reason: reason}, Input: checkpoint.TextPayload("1"),
		}
		events := []local.Event{{ID: 1, Type: local.EventExecutionStarted, Time: begin}, {ID: 2, Type: local.EventExecutionPaused, Time: begin, Reason: reason}}
		if err := store.Commit(local.Transition{Execution: r, Events: events}); err != nil {
			t.Fatal(err)
		}
		e, _ := v.get("/ui/execution?arn=" + url.QueryEscape(r.ARN))["execution"].(map[string]any)
		got, _ := e["why"].([]any)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", reason, diff)
		}
		if all, _ := e["held"].(string); all != reason {
			t.Errorf("the reason %q is sent as %q", reason, all)
		}
	}
}

// TestWhereInvocationsWereCutOff: of invocations that timed out the page says where their bodies
// were, if the logs are known.
func TestWhereInvocationsWereCutOff(t *testing.T) {
	t.Parallel()
	const line = `{"message":"the invocation's time is nearly over, and it is held up by user code","waits":"main.read was running at main.go:7"}`
	timeout := &checkpoint.Failure{Type: "Sandbox.Timedout", Message: "RequestId: r-1 Error: Task timed out after 900.00 seconds"}
	tests := []struct {
		reason  string
		failure *checkpoint.Failure
		want    any
	}{
		{"it timed out", timeout, "read main.go:7 (1×): if the next one is cut off in the same line, it hangs there."},
		{"it failed in another way", &checkpoint.Failure{Type: "Runtime.ExitError", Message: "exit status 1"}, nil},
	}
	for _, tt := range tests {
		store := local.NewMemoryStore()
		r := record{name: "A-1", status: local.StatusRunning, events: []local.Event{
			{Type: local.EventExecutionStarted, Time: at(0)},
			{Type: local.EventStepStarted, Time: at(1), OperationID: "s1", Name: "render"},
			{Type: local.EventInvocationCompleted, Time: at(30), Start: at(0), End: at(30), RequestID: "r-1", Failure: tt.failure},
		}}
		r.keep(t, store)
		v := serve(t, page.Options{Source: page.FromStore(store), Written: func(_ string, requests map[string]bool) []page.Line {
			if !requests["r-1"] {
				t.Errorf("%s: the lines of %v are asked for", tt.reason, requests)
			}
			return []page.Line{{Text: line}}
		}})
		if got := v.get("/ui/execution?arn=" + url.QueryEscape(r.arn()))["cutAt"]; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.reason, got, tt.want)
		}
	}
}
