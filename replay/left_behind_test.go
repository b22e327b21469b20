package replay_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// leftBehind is a race that is over before a body of "late" begins, or begins again.
type leftBehind struct {
	reason string
	race   func(late func() error) op.Op[string]
	outage bool     // both waits are over when an invocation sees the first
	bodies int32    // of "late"
	want   []string // status, error type and message of the records of "late" and "late-undo"
}

// TestStepsThatAreLeftBehind: what docs/operations.md says of steps whose body had not begun.
func TestStepsThatAreLeftBehind(t *testing.T) {
	t.Parallel()
	step := func(late func() error, opts ...op.StepOption) op.Op[string] {
		return op.Step("late", func(context.Context) (string, error) { return "late", late() }, opts...)
	}
	// The timer and what is after the other wait are through at the same time; the timer has the
	// first place.
	timer := op.Group("timer", func(ctx op.Context) (string, error) {
		return "timer", replay.Exec(ctx, op.Wait("limit", time.Minute))
	})
	after := func(o op.Op[string]) op.Op[string] { return pause("after", time.Minute, o) }
	later := func(o op.Op[string]) op.Op[string] { return pause("later", 10*time.Second, o) }
	hog := op.Step("hog", func(ctx context.Context) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	})
	again := []op.StepOption{op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Fixed(30 * time.Second))}
	undo := func(context.Context) error { return nil }
	tests := []leftBehind{
		{
			reason: "the log has decided the race: nothing of the step is written",
			race:   func(late func() error) op.Op[string] { return op.Race("race", timer, after(step(late))) },
			outage: true,
		},
		{
			reason: "the same for a step whose start must be durable before its body begins",
			race: func(late func() error) op.Op[string] {
				return op.Race("race", timer, after(step(late, op.WithSemantics(op.AtMostOncePerRetry))))
			},
			outage: true,
		},
		{
			reason: "its start is in the log, and another body has its place: it is known that it has not run",
			race: func(late func() error) op.Op[string] {
				return op.Race("race", timer, hog, step(late, op.WithSemantics(op.AtMostOncePerRetry))).With(op.WithMaxRunning(1))
			},
			want: []string{"FAILED NotBegun the body had not begun when its scope was left behind"},
		},
		{
			reason: "what has not begun has nothing to undo",
			race: func(late func() error) op.Op[string] {
				return op.Race("race", timer, hog, step(late).UndoAttempted(undo)).With(op.WithMaxRunning(1))
			},
			want: []string{"FAILED NotBegun the body had not begun when its scope was left behind"},
		},
		{
			reason: "an attempt was made before: what it said is kept",
			race: func(late func() error) op.Op[string] {
				return op.Race("race", timer, later(hog), step(late, again...)).With(op.WithMaxRunning(1))
			},
			bodies: 1,
			want:   []string{"FAILED LeftBehind " + leftBehindText},
		},
		{
			reason: "an attempt was made before: it is undone as if there had been no other",
			race: func(late func() error) op.Op[string] {
				return op.Race("race", timer, later(hog), step(late, again...).UndoAttempted(undo)).With(op.WithMaxRunning(1))
			},
			bodies: 1,
			want:   []string{"FAILED LeftBehind " + leftBehindText, "SUCCEEDED"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var bodies atomic.Int32
				f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
					return replay.Run(ctx, tt.race(func() error {
						bodies.Add(1)
						return errors.New("no answer")
					}))
				})
				run := func() *local.Execution { return inBubble(t, f) }
				if tt.outage {
					run = func() *local.Execution { return drive(t, f, "null") }
				}
				e := run()
				if e.Status() != local.StatusSucceeded {
					t.Fatalf("got %s (%v), want that the race is won", e.Status(), e.Err())
				}
				if got := bodies.Load(); got != tt.bodies {
					t.Errorf("the body ran %d times, want %d", got, tt.bodies)
				}
				if diff := cmp.Diff(tt.want, endsOf(e, "late", "late-undo")); diff != "" {
					t.Errorf("the records (-want +got):\n%s", diff)
				}
			})
		})
	}
}

const leftBehindText = "no further attempt was made when its scope was left behind; the attempt before: no answer"

// pause runs an operation after a wait.
func pause(name string, d time.Duration, o op.Op[string]) op.Op[string] {
	return op.Group(name, func(ctx op.Context) (string, error) {
		if err := replay.Exec(ctx, op.Wait("pause", d)); err != nil {
			return "", err
		}
		return replay.Run(ctx, o)
	})
}

// endsOf returns status, error type and message of the records with these names.
func endsOf(e *local.Execution, names ...string) (ends []string) {
	for _, rec := range e.Operations() {
		if rec.Kind != checkpoint.KindStep || !slices.Contains(names, rec.Name) {
			continue
		}
		fields := []string{string(rec.Status)}
		if rec.Failure != nil {
			fields = append(fields, rec.Failure.Type, rec.Failure.Message)
		}
		ends = append(ends, strings.Join(fields, " "))
	}
	return ends
}
