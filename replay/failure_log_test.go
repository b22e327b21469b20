package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func overLimit(context.Context) (string, error) {
	return "", fmt.Errorf("charge: %w", &limitError{Limit: 7})
}
func panicking(context.Context) (string, error) { panic("out of paper") }

// line is a record of the library's own, as the test compares it.
type line struct {
	Level, Message, Path, Name string
	Attempt                    int
	Next                       string // RFC 3339, of the next attempt
	ErrorType, ErrorMessage    string
	Stack                      bool // begins with the function that panicked
}

func linesIn(t *testing.T, text string) (lines []line) {
	t.Helper()
	for raw := range strings.Lines(text) {
		var r struct {
			Level, Message, Path, OperationName, NextAttempt, ErrorType, ErrorMessage, Stack, ExecutionArn string
			Attempt                                                                                        int
		}
		if err := json.Unmarshal([]byte(raw), &r); err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		if r.ExecutionArn == "" {
			t.Errorf("no execution: %s", raw)
		}
		lines = append(lines, line{
			Level: r.Level, Message: r.Message, Path: r.Path, Name: r.OperationName, Attempt: r.Attempt, Next: r.NextAttempt,
			ErrorType: r.ErrorType, ErrorMessage: r.ErrorMessage, Stack: beginsHere(r.Stack),
		})
	}
	return lines
}

// beginsHere reports whether the first call of a stack is in this file.
func beginsHere(stack string) bool {
	lines := strings.Split(stack, "\n")
	return len(lines) > 2 && strings.Contains(lines[2], "failure_log_test.go")
}

// TestFailuresAreLogged: whoever is called at night finds in the log what failed, where, and what
// happens next, without having asked for it, and each failure once.
func TestFailuresAreLogged(t *testing.T) {
	t.Parallel()
	const (
		attempt, last = "an attempt failed", "an attempt failed, and it was the last one"
		function      = "a function that runs operations panicked"
		declared      = "a function that an operation is declared with panicked"
		failed        = "the execution failed"
		limit         = "charge: over the limit of 7"
		paper         = "panic: out of paper"
	)
	once, never := op.WithRetry(retry.Fixed(time.Minute, retry.MaxAttempts(2))), op.WithRetry(retry.Never())
	run := func(o op.Op[string]) func(op.Context) (string, error) {
		return func(ctx op.Context) (string, error) { return replay.Run(ctx, o) }
	}
	caught := func(o op.Op[string]) func(op.Context) (string, error) {
		return func(ctx op.Context) (string, error) {
			if _, err := replay.Run(ctx, o); err == nil {
				return "", errors.New("no error")
			}
			return "caught", replay.Exec(ctx, op.Wait("then", time.Minute))
		}
	}
	panics := func(op.Context) (string, error) { panic("out of paper") }
	tests := []struct {
		reason string
		fn     func(ctx op.Context) (string, error)
		want   []line
	}{{
		reason: "a step that fails, is made again, and fails for good",
		fn:     run(op.Step("charge", overLimit, once).Key("o-1")),
		want: []line{
			{"WARN", attempt, `charge[o-1]`, "charge", 1, "2026-01-01T00:01:00Z", "limitError", limit, false},
			{"WARN", last, `charge[o-1]`, "charge", 2, "", "limitError", limit, false},
			{"ERROR", failed, `charge[o-1]`, "charge", 0, "", "limitError", limit, false},
		},
	}, {
		reason: "what the handler lives with is no failed execution, and the replay does not say it again",
		fn:     caught(op.Step("charge", overLimit, never)),
		want:   []line{{"WARN", last, "charge", "charge", 1, "", "limitError", limit, false}},
	}, {
		reason: "a step that panics",
		fn:     caught(op.Step("print", panicking, never)),
		want:   []line{{"WARN", last, "print", "print", 1, "", "PanicError", paper, true}},
	}, {
		reason: "a condition that does not hold yet has not failed, nor has one that is never met, until it gives up",
		fn: caught(op.WaitForCondition("ready", "", func(context.Context, string) (string, bool, error) { return "", false, nil },
			op.WithPolling(retry.Fixed(time.Second, retry.MaxAttempts(3))))),
		want: []line{{"WARN", last, "ready", "ready", 3, "", "ConditionNotMet", `"ready": condition not met after 3 calls`, false}},
	}, {
		reason: "a body that leaves a state has not failed",
		fn: run(op.Step("pages", func(ctx context.Context) (string, error) {
			if info, _ := op.InfoFrom(ctx); info.Attempt < 3 {
				return "", retry.Again(info.Attempt)
			}
			return "done", nil
		}, op.WithRetry(retry.Fixed(time.Second)))),
	}, {
		reason: "a group that panics",
		fn:     caught(op.Group("pack", panics)),
		want:   []line{{"WARN", function, "pack", "", 0, "", "PanicError", paper, true}},
	}, {
		reason: "a branch that panics",
		fn: caught(op.Transform(op.Map("items", []string{"a"}, op.GroupFunc("item", func(ctx op.Context, _ string) (string, error) { return panics(ctx) })),
			func(b op.Batch[string]) (string, error) { return "", b.Err() })),
		want: []line{{"WARN", function, "items[0]", "", 0, "", "PanicError", paper, true}},
	}, {
		reason: "a branch of a flat batch that panics",
		fn:     caught(op.Any("any", op.Group("a", panics))),
		want:   []line{{"WARN", function, "any[a]", "", 0, "", "PanicError", paper, true}},
	}, {
		reason: "a group that was started and panics, which fails the execution",
		fn: func(ctx op.Context) (string, error) {
			replay.Go(ctx, op.Group("pack", panics))
			return "", nil
		},
		want: []line{
			{"WARN", function, "pack", "", 0, "", "PanicError", paper, true},
			{"ERROR", failed, "pack", "pack", 0, "", "PanicError", paper, false},
		},
	}, {
		reason: "an error of the handler",
		fn:     func(op.Context) (string, error) { return overLimit(context.Background()) },
		want:   []line{{"ERROR", failed, "", "", 0, "", "limitError", limit, false}},
	}, {
		reason: "a panic of the handler",
		fn:     panics,
		want:   []line{{"ERROR", failed, "", "", 0, "", "PanicError", paper, true}},
	}, {
		reason: "a policy that panics ends the attempts",
		fn:     caught(op.Step("charge", overLimit, op.WithRetry(panicPolicy))),
		want: []line{
			{"WARN", last, "charge", "charge", 1, "", "Error", "retry: invalid policy: it panicked: out of paper", true},
		},
	}, {
		reason: "a function of op.Transform that panics",
		fn: caught(op.Transform(op.Step("ok", func(context.Context) (string, error) { return "", nil }),
			func(string) (string, error) { panic("out of paper") })),
		want: []line{{"WARN", declared, "", "ok", 0, "", "PanicError", paper, true}},
	}, {
		reason: "misuse",
		fn: func(ctx op.Context) (string, error) {
			return replay.Run(ctx, op.Step("outer", func(context.Context) (string, error) {
				return "", replay.Exec(ctx, op.Wait("inner", time.Minute))
			}))
		},
		want: []line{{"ERROR", failed, "", "", 0, "", "NestedOperation", "", false}},
	}}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var text bytes.Buffer
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) { return tt.fn(ctx) },
				replay.WithLogHandler(replay.JSONLogs(&text, nil)))
			svc := local.New(local.WithClock(local.NewVirtualClock(dawn)))
			defer func() { _ = svc.Close() }()
			_, _ = svc.Run(t.Context(), f, []byte("{}"))
			got := linesIn(t, text.String())
			if tt.reason == "misuse" && len(got) == 1 {
				got[0].ErrorMessage = ""
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s\n%s", tt.reason, diff, text.String())
			}
		})
	}
}

// TestCallsThatFailAreLogged: an invocation that ends because the service does not answer, or
// refuses a call for now, says so: the runtime of Lambda does not.
func TestCallsThatFailAreLogged(t *testing.T) {
	t.Parallel()
	const repeated = "a call of the service failed: the invocation fails, and the service repeats it"
	throttled := apiError(429, "TooManyRequestsException", "Rate exceeded")
	tests := []struct {
		reason string
		client *tape
		marker string
		want   []line
	}{
		{
			"a checkpoint call", &tape{reply: func(int, checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
				return checkpoint.CheckpointOutput{}, throttled
			}}, "",
			[]line{{Level: "WARN", Message: repeated, ErrorType: "CheckpointCallError", ErrorMessage: "replay: CheckpointDurableExecution: 429 TooManyRequestsException: Rate exceeded"}},
		},
		{
			"the log is read", &tape{page: func(checkpoint.StateInput) (checkpoint.StateOutput, error) {
				return checkpoint.StateOutput{}, throttled
			}}, "m",
			[]line{{Level: "WARN", Message: repeated, ErrorType: "CheckpointCallError", ErrorMessage: "replay: CheckpointDurableExecution: 429 TooManyRequestsException: Rate exceeded"}},
		},
		{
			"what the service refuses for good ends the execution", &tape{page: func(checkpoint.StateInput) (checkpoint.StateOutput, error) {
				return checkpoint.StateOutput{}, apiError(400, "InvalidParameterValueException", "Invalid marker")
			}}, "m",
			[]line{{
				Level: "ERROR", Message: "the execution failed", ErrorType: "InvalidParameterValueException",
				ErrorMessage: "checkpoint: read the state of " + tapeARN + ": checkpoint: CheckpointDurableExecution: 400 InvalidParameterValueException: Invalid marker",
			}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			in, err := checkpoint.EncodeInvocation(checkpoint.Invocation{ARN: tapeARN, Token: "t", NextMarker: tt.marker, Operations: []checkpoint.Operation{execution("null")}})
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				return op.None{}, replay.Exec(ctx, op.Wait("pause", time.Minute))
			}, replay.WithLogHandler(replay.JSONLogs(&text, nil)))
			_, _ = f.Invoke(onTape(t, tt.client), in)
			if diff := cmp.Diff(tt.want, linesIn(t, text.String())); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// panicPolicy panics, but not when it is validated.
func panicPolicy(a retry.Attempt) retry.Decision {
	if a.Number > 0 {
		panic("out of paper")
	}
	return retry.Decision{}
}

// TestDivergenceIsLogged: an execution that fails because its code was changed says so once, as an
// error.
func TestDivergenceIsLogged(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	runs := 0
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		runs++
		if err := replay.Exec(ctx, op.Wait(fmt.Sprintf("pause-%d", runs), time.Minute)); err != nil {
			return "", err
		}
		return "", nil
	}, replay.WithLogHandler(replay.JSONLogs(&text, nil)), replay.WithDivergence(replay.DivergenceFail))
	svc := local.New(local.WithClock(local.NewVirtualClock(dawn)))
	defer func() { _ = svc.Close() }()
	if _, err := svc.Run(t.Context(), f, []byte("{}")); err == nil {
		t.Fatal("the execution has not failed")
	}
	got := linesIn(t, text.String())
	if len(got) != 1 || got[0].Level != "ERROR" || got[0].Message != "the execution failed" || got[0].ErrorType != "NonDeterministicExecutionError" {
		t.Errorf("lines %+v", got)
	}
}

// TestFailuresAreLoggedByDefault: on Lambda to the standard output, elsewhere to slog.Default.
func TestFailuresAreLoggedByDefault(t *testing.T) { //nolint:paralleltest // it sets the default logger
	var text bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&text, nil)))
	defer slog.SetDefault(before)
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Step("charge", overLimit, op.WithRetry(retry.Never())))
	})
	svc := local.New(local.WithClock(local.NewVirtualClock(dawn)))
	defer func() { _ = svc.Close() }()
	_, _ = svc.Run(t.Context(), f, []byte("{}"))
	var levels []string
	for raw := range strings.Lines(text.String()) {
		var r struct{ Level, Error string }
		if err := json.Unmarshal([]byte(raw), &r); err != nil {
			t.Fatal(err)
		}
		levels = append(levels, r.Level+" "+r.Error)
	}
	if want := []string{"WARN charge: over the limit of 7", "ERROR charge: over the limit of 7"}; !slices.Equal(levels, want) {
		t.Errorf("%q, want %q", levels, want)
	}
}
