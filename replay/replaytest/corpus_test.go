package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// program is a handler that bears every interruption.
type program struct {
	run  func(op.Context, int) (string, error)
	opts []replaytest.ExploreOption
}

// The operations that the programs are made of.
var (
	add = op.StepFunc("add", func(ctx context.Context, n int) (int, error) {
		replaytest.Crash(ctx)
		return n + 1, nil
	})
	flaky = op.StepFunc("flaky", func(ctx context.Context, n int) (int, error) {
		return n, failsBefore(ctx, 3)
	}, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9))))
	once = op.StepFunc("once", func(_ context.Context, n int) (int, error) { return n, nil }, op.WithSemantics(op.AtMostOncePerRetry),
		op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9))))
	onceFlaky = op.StepFunc("once-flaky", func(ctx context.Context, n int) (int, error) {
		return n, failsBefore(ctx, 2)
	}, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9))))
	relaxed = op.StepFunc("relaxed", func(_ context.Context, n int) (int, error) { return n + 1, nil }, op.WithSemantics(op.Relaxed))
	// slow takes three seconds of the service's time, in which timers fire and the function polls.
	slow = op.StepFunc("slow", func(ctx context.Context, n int) (int, error) {
		if c, ok := checkpoint.ClockFrom(ctx).(*local.VirtualClock); ok {
			c.Advance(3 * time.Second)
		}
		return n, nil
	})
	large = op.StepFunc("large", func(_ context.Context, n int) (string, error) { return strings.Repeat("x", n*150_000), nil })
	// napping is a group that suspends between its two steps.
	napping = op.GroupFunc("napping", func(ctx op.Context, n int) (int, error) {
		v, err := replay.Run(ctx, add(n))
		if err != nil {
			return 0, err
		}
		if err := replay.Exec(ctx, op.Wait("nap", time.Duration(n)*time.Minute)); err != nil {
			return 0, err
		}
		return replay.Run(ctx, add(v).Key("again"))
	})
)

func failsBefore(ctx context.Context, attempt int) error {
	if info, _ := op.InfoFrom(ctx); info.Attempt < attempt {
		return fmt.Errorf("attempt %d", info.Attempt)
	}
	return nil
}

func text(v any, err error) (string, error) { return fmt.Sprint(v), err }

// lengths tells large results apart without showing them.
func lengths(vs []string, err error) (string, error) {
	n := make([]int, len(vs))
	for i, v := range vs {
		n[i] = len(v)
	}
	return text(n, err)
}

func pause(ctx op.Context) error { return replay.Exec(ctx, op.Wait("pause", time.Hour)) }

// corpus are programs of all operations.
func corpus() map[string]program {
	all := make(map[string]program)
	for _, part := range []map[string]func(op.Context, int) (string, error){sequences(), branches(), largeResults(), sagas()} {
		for name, run := range part {
			all[name] = program{run: run}
		}
	}
	all["callback"] = program{opened, []replaytest.ExploreOption{replaytest.Reply("answer", 7)}}
	all["asked, and refused"] = program{asked, []replaytest.ExploreOption{
		replaytest.Reply("both[first]/first", 1), replaytest.ReplyFailure("both[second]/second", "Refused", "no"),
	}}
	double := replay.Handler(func(ctx op.Context, n int) (int, error) {
		if err := pause(ctx); err != nil {
			return 0, err
		}
		return replay.Run(ctx, add(2*n))
	})
	quadruple := replay.Handler(func(ctx op.Context, n int) (int, error) {
		return replay.Run(ctx, op.Invoke[int]("double", "double", 2*n))
	})
	all["invoke chain"] = program{invoking, []replaytest.ExploreOption{
		replaytest.Host("double", double), replaytest.Host("quadruple", quadruple),
	}}
	return all
}

func opened(ctx op.Context, n int) (string, error) {
	c, err := replay.Run(ctx, op.CreateCallback[int]("answer", op.WithTimeout(24*time.Hour)))
	if err != nil {
		return "", err
	}
	f := replay.Go(ctx, napping(1))
	m, err := replay.Run(ctx, c.Result())
	if err != nil {
		return "", err
	}
	k, err := replay.Run(ctx, f.Result())
	return text(n+m+k, err)
}

func asked(ctx op.Context, _ int) (string, error) {
	ask := func(name string) op.Op[int] {
		return op.WaitForCallback[int](name, func(context.Context, string) error { return nil }, op.WithTimeout(24*time.Hour))
	}
	b, err := replay.Run(ctx, op.AllSettled("both", ask("first"), ask("second")))
	return text(fmt.Sprint(b.Values(), b.Err()), err)
}

func invoking(ctx op.Context, n int) (string, error) {
	v, err := replay.Run(ctx, op.Join2("both",
		op.Invoke[int]("twice", "double", n), op.Invoke[int]("four-times", "quadruple", n)))
	return text(v.A*100+v.B, err)
}

func sequences() map[string]func(op.Context, int) (string, error) {
	return map[string]func(op.Context, int) (string, error){
		"sequence": func(ctx op.Context, n int) (string, error) {
			n, err := replay.Run(ctx, add(n))
			if err != nil {
				return "", err
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			return text(replay.Run(ctx, add(n).Key("again")))
		},
		"retries": func(ctx op.Context, n int) (string, error) { return text(replay.Run(ctx, flaky(n))) },
		"again": func(ctx op.Context, _ int) (string, error) {
			return text(replay.Run(ctx, op.WaitForCondition("poll", 1, func(_ context.Context, n int) (int, bool, error) {
				return n * 2, n > 4, nil
			})))
		},
		"again, and what was before": func(ctx op.Context, _ int) (string, error) {
			return text(replay.Run(ctx, op.WaitForCondition("poll", nil, func(ctx context.Context, seen []int) ([]int, bool, error) {
				info, _ := op.InfoFrom(ctx)
				return append(seen, info.Attempt), len(seen) == 3, nil
			})))
		},
		"relaxed": func(ctx op.Context, n int) (string, error) {
			for _, key := range []string{"a", "b", "c"} {
				var err error
				if n, err = replay.Run(ctx, relaxed(n).Key(key)); err != nil {
					return "", err
				}
			}
			return text(replay.Run(ctx, add(n)))
		},
		"relaxed, then a wait": func(ctx op.Context, n int) (string, error) {
			n, err := replay.Run(ctx, relaxed(n))
			if err != nil {
				return "", err
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			return text(replay.Run(ctx, add(n)))
		},
		"groups": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Group("outer", func(ctx op.Context) (int, error) {
				n, err := replay.Run(ctx, add(n))
				if err != nil {
					return 0, err
				}
				return replay.Run(ctx, op.Group("inner", func(ctx op.Context) (int, error) { return replay.Run(ctx, add(n)) }))
			})))
		},
		"a group again": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Retry("try", op.Group("pair", func(ctx op.Context) (int, error) {
				v, err := replay.Run(ctx, add(n))
				if err != nil {
					return 0, err
				}
				return replay.Run(ctx, op.Step("may-fail", func(context.Context) (int, error) {
					return v, errors.New("always")
				}, op.WithRetry(retry.Never())).MapError(func(err error) error { return err }))
			}), retry.Fixed(time.Second, retry.MaxAttempts(2)))))
		},
		"at most once": func(ctx op.Context, n int) (string, error) { return text(replay.Run(ctx, once(n))) },
		"at most once, twice": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, onceFlaky(n)))
		},
	}
}

func branches() map[string]func(op.Context, int) (string, error) {
	return map[string]func(op.Context, int) (string, error){
		"map": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2, 3}, add, op.WithMaxConcurrency(2)))
			return text(b.Values(), err)
		},
		"flat map": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2}, napping, op.WithFlat()))
			return text(b.Values(), err)
		},
		"chunks": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2, 3, 4, 5}, add, op.WithChunks(2, 0)))
			return text(b.Values(), err)
		},
		"a map of groups, few bodies at once": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2, 3}, napping, op.WithMaxRunning(1)))
			return text(b.Values(), err)
		},
		"join": func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.Join2("both", add(n), flaky(n)))
			return text(v.A+v.B, err)
		},
		"a retry beside a slow body": func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.Join3("all", slow(n), flaky(n), onceFlaky(n)))
			return text(v.A+v.B+v.C, err)
		},
		"a wait beside steps": func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.Join3("all", napping(n), relaxed(n), onceFlaky(n)))
			return text(v.A+v.B+v.C, err)
		},
		"future": func(ctx op.Context, n int) (string, error) {
			f := replay.Go(ctx, flaky(n))
			a, err := replay.Run(ctx, add(n))
			if err != nil {
				return "", err
			}
			b, err := replay.Run(ctx, f.Result())
			return text(a+b, err)
		},
		"futures and groups": func(ctx op.Context, n int) (string, error) {
			f := replay.Go(ctx, napping(n))
			g := replay.Go(ctx, once(n))
			if err := pause(ctx); err != nil {
				return "", err
			}
			v, err := replay.Run(ctx, op.Join2("both", f.Result(), g.Result()))
			return text(v.A+v.B, err)
		},
		"branches in branches": func(ctx op.Context, n int) (string, error) {
			inner := op.Transform(op.Map("inner", []int{1, 2}, add), func(b op.Batch[int]) (int, error) { return len(b.Values()), nil })
			v, err := replay.Run(ctx, op.Join2("outer", inner, napping(n)))
			return text(v.A+v.B, err)
		},
		"race": func(ctx op.Context, n int) (string, error) {
			late := op.Transform(op.Wait("late", time.Hour), func(op.None) (int, error) { return 0, nil })
			return text(replay.Run(ctx, op.Race("first", add(n), late)))
		},
		"the loser of a race": func(ctx op.Context, n int) (string, error) {
			loser := op.Group("loser", func(ctx op.Context) (int, error) {
				if err := replay.Exec(ctx, op.Wait("long", 24*time.Hour)); err != nil {
					return 0, err
				}
				return replay.Run(ctx, add(0))
			})
			v, err := replay.Run(ctx, op.Race("first", napping(n), loser))
			if err != nil {
				return "", err
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			return text(replay.Run(ctx, add(v)))
		},
		"enough": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 2, 90}, napping, op.WithCompletion(op.MinSuccessful(2))))
			if err != nil {
				return "", err
			}
			return text(b.Values(), pause(ctx))
		},
		"time-out": func(ctx op.Context, n int) (string, error) {
			_, err := replay.Run(ctx, op.Timeout("limit", napping(60), time.Minute))
			if !errors.Is(err, op.ErrTimedOut) {
				return "", fmt.Errorf("want a time-out, got %w", err)
			}
			return text(replay.Run(ctx, add(n)))
		},
	}
}

func largeResults() map[string]func(op.Context, int) (string, error) {
	return map[string]func(op.Context, int) (string, error){
		"large group": func(ctx op.Context, _ int) (string, error) {
			s, err := replay.Run(ctx, op.Group("grown", func(ctx op.Context) (string, error) {
				s, err := replay.Run(ctx, op.Step("seed", func(context.Context) (string, error) { return "x", nil }))
				return strings.Repeat(s, 300_000), err
			}))
			if err != nil {
				return "", err
			}
			return text(len(s), pause(ctx))
		},
		"large map": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 1}, large))
			if err != nil {
				return "", err
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			return lengths(b.Values(), nil)
		},
		"large flat map": func(ctx op.Context, _ int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{1, 1}, large, op.WithFlat()))
			if err != nil {
				return "", err
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			return lengths(b.Values(), nil)
		},
		"large flat groups": func(ctx op.Context, _ int) (string, error) {
			each := op.GroupFunc("each", func(ctx op.Context, n int) (string, error) {
				s, err := replay.Run(ctx, large(n))
				return s + s, err
			})
			b, err := replay.Run(ctx, op.Map("all", []int{1, 1}, each, op.WithFlat()))
			if err != nil {
				return "", err
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			return lengths(b.Values(), nil)
		},
	}
}

func sagas() map[string]func(op.Context, int) (string, error) {
	undo := func(context.Context, int) error { return nil }
	refuse := op.Do("refuse", func(context.Context) error { return errors.New("no") }, op.WithRetry(retry.Never()))
	return map[string]func(op.Context, int) (string, error){
		"saga": func(ctx op.Context, n int) (string, error) {
			for _, key := range []string{"a", "b"} {
				if _, err := replay.Run(ctx, add(n).Undo(undo).Key(key)); err != nil {
					return "", err
				}
			}
			return "", replay.Exec(ctx, refuse)
		},
		"saga of branches": func(ctx op.Context, n int) (string, error) {
			taken := op.Group("taken", func(ctx op.Context) (int, error) {
				return replay.Run(ctx, add(n).Undo(undo))
			}).Undo(undo)
			v, err := replay.Run(ctx, op.Join2("both", taken, napping(n).Undo(undo)))
			if err != nil {
				return "", err
			}
			return text(v, replay.Exec(ctx, refuse))
		},
		"the loser is undone": func(ctx op.Context, n int) (string, error) {
			loser := op.Group("loser", func(ctx op.Context) (int, error) {
				v, err := replay.Run(ctx, add(n).Undo(undo))
				if err != nil {
					return 0, err
				}
				return v, replay.Exec(ctx, op.Wait("long", 24*time.Hour))
			})
			return text(replay.Run(ctx, op.Race("first", napping(n), loser)))
		},
	}
}
