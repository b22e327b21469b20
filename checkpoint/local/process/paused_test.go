//go:build unix

package process_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// TestPythonControls: boto3 pauses, resumes and deletes an execution through the front, and reads
// all that it shows of it.
func TestPythonControls(t *testing.T) { //nolint:paralleltest // it starts processes
	l := installPython(t)
	s, endpoint := l.stageSmall(t)
	e, err := s.Start(t.Context(), "perdure", "A-1", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for len(e.Operations()) == 0 || !waitsForCallback(e) {
		time.Sleep(10 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.program, "control.py", e.ARN())
	cmd.Dir, cmd.WaitDelay = l.dir, time.Second
	cmd.Env = append(append(os.Environ(), l.env...),
		"AWS_ENDPOINT_URL_LAMBDA="+endpoint, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("control.py: %v\n%s", err, errs.String())
	}
	id := checkpoint.ExecutionID(e.ARN())
	want := []string{
		`{"call": "pause_durable_execution", "code": 202, "status": "PAUSED", "reason": "bad deploy", "timeoutPaused": true, "timesOut": true, "deleted": false}`,
		`{"call": "pause_durable_execution", "code": "ResourceConflictException", "status": "PAUSED", "reason": "bad deploy", "timeoutPaused": true, "timesOut": true, "deleted": false}`,
		`{"call": "delete_durable_execution", "code": "ResourceConflictException", "status": "PAUSED", "reason": "bad deploy", "timeoutPaused": true, "timesOut": true, "deleted": false}`,
		`{"call": "resume_durable_execution", "code": 202, "status": "RUNNING", "reason": null, "timeoutPaused": null, "timesOut": true, "deleted": false}`,
		`{"call": "resume_durable_execution", "code": "ResourceConflictException", "status": "RUNNING", "reason": null, "timeoutPaused": null, "timesOut": true, "deleted": false}`,
		`{"call": "pause_durable_execution", "code": 202, "status": "PAUSED", "reason": null, "timeoutPaused": false, "timesOut": true, "deleted": false}`,
		`{"call": "stop_durable_execution", "code": 200, "status": "STOPPED", "reason": null, "timeoutPaused": null, "timesOut": false, "deleted": false}`,
		`{"event": "ExecutionPaused", "id": "` + id + `", "reason": "bad deploy"}`,
		`{"event": "ExecutionResumed", "id": "` + id + `", "reason": "mended"}`,
		`{"event": "ExecutionPaused", "id": "` + id + `", "reason": null}`,
		`{"call": "delete_durable_execution", "code": 202, "status": "ResourceNotFoundException", "reason": null, "timeoutPaused": null, "timesOut": false, "deleted": true}`,
		`{"call": "delete_durable_execution", "code": "ResourceNotFoundException", "status": "ResourceNotFoundException", "reason": null, "timeoutPaused": null, "timesOut": false, "deleted": false}`,
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(string(out)), "\n")); diff != "" {
		t.Errorf("boto3 reads (-want +got):\n%s", diff)
	}
}

func waitsForCallback(e *local.Execution) bool {
	for _, o := range e.Operations() {
		if o.CallbackID != "" && e.RunUntilSuspended(context.Background()) == nil {
			return true
		}
	}
	return false
}

// TestPythonIsPaused: a function of the official Python SDK stops when its call is answered without
// a token, at each of its calls, and goes on when its execution is resumed.
func TestPythonIsPaused(t *testing.T) { //nolint:paralleltest // it starts processes
	l := installPython(t)
	var s *local.Service
	var calls atomic.Int32
	s, _ = l.stageSmall(t, local.WithFaults(local.Faults{Fail: func(p local.Point) error {
		if p.Moment == local.MomentBeforeCall && p.Invocation == 1 && p.Call == 1 {
			calls.Add(1)
			return s.Pause(context.Background(), checkpoint.PauseInput{ARN: p.ARN, Reason: "bad deploy"})
		}
		return nil
	}}))
	for _, how := range []string{"step", "wait", "map", "group"} {
		e, err := s.Start(t.Context(), "small", "", []byte(`{"how":"`+how+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.RunUntilSuspended(t.Context()); err != nil {
			t.Fatal(err)
		}
		if e.Status() != local.StatusPaused || e.Invocations() != 1 {
			t.Errorf("%s: it is %s after %d invocations", how, e.Status(), e.Invocations())
		}
		if err := s.Resume(t.Context(), checkpoint.ResumeInput{ARN: e.ARN()}); err != nil {
			t.Fatal(err)
		}
		if err := e.Wait(t.Context()); err != nil || e.Status() != local.StatusSucceeded {
			t.Errorf("%s: it ends with %s, %v, %v", how, e.Status(), e.Err(), err)
		}
		for _, ev := range e.History() {
			if ev.Type == local.EventInvocationCompleted && ev.Failure != nil {
				t.Errorf("%s: an invocation has failed with %v", how, ev.Failure)
			}
		}
	}
	if calls.Load() != 4 {
		t.Errorf("%d executions were paused", calls.Load())
	}
}

// TestJavaScriptIsPaused: a function of the official JavaScript SDK that is paused while it waits
// is not invoked when the wait ends, goes on when its execution is resumed, and runs no body again.
//
// Paused at one of its calls, version 2.4.0 of that SDK makes another call, which is refused as the
// stale one that it is, and ends the execution as FAILED: it looks for another spelling of the
// refusal. That is no fault of the service, and is not tested.
func TestJavaScriptIsPaused(t *testing.T) { //nolint:paralleltest // it starts processes
	js := installJavaScript(t)
	s := js.stage(t)
	s.host(t, "price")
	e, err := s.Start(t.Context(), "price:1", "", []byte(`{"items":["tea","pot"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.RunUntilSuspended(t.Context()), s.Pause(t.Context(), checkpoint.PauseInput{ARN: e.ARN()})); err != nil {
		t.Fatal(err)
	}
	for ended := false; !ended; {
		time.Sleep(10 * time.Millisecond)
		for _, o := range e.Operations() {
			ended = ended || o.Kind == checkpoint.KindWait && o.Status == checkpoint.StatusSucceeded
		}
	}
	if e.Status() != local.StatusPaused || e.Invocations() != 1 {
		t.Fatalf("it is %s after %d invocations", e.Status(), e.Invocations())
	}
	if err := s.Resume(t.Context(), checkpoint.ResumeInput{ARN: e.ARN()}); err != nil {
		t.Fatal(err)
	}
	finish(t, e)
	if got := string(e.Result()); got != `{"net":200}` || e.Invocations() != 2 {
		t.Errorf("it ends with %s %s, %v, after %d invocations", e.Status(), got, e.Err(), e.Invocations())
	}
	if n := tally(e)["StepStarted"]; n != 1 {
		t.Errorf("%d steps have begun, want one", n)
	}
}
