package replaytest_test

import (
	"context"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// halfDay is what a handler must not do: it reads the clock of the machine. All executions of a
// test see the same.
func halfDay() string { return time.Now().Format("2006-01-02 PM") }

var (
	look     = op.StepFunc("look", func(_ context.Context, s string) (string, error) { return "seen " + s, nil })
	interval = op.Wait("pause", time.Hour)
)

// TestExploreReplaysElsewhere has handlers depend on what is the same in all executions of a test,
// and is not the same on another machine, or on another day.
func TestExploreReplaysElsewhere(t *testing.T) { // it is not parallel, so that the environment can move
	first := halfDay()
	t.Setenv("RATE", "3")
	tests := []struct {
		name, reason string
		handler      func(op.Context, int) (string, error)
		want         []string // matched by the report; none for a handler that is sound
	}{
		{
			name: "input from the clock", reason: "the input says which operation saw it",
			handler: func(ctx op.Context, _ int) (string, error) { return replay.Run(ctx, look(halfDay())) },
			want: []string{
				`replayed elsewhere, 13 hours later and with other values in the environment, the input of "look" \(elsewhere_test\.go:\d+\) was "20[^"]* [AP]M", and "20[^"]* [AP]M"`,
				`; it reads the clock of the machine: use replay\.Now`, `replaytest\.WithSchedule\("invocation:1=lost-after"\)`,
			},
		},
		{
			name: "result from the clock", reason: "no input moves; the last operation before it is named",
			handler: func(ctx op.Context, _ int) (string, error) {
				if err := replay.Exec(ctx, interval); err != nil {
					return "", err
				}
				return halfDay(), nil
			},
			want: []string{
				`it ended as SUCCEEDED "20[^"]* [AP]M", and before as SUCCEEDED "20[^"]* [AP]M"; the last operation that it ran is "pause" \(elsewhere_test\.go:\d+\); it reads the clock`,
			},
		},
		{
			name: "branch by the clock", reason: "another operation is run",
			handler: func(ctx op.Context, _ int) (string, error) {
				if err := replay.Exec(ctx, interval); err != nil {
					return "", err
				}
				if first == halfDay() {
					return replay.Run(ctx, op.Step("morning", func(context.Context) (string, error) { return "", nil }))
				}
				return replay.Run(ctx, op.Step("evening", func(context.Context) (string, error) { return "", nil }))
			},
			want: []string{`replayed elsewhere.* (it ran "(morning|evening)" \(elsewhere_test\.go:\d+\)|it ended as FAILED .*diverge)`, "it reads the clock"},
		},
		{
			name: "environment in an input", reason: "a deployment changes it",
			handler: func(ctx op.Context, _ int) (string, error) { return replay.Run(ctx, look(os.Getenv("RATE"))) },
			want:    []string{`the input of "look" \(elsewhere_test\.go:\d+\) was "3", and "3-elsewhere"`, "it reads the environment: read it in a step"},
		},
		{
			name: "environment in the result", reason: "a deployment changes it",
			handler: func(ctx op.Context, _ int) (string, error) { return os.Getenv("RATE"), replay.Exec(ctx, interval) },
			want:    []string{`it ended as SUCCEEDED "3-elsewhere", and before as SUCCEEDED "3"; the last operation that it ran is "pause"`, "it reads the environment"},
		},
		{
			name: "order of a map in the result", reason: "eight executions and more have had the same",
			handler: func(ctx op.Context, _ int) (string, error) {
				var all []string
				for k := range map[string]bool{"a": true, "b": true, "c": true} {
					all = append(all, k)
				}
				return strings.Join(all, ""), replay.Exec(ctx, interval)
			},
			want: []string{`not deterministic`, `iterates a map|the order of a map`},
		},
		{
			name: "environment in a body", reason: "what a body reads is recorded",
			handler: func(ctx op.Context, _ int) (string, error) {
				rate, err := replay.Run(ctx, op.Step("rate", func(context.Context) (string, error) { return os.Getenv("RATE"), nil }))
				if err != nil {
					return "", err
				}
				return rate, replay.Exec(ctx, interval)
			},
		},
		{
			name: "clock in a body", reason: "what a body reads is recorded",
			handler: func(ctx op.Context, _ int) (string, error) {
				day, err := replay.Run(ctx, op.Step("day", func(context.Context) (string, error) { return time.Now().Format(time.DateOnly), nil }))
				if err != nil {
					return "", err
				}
				if _, err := replay.Run(ctx, look(day)); err != nil {
					return "", err
				}
				return day, replay.Exec(ctx, interval)
			},
		},
		{
			name: "what replay gives", reason: "identifiers and random numbers are derived",
			handler: func(ctx op.Context, _ int) (string, error) {
				return replay.UUID(ctx, "a") + strconv.FormatUint(replay.Rand(ctx, "b").Uint64(), 10), replay.Exec(ctx, interval)
			},
		},
		{
			name: "a failure", reason: "its text is the same",
			handler: func(ctx op.Context, _ int) (string, error) {
				_, err := replay.Run(ctx, op.Step("no", func(context.Context) (string, error) { return "", os.ErrNotExist }, op.WithRetry(nil)))
				return "", err
			},
		},
		{
			name: "everything at once", reason: "branches, futures, retries and what waits are no chance",
			handler: func(ctx op.Context, n int) (string, error) {
				future := replay.Go(ctx, look("f").Key("future"))
				b, err := replay.Run(ctx, op.Map("each", []int{1, 2, 3}, func(n int) op.Op[string] {
					return op.Group("one", func(ctx op.Context) (string, error) {
						if err := replay.Exec(ctx, op.Wait("nap", time.Duration(n)*time.Minute)); err != nil {
							return "", err
						}
						return replay.Run(ctx, look(strconv.Itoa(n)))
					})
				}))
				if err != nil {
					return "", err
				}
				v, err := replay.Run(ctx, op.Race("first", op.Transform(interval, func(op.None) (string, error) { return "late", nil }), look("quick").Key("quick")))
				if err != nil {
					return "", err
				}
				f, err := replay.Run(ctx, future.Result())
				return strings.Join(append(b.Values(), v, f), ","), err
			},
		},
	}
	for _, tt := range tests { //nolint:paralleltest // as above
		t.Run(tt.name, func(t *testing.T) {
			got := record(t, func(tb *recorder) { replaytest.Explore(tb, replay.Handler(tt.handler), 1, replaytest.WithSchedules(0)) })
			all := strings.Join(got.errs, "\n")
			if len(tt.want) == 0 && all != "" {
				t.Errorf("%s: alarmed: %s", tt.reason, all)
			}
			for _, want := range tt.want {
				if !regexp.MustCompile(want).MatchString(all) {
					t.Errorf("%s: no %q in:\n%s", tt.reason, want, all)
				}
			}
			if os.Getenv("RATE") != "3" {
				t.Fatalf("the environment was left changed: %q", os.Getenv("RATE"))
			}
		})
	}
}

// TestExploreElsewhereInParallelTests: while other tests run the environment stays, and the clock
// moves all the same, also on a fake clock of the test's own.
func TestExploreElsewhereInParallelTests(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, _ int) (string, error) { return halfDay(), replay.Exec(ctx, interval) })
	got := record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, replaytest.WithSchedules(0)) })
	if all := strings.Join(got.errs, "\n"); !strings.Contains(all, "replayed elsewhere, 13 hours later, it ended as") || !strings.Contains(all, "it reads the clock") {
		t.Errorf("got %s", all)
	}
	synctest.Test(t, func(t *testing.T) {
		got := &recorder{TB: t}
		replaytest.Explore(got, f, 1, replaytest.WithSchedule("invocation:2=lost-after"))
		if all := strings.Join(got.errs, "\n"); !strings.Contains(all, "replayed elsewhere, 13 hours later, it ended as") {
			t.Errorf("on a fake clock: %s", all)
		}
	})
	rep := replaytest.Explore(t, replay.Handler(func(ctx op.Context, _ int) (string, error) { return "", replay.Exec(ctx, interval) }), 1, replaytest.WithSchedules(0))
	if rep.Replays != 6*3 { // two invocations, and one for the answer that was lost
		t.Errorf("%d replays, want 6 of each of 3 invocations", rep.Replays)
	}
}
