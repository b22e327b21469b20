package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// deliveries distinguishes the second copy of an event from the first.
type deliveries struct {
	mu    sync.Mutex // guards what follows
	calls map[string]int
}

// again is asked once by each run of a handler.
func (d *deliveries) again(ctx op.Context) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	lc, ok := lambdacontext.FromContext(ctx.InvocationContext())
	if !ok {
		return false
	}
	d.calls[lc.AwsRequestID]++
	return d.calls[lc.AwsRequestID] > 1
}

func (d *deliveries) reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = make(map[string]int)
}

// ledger knows which results of relaxed steps are in the log, and what the law of them says:
//
//  1. When a strict body begins, every relaxed result that its code has seen is in the log, and so
//     when a pause is over.
//  2. What was seen at such a barrier is never computed again: a crash loses at most what came
//     after the last one.
//  3. In a sequence the results that are in the log are the first ones: what a crash loses is the
//     last.
type ledger struct {
	deliveries

	mu       sync.Mutex      // guards what follows
	recorded map[string]bool // by key
	kept     map[string]bool
	runs     int // of relaxed bodies
	lost     int // of these, how many were of a step that had run before
	ran      map[string]bool
	wrong    []string
}

func (l *ledger) reset() {
	l.deliveries.reset()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recorded, l.kept, l.ran, l.wrong = make(map[string]bool), make(map[string]bool), make(map[string]bool), nil
}

// committed is informed of every call that the service has accepted.
func (l *ledger) committed(p local.Point) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, u := range p.Updates {
		key, ok := strings.CutPrefix(strings.TrimSuffix(u.Name, "]"), "relaxed[")
		if !ok || u.Action != checkpoint.ActionSucceed {
			continue
		}
		l.recorded[key] = true
		for n, err := strconv.Atoi(key); err == nil && n > 1; n-- {
			if before := strconv.Itoa(n - 1); l.ran[before] && !l.recorded[before] {
				l.wrong = append(l.wrong, fmt.Sprintf("the result of %s is in the log, and that of %s is not", key, before))
			}
		}
	}
}

// thread is what one goroutine of one run of the handler has seen.
type thread struct {
	l    *ledger
	copy bool // its event was delivered before
	seen map[string]bool
}

// fork is a goroutine beside, which knows what this one knows.
func (r *thread) fork() *thread { return &thread{l: r.l, copy: r.copy, seen: maps.Clone(r.seen)} }

// relaxed runs a relaxed step and notes that its result was seen.
func (r *thread) relaxed(ctx op.Context, key string) error {
	v, err := replay.Run(ctx, op.Step("relaxed", func(context.Context) (string, error) {
		r.l.mu.Lock()
		defer r.l.mu.Unlock()
		r.l.runs++
		if r.l.ran[key] && !r.copy {
			r.l.lost++
		}
		if r.l.kept[key] && !r.copy {
			r.l.wrong = append(r.l.wrong, key+" was seen at a barrier, and ran again")
		}
		r.l.ran[key] = true
		return key, nil
	}, op.WithSemantics(op.Relaxed)).Key(key))
	if v != key && err == nil {
		err = fmt.Errorf("got %s, want %s", v, key)
	}
	r.seen[key] = true
	return err
}

// strict runs a step whose body must not begin before the relaxed results are in the log.
func (r *thread) strict(ctx op.Context, key string) error {
	return replay.Exec(ctx, op.Do("strict", func(context.Context) error { r.barrier("strict " + key); return nil }).Key(key))
}

// barrier is where everything that was seen must be in the log.
func (r *thread) barrier(what string) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(r.seen)) {
		if !r.l.recorded[key] {
			r.l.wrong = append(r.l.wrong, fmt.Sprintf("%s began before the result of %s was in the log", what, key))
		}
		r.l.kept[key] = true
	}
}

// suspend waits. What was seen before is kept by the invocation that suspends.
func (r *thread) suspend(ctx op.Context, key string) error {
	err := replay.Exec(ctx, op.Wait("pause", time.Hour).Key(key))
	r.barrier("the code after pause " + key)
	return err
}

// relaxedPrograms use relaxed steps in all places.
func relaxedPrograms() map[string]func(ctx op.Context, r *thread) error {
	group := func(name string, body func(ctx op.Context) error) op.Op[op.None] {
		return op.Group(name, func(ctx op.Context) (op.None, error) { return op.None{}, body(ctx) })
	}
	all := map[string]func(ctx op.Context, r *thread) error{
		"handed from branch to branch": func(ctx op.Context, r *thread) error {
			one, two, handed := r.fork(), r.fork(), make(chan map[string]bool, 1)
			return replay.Exec(ctx, op.Join2("both",
				group("one", func(ctx op.Context) error {
					defer close(handed)
					err := errors.Join(one.relaxed(ctx, "a"), one.relaxed(ctx, "b"))
					handed <- maps.Clone(one.seen)
					return errors.Join(err, one.strict(ctx, "c"), one.relaxed(ctx, "d"))
				}),
				group("two", func(ctx op.Context) error {
					err := errors.Join(two.strict(ctx, "e"), two.relaxed(ctx, "f"))
					maps.Copy(two.seen, <-handed)
					return errors.Join(err, two.strict(ctx, "g"))
				})))
		},
		"in a future": func(ctx op.Context, r *thread) error {
			beside := r.fork()
			f := replay.Go(ctx, group("future", func(ctx op.Context) error {
				return errors.Join(beside.relaxed(ctx, "a"), beside.relaxed(ctx, "b"))
			}))
			if err := errors.Join(r.strict(ctx, "c"), r.relaxed(ctx, "d"), r.suspend(ctx, "e"), replay.Exec(ctx, f.Result())); err != nil {
				return err
			}
			maps.Copy(r.seen, beside.seen)
			return r.strict(ctx, "f")
		},
	}
	for seed := range uint64(6) {
		all[fmt.Sprint("sequence ", seed)] = func(ctx op.Context, r *thread) error {
			rng := rand.New(rand.NewPCG(seed, 0))
			n := 0
			for i := range 10 {
				var err error
				switch rng.IntN(6) {
				case 0:
					err = r.strict(ctx, strconv.Itoa(i))
				case 1:
					err = r.suspend(ctx, strconv.Itoa(i))
				default:
					n++
					err = r.relaxed(ctx, strconv.Itoa(n))
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	return all
}

// TestRelaxedStepsLoseAtMostWhatCameAfterTheLastBarrier explores programs of relaxed steps under
// the law of the ledger.
func TestRelaxedStepsLoseAtMostWhatCameAfterTheLastBarrier(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var schedules, runs, lost int
	t.Cleanup(func() {
		t.Logf("relaxed: %d programs, %d schedules, %d runs of relaxed bodies, of these %d again because a result was lost",
			len(relaxedPrograms()), schedules, runs, lost)
		if lost == 0 {
			t.Error("no result was ever lost: nothing was shown")
		}
	})
	for name, program := range relaxedPrograms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &ledger{}
			f := replay.Handler(func(ctx op.Context, _ int) ([]string, error) {
				r := &thread{l: l, copy: l.again(ctx), seen: make(map[string]bool)}
				if err := program(ctx, r); err != nil {
					return nil, err
				}
				l.mu.Lock()
				defer l.mu.Unlock()
				return l.wrong, nil
			})
			report := replaytest.Explore(t, f, 1, replaytest.WithSchedules(draws.Count(10)), replaytest.WithReset(l.reset),
				replaytest.WithService(local.WithFaults(local.Faults{Committed: l.committed})),
				replaytest.WithEqual(func(want, got []string) bool { return len(want) == 0 && len(got) == 0 }))
			mu.Lock()
			defer mu.Unlock()
			schedules, runs, lost = schedules+report.Schedules(), runs+l.runs, lost+l.lost
		})
	}
}
