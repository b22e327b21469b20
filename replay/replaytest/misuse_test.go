package replaytest_test

import (
	"context"
	"math/rand/v2"
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

// TestMisuseIsExplained runs handlers that are wrong, and reads what the author reads.
func TestMisuseIsExplained(t *testing.T) {
	t.Parallel()
	var counter atomic.Int32
	report := op.DoFunc("report", func(context.Context, int64) error { return nil })
	tests := []struct {
		name, reason string
		handler      func(op.Context, int) (string, error)
		want         []string // matched by the report of Explore
		run          []string // matched by that of Run, when there is more than one invocation
	}{
		{
			name: "wall clock", reason: "the input says which operation saw the clock",
			handler: func(ctx op.Context, _ int) (string, error) {
				return "", replay.Exec(ctx, report(time.Now().UnixNano()))
			},
			want: []string{"not deterministic", `one ran "report" \(misuse_test\.go:\d+\) with 1\d+, the other one with 1\d+;`, `replay\.Now`},
			run:  []string{"not deterministic", `the input of "report" \(misuse_test\.go:\d+\) was 1\d+, and 1\d+ when the code was replayed;`, `replay\.Now`},
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
			want: []string{"not deterministic", `one ran "[a-g]" \(misuse_test\.go:\d+\) before "[a-g]" \(misuse_test\.go:\d+\), the other one after it`, "iterates a map"},
			run: []string{
				"not deterministic", `an invocation ran "[a-g]" \(misuse_test\.go:\d+\) after "[a-g]" \(misuse_test\.go:\d+\), an earlier one before it`, "iterates a map",
			},
		},
		{
			name: "chance", reason: "one execution has an operation that another one has not",
			handler: func(ctx op.Context, _ int) (string, error) {
				name := strconv.Itoa(int(rand.Int64())) // of seven executions more, one has another one
				return "", replay.Exec(ctx, op.Do(name, func(context.Context) error { return nil }))
			},
			want: []string{"not deterministic", `one ran "\d+" \(misuse_test\.go:\d+\), the other one did not; look for`, `replay\.Rand`},
		},
		{
			name: "order after a crash", reason: "operations that change places are found in the log, and still mean something else",
			handler: func(ctx op.Context, _ int) (string, error) {
				names := []string{"b", "a"}
				if err := replay.Exec(ctx, op.Do("sort", func(context.Context) error { names = []string{"a", "b"}; return nil })); err != nil {
					return "", err
				}
				for _, name := range names {
					if err := replay.Exec(ctx, op.Do(name, func(context.Context) error { return nil })); err != nil {
						return "", err
					}
				}
				return "", nil
			},
			want: []string{`an invocation ran "a" \(misuse_test\.go:\d+\) after "b" \(misuse_test\.go:\d+\), an earlier one before it`, `replaytest\.WithSchedule\(`},
			run:  []string{"not deterministic"},
		},
		{
			name: "shared counter", reason: "a fake that counts is the test's own mistake",
			handler: func(ctx op.Context, _ int) (string, error) {
				return replay.Run(ctx, op.Step("count", func(context.Context) (string, error) { return strconv.Itoa(int(counter.Add(1))), nil }))
			},
			want: []string{`one ended as SUCCEEDED "\d+", another one as SUCCEEDED "\d+"; .*Reset$`},
		},
		{
			name: "race", reason: "chance decides, and that is no mistake of the handler",
			handler: func(ctx op.Context, _ int) (string, error) {
				return replay.Run(ctx, op.Race("first", op.Step("count", func(context.Context) (string, error) {
					return strconv.Itoa(int(counter.Add(1))), nil
				}), op.Transform(op.Wait("hour", time.Hour), func(op.None) (string, error) { return "", nil })))
			},
			want: []string{`one ended as SUCCEEDED "\d+", another one as SUCCEEDED "\d+"; .*Equal says which results count as the same$`},
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
			want: []string{`the input of "report" \(misuse_test\.go:\d+\) was 5, and 0 when the code was replayed`, "changes a variable", `replaytest\.WithSchedule\(`},
			run:  []string{`the input of "report" \(misuse_test\.go:\d+\) was 5, and 0 when the code was replayed`, "changes a variable"},
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
			want: []string{`"report#2" \(misuse_test\.go:\d+\) repeats the name of "report" \(misuse_test\.go:\d+\) without a key`},
			run:  []string{`"report#2" \(misuse_test\.go:\d+\) repeats the name of "report" \(misuse_test\.go:\d+\) without a key`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check := func(who string, got *recorder, wants []string) {
				all := strings.Join(got.errs, "\n")
				for _, want := range wants {
					if !regexp.MustCompile(want).MatchString(all) {
						t.Errorf("%s: %s: no %q in:\n%s", tt.reason, who, want, all)
					}
				}
			}
			check("Explore", record(t, func(tb *recorder) { replaytest.Explore(tb, replay.Handler(tt.handler), 1) }), tt.want)
			const invocations = 20 // a map has the same order in one of six
			often := func(ctx op.Context, n int) (string, error) {
				if _, err := tt.handler(ctx, n); err != nil {
					return "", err
				}
				for i := range invocations - 1 {
					if err := replay.Exec(ctx, op.Wait("pause", time.Hour).Key(strconv.Itoa(i))); err != nil {
						return "", err
					}
				}
				return "", nil
			}
			check("Run", record(t, func(tb *recorder) { replaytest.Run(tb, replay.Handler(often), 1) }), tt.run)
		})
	}
}

// TestNothingIsMadeOfSoundHandlers runs what looks like misuse and is none.
func TestNothingIsMadeOfSoundHandlers(t *testing.T) {
	t.Parallel()
	type parcel struct {
		Sizes map[string]int
		Ready chan int `json:"-"`
	}
	send := op.StepFunc("send", func(_ context.Context, p parcel) (int, error) { return len(p.Sizes), nil })
	f := replay.Handler(func(ctx op.Context, names []string) (int, error) {
		p := parcel{Sizes: make(map[string]int), Ready: make(chan int)}
		for _, name := range names {
			p.Sizes[name] = len(name)
		}
		futures := make([]*replay.Future[int], len(names))
		for i, name := range names {
			futures[i] = replay.Go(ctx, send(p).Key(name))
		}
		total := 0
		for _, future := range futures {
			n, err := replay.Run(ctx, future.Result())
			if err != nil {
				return 0, err
			}
			total += n
			if err := replay.Exec(ctx, op.Wait("pause", time.Minute).Key(replay.UUID(ctx, "pause-"+names[0]+"-"+strconv.Itoa(total)))); err != nil {
				return 0, err
			}
		}
		first := op.Race("first", send(p).Key("x"), send(p).Key("y"))
		if err := replay.Exec(ctx, first); err != nil {
			return 0, err
		}
		return total, replay.Exec(ctx, op.Wait("end", replay.Now(ctx).Sub(ctx.Execution().StartedAt)))
	})
	for range 20 {
		if r := replaytest.Run(t, f, strings.Fields("a b c d e")); r.Err != nil || r.Value != 25 {
			t.Errorf("got %d, %v", r.Value, r.Err)
		}
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
	reset := replaytest.WithReset(func() { runs.Store(0) })
	got := record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, reset) })
	if len(got.errs) != 1 {
		t.Fatalf("got %q", got.errs)
	}
	text := got.errs[0]
	line := regexp.MustCompile(`replaytest\.WithSchedule\((".*")\)`).FindStringSubmatch(text)
	if line == nil || strings.Count(line[1], "; ") != 1 || !strings.Contains(text, "pay Step SUCCEED") {
		t.Fatalf("want a line of two interruptions and the history:\n%s", text)
	}
	schedule, err := strconv.Unquote(line[1])
	if err != nil {
		t.Fatal(err)
	}
	again := record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, reset, replaytest.WithSchedule(schedule)) })
	if len(again.errs) != 1 || again.errs[0] != text {
		t.Errorf("the line does not repeat the failure: %v", cmp.Diff([]string{text}, again.errs))
	}
	for _, bad := range []string{"nonsense", "call:1", "call:1=late-reply", "step:1=lost-before", "body:=late", "call:1=throttled;"} {
		if got := record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, reset, replaytest.WithSchedule(bad)) }); !got.fatal {
			t.Errorf("%q was taken for a schedule", bad)
		}
	}
	got = record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, reset, replaytest.WithSchedule("call:17=throttled")) })
	if len(got.errs) != 1 || !strings.Contains(got.errs[0], "took place") {
		t.Errorf("nothing was interrupted, and that is not said: %q", got.errs)
	}
}

// TestLinesNameAnyKey: what stands between the parts of a line may stand in a key, too.
func TestLinesNameAnyKey(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	f := replay.Handler(func(ctx op.Context, _ int) (int32, error) {
		count := op.Step("count", func(context.Context) (int32, error) { return runs.Add(1), nil })
		return replay.Run(ctx, count.Key("a; b=c < d:e%"))
	})
	reset := replaytest.WithReset(func() { runs.Store(0) })
	const line = "body:count[a%3B b=c %3C d:e%25]@1=lost-after"
	got := record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, reset, replaytest.WithSchedule(line)) })
	if len(got.errs) != 1 || !strings.Contains(got.errs[0], strconv.Quote(line)) {
		t.Errorf("got %q", got.errs)
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
	reset := replaytest.WithReset(func() { first.Store(0); second.Store(0) })
	got := record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, reset, replaytest.WithSchedules(0)) })
	if len(got.errs) != 1 || !strings.Contains(got.errs[0], `replaytest.WithSchedule("crash:transfer@1=lost")`) {
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
	replaytest.Explore(t, f, 1, replaytest.WithEqual(func(want, got int32) bool { return want > 0 && got > 0 }))
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
