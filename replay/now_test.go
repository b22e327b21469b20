package replay_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// clockwork is a program that notes the time of its scopes at many places.
type clockwork struct {
	reason string
	run    func(ctx op.Context, at func(ctx op.Context, where string)) error
}

func clockworks(h *home) []clockwork {
	tick := func(name string) op.Op[op.None] {
		return op.Do(name, func(context.Context) error { h.clock.Advance(time.Second); return nil })
	}
	return []clockwork{
		{"steps and waits", func(ctx op.Context, at func(op.Context, string)) error {
			at(ctx, "begin")
			for i := range 3 {
				key := strconv.Itoa(i)
				if err := replay.Exec(ctx, tick("tick").Key(key)); err != nil {
					return err
				}
				at(ctx, "step "+key)
				if err := replay.Exec(ctx, op.Wait("pause", time.Minute).Key(key)); err != nil {
					return err
				}
				at(ctx, "wait "+key)
			}
			return nil
		}},
		{"a callback counts when its result is awaited, not when it is made", func(ctx op.Context, at func(op.Context, string)) error {
			cb, err := replay.Run(ctx, op.CreateCallback[string]("approval"))
			if err != nil {
				return err
			}
			at(ctx, "made")
			if err := replay.Exec(ctx, op.Do("answer", func(context.Context) error {
				h.clock.Advance(time.Second)
				return h.CompleteCallback(cb.ID, []byte("yes"))
			})); err != nil {
				return err
			}
			at(ctx, "answered")
			if err := replay.Exec(ctx, op.Wait("pause", time.Minute)); err != nil {
				return err
			}
			at(ctx, "before")
			_, err = replay.Run(ctx, cb.Result())
			at(ctx, "after")
			return err
		}},
		{"a future counts when its result is awaited", func(ctx op.Context, at func(op.Context, string)) error {
			f := replay.Go(ctx, op.Wait("timer", time.Minute))
			g := replay.Go(ctx, op.Group("both", func(ctx op.Context) (op.None, error) {
				at(ctx, "inside")
				err := replay.Exec(ctx, op.Wait("short", 10*time.Second))
				at(ctx, "inside after")
				return op.None{}, err
			}))
			if err := replay.Exec(ctx, op.Wait("pause", 2*time.Minute)); err != nil {
				return err
			}
			at(ctx, "paused")
			if err := replay.Exec(ctx, g.Result()); err != nil {
				return err
			}
			at(ctx, "both")
			err := replay.Exec(ctx, f.Result())
			at(ctx, "timer")
			return err
		}},
		{"relaxed steps", func(ctx op.Context, at func(op.Context, string)) error {
			for i := range 3 {
				o := op.Do("tick", func(context.Context) error { h.clock.Advance(time.Second); return nil }, op.WithSemantics(op.Relaxed))
				if err := replay.Exec(ctx, o.Key(strconv.Itoa(i))); err != nil {
					return err
				}
			}
			at(ctx, "relaxed")
			err := replay.Exec(ctx, op.Wait("pause", time.Minute))
			at(ctx, "paused")
			return err
		}},
		{"branches", func(ctx op.Context, at func(op.Context, string)) error {
			branch := op.GroupFunc("branch", func(ctx op.Context, i int) (op.None, error) {
				at(ctx, fmt.Sprint("branch ", i))
				err := replay.Exec(ctx, op.Wait("pause", time.Duration(3-i)*time.Minute))
				at(ctx, fmt.Sprint("branch after ", i))
				return op.None{}, err
			})
			err := replay.Exec(ctx, op.Map("all", []int{0, 1, 2}, branch))
			at(ctx, "joined")
			if err == nil {
				err = replay.Exec(ctx, op.Wait("pause", time.Minute))
			}
			return err
		}},
	}
}

func TestNowIsTheSameOnEveryReplay(t *testing.T) {
	t.Parallel()
	for i, reason := range []string{"steps", "callback", "future", "relaxed", "branches"} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			seen := map[string]time.Time{}
			var n notes
			h := newHome(t)
			p := clockworks(h)[i]
			h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				latest := map[string]time.Time{}
				return op.None{}, p.run(ctx, func(ctx op.Context, where string) {
					n.mu.Lock()
					defer n.mu.Unlock()
					now := replay.Now(ctx)
					if first, ok := seen[where]; ok && !first.Equal(now) {
						t.Errorf("%s: %v at first, %v on a replay", where, first, now)
					}
					seen[where] = now
					scope := fmt.Sprint(ctx)
					if now.Before(latest[scope]) {
						t.Errorf("%s: the time went back to %v", where, now)
					}
					latest[scope] = now
				})
			}), "null")
			if len(seen) == 0 {
				t.Error("nothing was seen")
			}
			if now, ok := seen["made"]; ok && !now.Equal(dawn) {
				t.Errorf("making a callback moved the time to %v", now)
			}
		})
	}
}

func TestWaitUntilComparesWithNow(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		if err := replay.Exec(ctx, op.WaitUntil("past", replay.Now(ctx))); err != nil {
			return op.None{}, err
		}
		return op.None{}, replay.Exec(ctx, op.WaitUntil("soon", replay.Now(ctx).Add(time.Hour)))
	}), "null")
	if diff := cmp.Diff([]string{"soon"}, names(e)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestElapsedTimeOfARetriedGroup(t *testing.T) {
	t.Parallel()
	var elapsed []time.Duration
	policy := func(a retry.Attempt) retry.Decision {
		if a.Number == 0 {
			return retry.Decision{}
		}
		elapsed = append(elapsed, a.Elapsed)
		return retry.Decision{Retry: a.Number < 3, After: time.Minute}
	}
	drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return replay.Run(ctx, op.Retry("again", op.Group("both", func(op.Context) (op.None, error) {
			return op.None{}, errDenied
		}), policy))
	}), "null")
	slices.Sort(elapsed)
	if diff := cmp.Diff([]time.Duration{0, time.Minute, 2 * time.Minute}, slices.Compact(elapsed)); diff != "" {
		t.Errorf("elapsed (-want +got):\n%s", diff)
	}
}

func TestUUIDAndRandAreTheSameOnEveryReplay(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	all := map[string]string{}
	var n notes
	draw := func(ctx op.Context, where string) {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, name := range []string{"ticket", "seat"} {
			id := replay.UUID(ctx, name)
			if !form.MatchString(id) {
				t.Errorf("%s is no version 4 UUID", id)
			}
			r := replay.Rand(ctx, name)
			for what, v := range map[string]string{"uuid": id, "rand": fmt.Sprint(r.Uint64(), r.Uint64())} {
				at := fmt.Sprint(where, name, what)
				if first, ok := all[at]; ok && first != v {
					t.Errorf("%s: %s at first, %s on a replay", at, first, v)
				}
				all[at] = v
			}
		}
	}
	handler := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		draw(ctx, ctx.Execution().Name+"handler")
		if err := replay.Exec(ctx, op.Wait("pause", time.Minute)); err != nil {
			return op.None{}, err
		}
		return op.None{}, replay.Exec(ctx, op.Map("all", []int{0, 1}, op.GroupFunc("branch", func(ctx op.Context, i int) (op.None, error) {
			draw(ctx, fmt.Sprint(ctx.Execution().Name, "branch", i))
			return op.None{}, replay.Exec(ctx, op.Wait("pause", time.Minute))
		})))
	})
	h := newHome(t)
	h.drive(t, handler, "null")
	h.drive(t, handler, "null")
	values := map[string]bool{}
	for _, v := range all {
		values[v] = true
	}
	if len(all) != 24 || len(values) != len(all) {
		t.Errorf("%d different values at %d places, want 24 each: scopes, names and executions have their own", len(values), len(all))
	}
}

func TestIdempotencyKeyIsStable(t *testing.T) {
	t.Parallel()
	keys := map[string]map[string]bool{}
	crashed := false
	h := newHome(t, local.WithFaults(local.Faults{Lose: func(p local.Point) bool {
		if crashed || p.Moment != local.MomentBeforeCall || p.Call != 2 {
			return false
		}
		crashed = true
		return true
	}}))
	step := func(name string, fails int) op.Op[op.None] {
		return op.Do(name, func(ctx context.Context) error {
			info, _ := op.InfoFrom(ctx)
			if keys[info.Path] == nil {
				keys[info.Path] = map[string]bool{}
			}
			keys[info.Path][info.IdempotencyKey] = true
			if info.Attempt <= fails {
				return errDenied
			}
			return nil
		}, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(5))))
	}
	h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for _, o := range []op.Op[op.None]{step("a", 2), step("a", 0), step("a", 0).Key("k"), step("b", 1)} {
			if err := replay.Exec(ctx, o); err != nil {
				return op.None{}, err
			}
		}
		return op.None{}, nil
	}), "null")
	different := map[string]bool{}
	for path, ks := range keys {
		if len(ks) != 1 {
			t.Errorf("%s has the keys %v, want one", path, ks)
		}
		for k := range ks {
			different[k] = true
		}
	}
	if len(different) != 4 || !crashed {
		t.Errorf("%d keys for 4 operations, crashed %t", len(different), crashed)
	}
}
