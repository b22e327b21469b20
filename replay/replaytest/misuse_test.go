package replaytest_test

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// TestMisuseIsExplained runs handlers that are wrong, and reads what the author is told.
func TestMisuseIsExplained(t *testing.T) {
	t.Parallel()
	report := op.DoFunc("report", func(context.Context, int64) error { return nil })
	tests := []struct {
		name, reason string
		handler      func(op.Context, int) (string, error)
		want         []string
	}{
		{
			name: "wall clock", reason: "the input says which operation saw the clock",
			handler: func(ctx op.Context, _ int) (string, error) {
				return "", replay.Exec(ctx, report(time.Now().UnixNano()))
			},
			want: []string{"not deterministic", `one ran "report" with 1`, "replay.Now"},
		},
		{
			name: "map", reason: "the order of a map is another one each time",
			handler: func(ctx op.Context, _ int) (string, error) {
				for name := range map[string]bool{"a": true, "b": true, "c": true, "d": true, "e": true, "f": true, "g": true} {
					if err := replay.Exec(ctx, op.Do(name, func(context.Context) error { return nil })); err != nil {
						return "", err
					}
				}
				return "", nil
			},
			want: []string{"not deterministic", " before ", "iterates a map"},
		},
		{
			name: "captured variable", reason: "a body that is not run again does not change it again",
			handler: func(ctx op.Context, _ int) (string, error) {
				total := int64(0)
				if err := replay.Exec(ctx, op.Do("count", func(context.Context) error { total += 5; return nil })); err != nil {
					return "", err
				}
				return "", replay.Exec(ctx, report(total))
			},
			want: []string{`the input of "report" was 5, and 0 when the code was replayed`, "changes a variable", "replaytest.Replay("},
		},
		{
			name: "captured result", reason: "a result shows what no input does",
			handler: func(ctx op.Context, _ int) (string, error) {
				seen := ""
				if err := replay.Exec(ctx, op.Do("look", func(context.Context) error { seen = "yes"; return nil })); err != nil {
					return "", err
				}
				return seen, replay.Exec(ctx, op.Do("go-on", func(context.Context) error { return nil }))
			},
			want: []string{`the result is SUCCEEDED "", undisturbed it is SUCCEEDED "yes"`},
		},
		{
			name: "repeated name", reason: "an operation inserted before it would take its record",
			handler: func(ctx op.Context, _ int) (string, error) {
				for n := range int64(2) {
					if err := replay.Exec(ctx, report(n)); err != nil {
						return "", err
					}
				}
				return "", nil
			},
			want: []string{`"report#2" repeats the name`, "without a key"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := record(t, func(tb *recorder) { replaytest.Explore(tb, replay.Handler(tt.handler), 1) })
			all := strings.Join(got.errs, "\n")
			for _, want := range tt.want {
				if !strings.Contains(all, want) {
					t.Errorf("%s: no %q in:\n%s", tt.reason, want, all)
				}
			}
		})
	}
}

// TestFailureIsShrunkAndRepeats plants a bug that needs two crashes.
func TestFailureIsShrunkAndRepeats(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
		pay := op.Step("pay", func(context.Context) (string, error) {
			if runs.Add(1) > 2 {
				return "paid twice", nil
			}
			return "paid", nil
		})
		if err := replay.Exec(ctx, op.Do("before", func(context.Context) error { return nil })); err != nil {
			return "", err
		}
		return replay.Run(ctx, pay)
	})
	reset := replaytest.Reset(func() { runs.Store(0) })
	got := record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, reset) })
	if len(got.errs) != 1 {
		t.Fatalf("got %q", got.errs)
	}
	text := got.errs[0]
	line := regexp.MustCompile(`replaytest\.Replay\((".*")\)`).FindStringSubmatch(text)
	if line == nil || strings.Count(line[1], "; ") != 1 || !strings.Contains(text, "pay Step SUCCEED") {
		t.Fatalf("want a line of two interruptions and the history:\n%s", text)
	}
	schedule, err := strconv.Unquote(line[1])
	if err != nil {
		t.Fatal(err)
	}
	again := record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, reset, replaytest.Replay(schedule)) })
	if len(again.errs) != 1 || again.errs[0] != text {
		t.Errorf("the line does not repeat the failure: %v", cmp.Diff([]string{text}, again.errs))
	}
	for _, bad := range []string{"nonsense", "call:1"} {
		if got := record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, reset, replaytest.Replay(bad)) }); !got.fatal {
			t.Errorf("%q was taken for a schedule", bad)
		}
	}
}

func TestCrashPointIsExplored(t *testing.T) {
	t.Parallel()
	var first, second atomic.Int32
	f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
		return replay.Run(ctx, op.Step("transfer", func(ctx context.Context) (string, error) {
			first.Add(1)
			replaytest.Crash(ctx)
			second.Add(1)
			return strconv.FormatBool(first.Load() == second.Load()), nil
		}))
	})
	reset := replaytest.Reset(func() { first.Store(0); second.Store(0) })
	got := record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, reset, replaytest.Schedules(0)) })
	if len(got.errs) != 1 || !strings.Contains(got.errs[0], `replaytest.Replay("crash:transfer@1=lost")`) {
		t.Errorf("got %q", got.errs)
	}
	if r := replaytest.Run(t, f, 1); r.Value != "false" && r.Value != "true" {
		t.Errorf("Crash has an effect outside of Explore: %+v", r)
	}
}

func TestEqualDecides(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	f := replay.Handler(func(ctx op.Context, _ int) (int32, error) {
		return replay.Run(ctx, op.Step("count", func(context.Context) (int32, error) { return runs.Add(1), nil }))
	})
	replaytest.Explore(t, f, 1, replaytest.Equal(func(want, got int32) bool { return want > 0 && got > 0 }))
}

func TestBudgetOfExplore(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, _ int) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Do("a", func(context.Context) error { return nil }))
	})
	got := record(t, func(tb *recorder) {
		replaytest.Explore(tb, f, 1, replaytest.WithBudget(replaytest.Budget{CheckpointCalls: 1, Bytes: 1}))
	})
	if len(got.errs) != 1 || !strings.Contains(got.errs[0], "over budget") {
		t.Errorf("got %q", got.errs)
	}
}
