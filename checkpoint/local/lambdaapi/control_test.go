package lambdaapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	front "github.com/perdure/perdure/checkpoint/local/lambdaapi"
)

// wire makes raw requests about one execution.
type wire struct{ address string }

// ask makes a request and returns its status and its body.
func (w wire) ask(t *testing.T, method, rest, body string) (status int, answer map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.address+rest, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s %s: %q: %v", method, rest, text, err)
	}
	return res.StatusCode, answer
}

// TestPauseOverTheWire has the members of the three calls, of GetDurableExecution and of the
// history as the Lambda API spells them.
func TestPauseOverTheWire(t *testing.T) {
	t.Parallel()
	clock := local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	s := local.New(local.WithClock(clock), local.WithExecutionTimeout(time.Hour))
	defer func() { _ = s.Close() }()
	if err := s.Host("approval", function(approval)); err != nil {
		t.Fatal(err)
	}
	e, err := s.Start(t.Context(), "approval", "order-1", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(front.Handler(s))
	defer server.Close()
	w := wire{server.URL + "/2025-12-01/durable-executions/" + url.PathEscape(e.ARN())}
	expect := func(what, method, rest, body string, status int, want map[string]any) {
		t.Helper()
		gotStatus, got := w.ask(t, method, rest, body)
		for name := range got {
			if _, ok := want[name]; !ok {
				delete(got, name)
			}
		}
		if diff := cmp.Diff(want, got); gotStatus != status || diff != "" {
			t.Errorf("%s: %d, want %d (-want +got):\n%s", what, gotStatus, status, diff)
		}
	}
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	const begun = 1767225600
	expect("running", "GET", "", "", 200, map[string]any{"Status": "RUNNING", "ExpectedExecutionTimeoutTimestamp": float64(begun + 3600)})
	expect("pause", "POST", "/pause", `{"Reason":"bad deploy","ClientToken":"1"}`, 202, map[string]any{})
	expect("pause, once more", "POST", "/pause", `{"Reason":"bad deploy","ClientToken":"1"}`, 202, map[string]any{})
	expect("pause, by another one", "POST", "/pause", ``, 409, map[string]any{"message": "local: the execution is paused already"})
	expect("paused", "GET", "", "", 200, map[string]any{
		"Status":       "PAUSED",
		"PauseDetails": map[string]any{"PauseRequestTimestamp": float64(begun), "Reason": "bad deploy", "ExecutionTimeoutPaused": true},
		// 366 days after the start
		"ExpectedExecutionTimeoutTimestamp": float64(begun + 31_622_400),
	})
	expect("paused, without data", "GET", "?IncludeExecutionData=false", "", 200, map[string]any{
		"PauseDetails": map[string]any{"PauseRequestTimestamp": float64(begun), "ExecutionTimeoutPaused": true},
	})
	expect("delete", "DELETE", "", "", 409, map[string]any{"message": "local: the execution has not ended; stop it first"})
	clock.Advance(time.Minute)
	expect("resume", "POST", "/resume", `{"Reason":"mended"}`, 202, map[string]any{})
	expect("resume, once more", "POST", "/resume", ``, 409, map[string]any{"message": "local: the execution is not paused"})
	expect("resumed", "GET", "", "", 200, map[string]any{"Status": "RUNNING", "ExpectedExecutionTimeoutTimestamp": float64(begun + 3660)})
	expect("pause, the timeout runs on", "POST", "/pause", `{"ExecutionTimeoutPaused":false}`, 202, map[string]any{})
	expect("paused, and the timeout runs on", "GET", "", "", 200, map[string]any{
		"PauseDetails":                      map[string]any{"PauseRequestTimestamp": float64(begun + 60), "ExecutionTimeoutPaused": false},
		"ExpectedExecutionTimeoutTimestamp": float64(begun + 3660),
	})
	expect("stop", "POST", "/stop", "", 200, map[string]any{"StopTimestamp": float64(begun + 60)})
	expect("stopped", "GET", "", "", 200, map[string]any{"Status": "STOPPED"})

	_, history := w.ask(t, "GET", "/history", "")
	events, _ := history["Events"].([]any)
	var pauses []any
	for _, ev := range events {
		if ev, _ := ev.(map[string]any); ev["Id"] == e.Record().ID() && ev["EventType"] != "ExecutionStarted" {
			pauses = append(pauses, ev[fmt.Sprint(ev["EventType"], "Details")])
		}
	}
	reason := func(text string) map[string]any { return map[string]any{"Payload": text, "Truncated": false} }
	want := []any{
		map[string]any{"PauseRequestTimestamp": float64(begun), "Reason": reason("bad deploy"), "ExecutionTimeoutPaused": true},
		map[string]any{"ResumeRequestTimestamp": float64(begun + 60), "Reason": reason("mended")},
		map[string]any{"PauseRequestTimestamp": float64(begun + 60), "ExecutionTimeoutPaused": false},
		map[string]any{"Error": map[string]any{"Truncated": false}},
	}
	if diff := cmp.Diff(want, pauses); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	expect("delete, after the end", "DELETE", "", "", 202, map[string]any{"DeletionRequestTimestamp": float64(begun + 60)})
	expect("deleted", "GET", "", "", 404, map[string]any{"message": "local: no such execution"})
	expect("delete, once more", "DELETE", "", "", 404, map[string]any{"message": "local: no such execution"})
}

// TestControlThroughTheFront: the client of the three calls and the front understand each other,
// and its errors are those of the service.
func TestControlThroughTheFront(t *testing.T) {
	t.Parallel()
	s, client := hostApproval(t)
	arn, _ := asked(t, s, client, "order-1")
	control := checkpoint.NewControl(client)
	e, _ := s.Execution(arn)
	if err := control.Pause(t.Context(), checkpoint.PauseInput{ARN: arn, Reason: "é", TimeoutRuns: true}); err != nil {
		t.Fatal(err)
	}
	if p := e.Record().Pause; e.Status() != local.StatusPaused || p.Reason != "é" || p.TimeoutPaused {
		t.Errorf("%s, %+v", e.Status(), p)
	}
	conflict := func(what string, err error) {
		t.Helper()
		if failed, ok := errors.AsType[*checkpoint.APIError](err); !ok || !failed.Conflict() {
			t.Errorf("%s: %v", what, err)
		}
	}
	conflict("a second pause", control.Pause(t.Context(), checkpoint.PauseInput{ARN: arn}))
	_, err := control.Delete(t.Context(), checkpoint.DeleteInput{ARN: arn})
	conflict("a delete of what is paused", err)
	if err := control.Resume(t.Context(), checkpoint.ResumeInput{ARN: arn}); err != nil || e.Status() != local.StatusRunning {
		t.Errorf("Resume: %v, %s", err, e.Status())
	}
	if err := e.Stop(nil); err != nil {
		t.Fatal(err)
	}
	out, err := control.Delete(t.Context(), checkpoint.DeleteInput{ARN: arn})
	if err != nil || time.Since(out.Requested) > time.Minute {
		t.Errorf("Delete: %+v, %v", out, err)
	}
	_, err = control.Delete(t.Context(), checkpoint.DeleteInput{ARN: arn})
	if failed, ok := errors.AsType[*checkpoint.APIError](err); !ok || !failed.NotFound() {
		t.Errorf("a second Delete: %v", err)
	}
}
