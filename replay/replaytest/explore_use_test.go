package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// TestExploreSaysWhatIsOfNoUse gives Explore what no execution uses, and what only some do.
func TestExploreSaysWhatIsOfNoUse(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
		ask := op.WaitForCallback[string]("approval", func(context.Context, string) error { return nil }, op.WithTimeout(time.Hour))
		answer, err := replay.Run(ctx, ask)
		if errors.Is(err, op.ErrTimedOut) {
			return "no one", nil
		}
		return answer, err
	})
	label := func(context.Context) (string, error) { return "label", nil }
	tests := []struct {
		name, reason string
		explore      func(tb *recorder)
		want         []string
	}{
		{
			name: "no function", reason: "a nil pointer panics far from the mistake",
			explore: func(tb *recorder) { replaytest.Explore[int, string](tb, nil, 1) },
			want:    []string{`^replaytest: the function is nil: pass what replay\.Handler makes of your handler$`},
		},
		{
			name: "Equal of another type", reason: "that it is never asked would not show",
			explore: func(tb *recorder) {
				replaytest.Explore(tb, f, 1, replaytest.WithEqual(func(int, int) bool { return true }))
			},
			want: []string{`^replaytest: WithEqual compares with a func\(int, int\) bool, and results are of the type string: write func\(want, got string\) bool$`},
		},
		{
			name: "mistyped reply", reason: "the callback times out in all executions alike",
			explore: func(tb *recorder) {
				replaytest.Explore(tb, f, 1, replaytest.CallbackResult("approvals", "fine"), replaytest.WithSchedules(0))
			},
			want: []string{`the reply for "approvals" was never used: no callback waited there; did you mean "approval"\?; none of \d+ schedules has used it$`},
		},
		{
			name: "mistyped stub and a function that is not invoked", reason: "the test means something that the code does not do",
			explore: func(tb *recorder) {
				replaytest.Explore(tb, f, 1, replaytest.WithSchedules(0), replaytest.StubPath("approvals", label), replaytest.Host("math", f))
			},
			want: []string{
				`the stub for "approvals" was never used: no step or group runs there; did you mean "approval"\?; none of \d+ schedules has used it$`,
				`the function of Host\("math"\) was never used: no operation has invoked it; none of \d+ schedules has used it$`,
			},
		},
		{
			name: "stub for what goes wrong", reason: "only the execution that is cut off compensates",
			explore: func(tb *recorder) {
				once := replay.Handler(func(ctx op.Context, _ int) (string, error) {
					err := replay.Exec(ctx, op.Do("once", func(context.Context) error { return nil }, op.WithSemantics(op.AtMostOncePerRetry)))
					if err == nil {
						return "", nil
					}
					return replay.Run(ctx, op.Step("ask", label))
				})
				replaytest.Explore(tb, once, 1, replaytest.StubPath("ask", label), replaytest.WithSchedules(0))
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := record(t, tt.explore)
			if len(got.errs) != len(tt.want) {
				t.Fatalf("%s: got %q, want %q", tt.reason, got.errs, tt.want)
			}
			for i, want := range tt.want {
				if !regexp.MustCompile(want).MatchString(got.errs[i]) {
					t.Errorf("%s: got %q, want one that matches %q", tt.reason, got.errs[i], want)
				}
			}
		})
	}
}

// TestPairsAndTriplesAreTried: what only that many crashes reveal is found by as many
// interruptions.
func TestPairsAndTriplesAreTried(t *testing.T) {
	t.Parallel()
	for _, crashes := range []int32{1, 2, 3} {
		t.Run(strconv.Itoa(int(crashes)), func(t *testing.T) {
			t.Parallel()
			var runs atomic.Int32
			f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
				paid, err := replay.Run(ctx, op.Step("pay", func(context.Context) (string, error) {
					return strconv.FormatBool(runs.Add(1) <= crashes), nil
				}))
				return paid, errors.Join(err, replay.Exec(ctx, say("thanks"))) // which makes more calls
			})
			got := record(t, func(tb *recorder) {
				replaytest.Explore(tb, f, 1, replaytest.WithReset(func() { runs.Store(0) }), replaytest.WithSchedules(600))
			})
			line := regexp.MustCompile(`replaytest\.WithSchedule\((".*")\)`).FindString(strings.Join(got.errs, "\n"))
			if found := 1 + strings.Count(line, "; "); line == "" || found != int(crashes) {
				t.Errorf("got %q, want a schedule of %d interruptions", got.errs, crashes)
			}
		})
	}
}

// TestLinesAreShrunk gives Replay a line of which one interruption is enough.
func TestLinesAreShrunk(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	f := replay.Handler(func(ctx op.Context, _ int) (int32, error) {
		n, err := replay.Run(ctx, op.Step("count", func(context.Context) (int32, error) { return runs.Add(1), nil }))
		if err != nil {
			return 0, err
		}
		return n, replay.Exec(ctx, op.Wait("pause", time.Hour))
	})
	got := record(t, func(tb *recorder) {
		replaytest.Explore(tb, f, 1, replaytest.WithReset(func() { runs.Store(0) }),
			replaytest.WithSchedule("call:2=throttled; body:count@1=lost-after; invocation:2=duplicate"))
	})
	if len(got.errs) != 1 || !strings.Contains(got.errs[0], `replaytest.WithSchedule("body:count@1=lost-after")`) {
		t.Errorf("got %q", got.errs)
	}
}

// TestLinesAreTriedOftenBesideOthers counts the executions beside the eight undisturbed ones, and
// beside the one that finds which bodies run at the same time, if any do.
func TestLinesAreTriedOftenBesideOthers(t *testing.T) {
	t.Parallel()
	const finds = 1
	for want, run := range map[int]func(op.Context, []string) (int, error){
		1: func(ctx op.Context, names []string) (int, error) { return len(names), replay.Exec(ctx, say(names[0])) },
		finds + 50: func(ctx op.Context, names []string) (int, error) {
			b, err := replay.Run(ctx, op.Map("all", names, say))
			return b.Len(), err
		},
	} {
		executions := -8
		replaytest.Explore(t, replay.Handler(run), []string{"a", "b"}, replaytest.WithSchedule("call:1=throttled"),
			replaytest.WithReset(func() { executions++ }))
		if executions != want {
			t.Errorf("the line was tried %d times, want %d", executions, want)
		}
	}
}

// TestSeedChooses compares the pairs and triples of several seeds, and of the same one twice.
func TestSeedChooses(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
		for _, key := range []string{"a", "b", "c", "d"} {
			if err := replay.Exec(ctx, say(key).Key(key)); err != nil {
				return "", err
			}
		}
		return "", nil
	})
	several := func(seed uint64) []string {
		return replaytest.Several(t, f, 1, replaytest.WithSeed(seed), replaytest.WithSchedules(30))
	}
	chosen := make(map[string]bool)
	for seed := range uint64(6) {
		one, again := several(seed), several(seed)
		if diff := cmp.Diff(one, again); diff != "" || len(one) != 60 {
			t.Errorf("seed %d: %d schedules, and at another time (-want +got):\n%s", seed, len(one), diff)
		}
		chosen[strings.Join(one, "\n")] = true
	}
	if len(chosen) != 6 {
		t.Errorf("six seeds have %d choices", len(chosen))
	}
}

// TestFailuresAreCompared: another failure is another result, and so is a failure in place of a
// result, whatever WithEqual says of results.
func TestFailuresAreCompared(t *testing.T) {
	t.Parallel()
	for want, fails := range map[string]func(run int32) bool{
		`the result is FAILED .*run 2, undisturbed it is FAILED .*run 1\n`:   func(int32) bool { return true },
		`the result is FAILED .*run 2, undisturbed it is SUCCEEDED "fine"\n`: func(run int32) bool { return run > 1 },
	} {
		var runs atomic.Int32
		f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
			n, err := replay.Run(ctx, op.Step("count", func(context.Context) (int32, error) { return runs.Add(1), nil }))
			if err == nil && fails(n) {
				err = fmt.Errorf("run %d", n)
			}
			return "fine", err
		})
		anything := replaytest.WithEqual(func(string, string) bool { return true })
		got := record(t, func(tb *recorder) {
			replaytest.Explore(tb, f, 1, anything, replaytest.WithReset(func() { runs.Store(0) }))
		})
		if len(got.errs) != 1 || !regexp.MustCompile(want).MatchString(got.errs[0]) {
			t.Errorf("got %q, want one that matches %q", got.errs, want)
		}
	}
}

// TestLostBegunIsLostAfterItsStart looks at what the service holds when the function is lost in a
// body.
func TestLostBegunIsLostAfterItsStart(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"body:say@1=lost-before": "2 START, 2 SUCCEED",
		"body:say@1=lost-begun":  "1 START, 2 SUCCEED",
		"body:say@1=lost-after":  "2 START, 2 SUCCEED",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var sent []string
			f := replay.Handler(func(ctx op.Context, _ int) (string, error) { return replay.Run(ctx, say("a")) })
			replaytest.Explore(t, f, 1, replaytest.WithSchedule(line), replaytest.WithReset(func() { sent = nil }),
				replaytest.WithService(local.WithFaults(local.Faults{Committed: func(p local.Point) {
					for _, u := range p.Updates {
						sent = append(sent, fmt.Sprint(p.Invocation, " ", u.Action))
					}
				}})))
			if got := strings.Join(sent, ", "); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// TestHangingIsReported: an execution that does not end is reported as more than a deadline.
func TestHangingIsReported(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
		never := make(chan string)
		return replay.Run(ctx, op.Step("listen", func(ctx context.Context) (string, error) {
			select {
			case s := <-never:
				return s, nil
			case <-ctx.Done():
				return "", context.Cause(ctx)
			}
		}))
	})
	got := record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, replaytest.WithTimeLimit(50*time.Millisecond)) })
	const want = `^replaytest: the undisturbed execution: it has not ended within 50ms of real time: a body, or the handler, waits for something that never happens`
	if len(got.errs) != 1 || !got.fatal || !regexp.MustCompile(want).MatchString(got.errs[0]) {
		t.Errorf("got %q", got.errs)
	}
}
