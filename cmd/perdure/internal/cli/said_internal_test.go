package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestFailuresAreSaidOnce: what the library of a function logs of a failure, and the narrator says
// too, is printed once, as a readable line, and a stack with it. What says more stays as it was
// logged.
func TestFailuresAreSaidOnce(t *testing.T) {
	t.Parallel()
	step := func(body func(context.Context) error, n int) func(ctx op.Context, _ int) error {
		return func(ctx op.Context, _ int) error {
			return replay.Exec(ctx, op.Do("pack", body, op.WithRetry(retry.Fixed(time.Minute, retry.MaxAttempts(n)))))
		}
	}
	falls := func(context.Context) error { return errors.New("it fell down") }
	caught := func(run func(ctx op.Context, n int) error) func(ctx op.Context, n int) error {
		return func(ctx op.Context, n int) error {
			if run(ctx, n) == nil {
				return errors.New("it has not failed")
			}
			return nil
		}
	}
	tests := []struct {
		reason string
		run    func(ctx op.Context, n int) error
		opts   []replay.HandlerOption
		// said are lines of the narrator that hold the error, rest is what is printed of the
		// records of the function, their first words.
		said int
		rest []string
	}{
		{"attempts that fail: a line each", caught(step(falls, 2)), nil, 3, nil}, // two failures, and what it is suspended for
		{"an execution that fails", func(op.Context, int) error { return errors.New("it fell down") }, nil, 1, nil},
		{
			"a body that panics: its stack", caught(step(func(context.Context) error { panic("it fell down") }, 1)), nil, 1,
			[]string{`A-1: where attempt 1 of "pack" panicked:`},
		},
		{
			"a handler that panics", func(op.Context, int) error { panic("it fell down") }, nil, 1,
			[]string{`A-1: where the handler panicked:`},
		},
		{
			"a handler that asks for another invocation", func(_ op.Context, n int) error {
				if n == 1 {
					return fmt.Errorf("it fell down: %w", replay.ErrRepeat)
				}
				return nil
			}, nil, 1, nil,
		},
		{
			"code that was changed, and holds", func(ctx op.Context, n int) error {
				return replay.Exec(ctx, op.Wait(fmt.Sprint("it fell down ", n), time.Minute))
			}, []replay.HandlerOption{replay.WithDivergence(replay.DivergenceHold)}, 2, nil, // the first is the wait
		},
		{
			"a group that panics: its line says nothing of that, so the record does",
			func(ctx op.Context, _ int) error {
				return caught(func(ctx op.Context, _ int) error {
					return replay.Exec(ctx, op.Group("parcel", func(op.Context) (int, error) { panic("it fell down") }))
				})(ctx, 1)
			}, nil, 0,
			[]string{`{"timestamp":`},
		},
		{
			"an error longer than what is said", func(op.Context, int) error { return errors.New("it fell down" + strings.Repeat("!", 600)) },
			nil, 1,
			[]string{`{"timestamp":`},
		},
		{
			"what the user logs", func(ctx op.Context, _ int) error {
				ctx.Logger().Error("an attempt failed", slog.String("error", "it fell down"), slog.Int("parcel", 7))
				return nil
			}, nil, 0, []string{`{"timestamp":`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, local.NewMemoryStore(), local.NewVirtualClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)))
			defer func() { _ = s.service.Close() }()
			var text bytes.Buffer
			n := 0
			f := replay.Handler(func(ctx op.Context, _ int) (int, error) {
				n++
				return 7, tt.run(ctx, n)
			}, append(tt.opts, replay.WithLogHandler(replay.JSONLogs(&text, slog.LevelInfo)))...)
			if err := s.service.Host("it", f); err != nil {
				t.Fatal(err)
			}
			if _, err := s.service.Start(t.Context(), "it", "A-1", []byte("7")); err != nil {
				t.Fatal(err)
			}
			s.drive(time.Hour)
			said := 0
			for _, line := range s.lines {
				if strings.Contains(line, "it fell down") {
					said++
				}
			}
			if said != tt.said {
				t.Errorf("the narrator says the error %d times, want %d:\n%s", said, tt.said, strings.Join(s.lines, "\n"))
			}
			var rest []string
			for line := range strings.Lines(text.String()) {
				line = strings.TrimSuffix(line, "\n")
				lines, ok := fold(line)
				switch {
				case !ok:
					rest = append(rest, line[:len(`{"timestamp":`)])
				case len(lines) > 0:
					rest = append(rest, lines[0])
					if stack := strings.Join(lines[1:], "\n"); !strings.Contains(stack, "said_internal_test.go") {
						t.Errorf("the stack does not name the line:\n%s", stack)
					}
				}
			}
			if diff := cmp.Diff(tt.rest, rest); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, text.String())
			}
		})
	}
}

// TestFoldLeavesOtherLines: what is no record of the library is printed as it is.
func TestFoldLeavesOtherLines(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"", "plain", "{", "{}", `{"message":"an attempt failed"}`, `{"message":"an attempt failed","executionArn":7}`,
		`{"message":"hello","executionArn":"arn"}`, `{"message":"an attempt failed","executionArn":"arn","note":1}`, "[1]", "null",
	} {
		if rest, ok := fold(line); ok {
			t.Errorf("%q is folded to %q", line, rest)
		}
	}
}

// TestPausesAreSaidOnce: an execution that is paused is not also said to be suspended, and why.
func TestPausesAreSaidOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, local.NewMemoryStore(), local.NewVirtualClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)))
	defer func() { _ = s.service.Close() }()
	n := 0
	f := replay.Handler(func(ctx op.Context, _ int) (int, error) {
		n++
		return 0, replay.Exec(ctx, op.Wait(fmt.Sprint("nap-", n), time.Minute))
	}, replay.WithLogHandler(slog.DiscardHandler), replay.WithDivergence(replay.DivergenceHold))
	if err := s.service.Host("it", f); err != nil {
		t.Fatal(err)
	}
	if _, err := s.service.Start(t.Context(), "it", "A-1", []byte("7")); err != nil {
		t.Fatal(err)
	}
	s.drive(time.Hour)
	var first []string
	for _, line := range s.lines {
		first = append(first, line[:min(len(line), 40)])
	}
	want := []string{"it A-1: started with 7", "it A-1: suspended until 2026-03-02 09:01", "it A-1: paused: replay: the execution di"}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, strings.Join(s.lines, "\n"))
	}
}
