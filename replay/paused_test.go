package replay_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestBodiesAreInformedOfAPause: a body that runs when the service stops the invocation is
// cancelled with a cause of its own, what it returns is recorded nowhere, and handler code does not
// go on.
func TestBodiesAreInformedOfAPause(t *testing.T) {
	t.Parallel()
	running := make(chan struct{})
	var cause error
	wentOn := false
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		slow := replay.Go(ctx, op.Step("slow", func(ctx context.Context) (string, error) {
			close(running)
			<-ctx.Done()
			cause = context.Cause(ctx)
			return "done all the same", nil
		}))
		err := replay.Exec(ctx, op.Do("quick", func(context.Context) error { <-running; return nil }))
		wentOn = true
		_, _ = replay.Run(ctx, slow.Result())
		return op.None{}, err
	}, replay.WithLogHandler(slog.DiscardHandler))
	client := &tape{reply: func(n int, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
		for _, u := range in.Updates {
			if u.Name == "quick" && u.Action == checkpoint.ActionSucceed {
				return checkpoint.CheckpointOutput{}, nil
			}
		}
		return checkpoint.CheckpointOutput{Token: strings.Repeat("t", n)}, nil
	}}
	if got := once(t, f, client); got != "PENDING" {
		t.Errorf("answer %s, want PENDING", got)
	}
	if !errors.Is(cause, op.ErrPaused) {
		t.Errorf("the context of the body ended with %v, want op.ErrPaused", cause)
	}
	if wentOn {
		t.Error("the handler went on behind the step whose reply had no token")
	}
	for _, call := range client.calls() {
		if strings.Contains(call, "SUCCEED slow") {
			t.Errorf("the result of the body that was running was recorded: %s", call)
		}
	}
}

// TestPausedExecutionGoesOn: what was recorded before a pause is not done again, what was under way
// is, and a timer that fires while the execution is paused counts as it would have.
func TestPausedExecutionGoesOn(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	var e *local.Execution
	runs := make(map[string]int)
	step := func(name string) op.Op[string] {
		return op.Step(name, func(context.Context) (string, error) {
			runs[name]++
			if name == "second" && runs[name] == 1 {
				if err := h.Pause(t.Context(), checkpoint.PauseInput{ARN: e.ARN(), Reason: "look into it"}); err != nil {
					t.Error(err)
				}
			}
			return name, nil
		})
	}
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		var all []string
		for _, name := range []string{"first", "second", "third"} {
			s, err := replay.Run(ctx, step(name))
			if err != nil {
				return "", err
			}
			all = append(all, s)
			if err := replay.Exec(ctx, op.Wait("pause", time.Hour).Key(name)); err != nil {
				return "", err
			}
		}
		return strings.Join(all, " "), nil
	})
	e = h.begin(t, f, "null")
	if err := e.Drive(t.Context()); !errors.Is(err, local.ErrStalled) || e.Status() != local.StatusPaused {
		t.Fatalf("drive: %v, the execution is %s, want it PAUSED", err, e.Status())
	}
	h.clock.Advance(30 * 24 * time.Hour)
	if err := e.RunUntilSuspended(t.Context()); err != nil || runs["third"] != 0 {
		t.Fatalf("while it is paused: %v, the third step ran %d times", err, runs["third"])
	}
	if err := h.Resume(t.Context(), checkpoint.ResumeInput{ARN: e.ARN()}); err != nil {
		t.Fatal(err)
	}
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if end(e) != `SUCCEEDED "first second third"` || runs["first"] != 1 || runs["second"] != 1 || runs["third"] != 1 {
		t.Errorf("it ended as %s; the steps ran %v", end(e), runs)
	}
	for _, ev := range e.History() {
		if ev.Type == local.EventInvocationCompleted && ev.Failure != nil {
			t.Errorf("an invocation failed: %+v", ev.Failure)
		}
	}
}
