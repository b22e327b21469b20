package replay_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// times of a scope, by place: each must be the same in all invocations.
type scopeTimes struct {
	mu    sync.Mutex
	first map[string]time.Time
	wrong map[string][]time.Time
}

func (s *scopeTimes) note(where string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, seen := s.first[where]
	switch {
	case !seen:
		s.first[where] = now
	case !first.Equal(now):
		s.wrong[where] = append(s.wrong[where], first, now)
	}
}

// inScopes are ways to run a function in a scope that is not that of ctx. The function wants to
// know the place of its scope, if it is run in several.
func inScopes() map[string]func(ctx op.Context, f func(ctx op.Context, at string) (int, error)) error {
	type in = func(ctx op.Context, at string) (int, error)
	group := func(name, at string, f in) op.Op[int] {
		return op.Group(name, func(ctx op.Context) (int, error) { return f(ctx, at) })
	}
	each := func(f in) op.Builder[string, int] {
		return op.GroupFunc("each", func(ctx op.Context, at string) (int, error) { return f(ctx, at) })
	}
	pause := op.Transform(op.Wait("hours", 100*time.Hour), func(op.None) (int, error) { return 0, nil })
	items := []string{"x", "y", "z"}
	var attempts atomic.Int32
	return map[string]func(ctx op.Context, f in) error{
		"the scope itself": func(ctx op.Context, f in) error { _, err := f(ctx, ""); return err },
		"a group":          func(ctx op.Context, f in) error { return replay.Exec(ctx, group("g", "", f)) },
		"a group in a group": func(ctx op.Context, f in) error {
			return replay.Exec(ctx, group("o", "", func(ctx op.Context, _ string) (int, error) { return replay.Run(ctx, group("g", "", f)) }))
		},
		"a future": func(ctx op.Context, f in) error { return replay.Exec(ctx, replay.Go(ctx, group("g", "", f)).Result()) },
		"branches of All": func(ctx op.Context, f in) error {
			return replay.Exec(ctx, op.All("all", group("a", "a", f), group("b", "b", f)))
		},
		"branches of Parallel": func(ctx op.Context, f in) error {
			return replay.Exec(ctx, op.Parallel("p", []op.Op[int]{group("a", "a", f), group("b", "b", f)}))
		},
		"items of a map":      func(ctx op.Context, f in) error { return replay.Exec(ctx, op.Map("m", items, each(f))) },
		"items of a flat map": func(ctx op.Context, f in) error { return replay.Exec(ctx, op.Map("m", items, each(f), op.WithFlat())) },
		"items of chunks": func(ctx op.Context, f in) error {
			return replay.Exec(ctx, op.Map("m", items, each(f), op.WithChunks(2, 0)))
		},
		"a map that goes on beside": func(ctx op.Context, f in) error {
			return replay.Exec(ctx, replay.Go(ctx, op.Map("m", items, each(f))).Result())
		},
		"a map in an item": func(ctx op.Context, f in) error {
			outer := op.GroupFunc("outer", func(ctx op.Context, o string) (int, error) {
				return 0, replay.Exec(ctx, op.Map("m", items, each(func(ctx op.Context, at string) (int, error) { return f(ctx, o+at) })))
			})
			return replay.Exec(ctx, op.Map("o", items, outer))
		},
		"a race": func(ctx op.Context, f in) error { return replay.Exec(ctx, op.Race("r", group("g", "", f), pause)) },
		"a time-out": func(ctx op.Context, f in) error {
			return replay.Exec(ctx, op.Timeout("t", group("g", "", f), 90*time.Hour))
		},
		"the second attempt": func(ctx op.Context, f in) error {
			return replay.Exec(ctx, op.Retry("again", group("g", "", func(ctx op.Context, at string) (int, error) {
				n, err := replay.Run(ctx, op.Step("attempt", func(context.Context) (int, error) { return int(attempts.Add(1)), nil }))
				if err != nil || n == 1 {
					return 0, errors.Join(err, errThrottled)
				}
				return f(ctx, at)
			}), retry.Fixed(time.Second, retry.MaxAttempts(2))))
		},
		"a time-out of attempts": func(ctx op.Context, f in) error {
			return replay.Exec(ctx, op.Timeout("t", op.Retry("again", group("g", "", f), retry.Default()), 90*time.Hour))
		},
		"a deferred function": func(ctx op.Context, f in) error {
			return replay.Exec(ctx, op.Group("g", func(ctx op.Context) (v int, err error) {
				defer func() {
					if !replay.Suspending(ctx) {
						v, err = f(ctx, "")
					}
				}()
				return 0, nil
			}))
		},
		"the branch of a branch": func(ctx op.Context, f in) error {
			return replay.Exec(ctx, op.All("o", op.Race("r", group("g", "", f), pause)))
		},
		"a group that is compensated": func(ctx op.Context, f in) error {
			err := replay.Exec(ctx, op.Group("g", func(ctx op.Context) (int, error) {
				done := op.Step("done", func(context.Context) (int, error) { return 1, nil }).Undo(func(context.Context, int) error { return nil })
				if err := replay.Exec(ctx, done); err != nil {
					return 0, err
				}
				if _, err := f(ctx, ""); err != nil {
					return 0, err
				}
				return 0, errDenied
			}))
			if failed, ok := errors.AsType[*op.Error](err); ok && failed.Message == errDenied.Error() {
				return nil
			}
			return errors.Join(errors.New("the group did not fail as it is to"), err)
		},
	}
}

// TestNowInEveryScopeAfterARelaxedStep: the end of a relaxed step belongs to the time of all scopes
// that begin after it, whether it was durable by then or not.
func TestNowInEveryScopeAfterARelaxedStep(t *testing.T) {
	t.Parallel()
	for where := range inScopes() {
		for _, kind := range []string{"a step", "a future", "in an outer group"} {
			t.Run(where+" after "+kind, func(t *testing.T) {
				t.Parallel()
				h, run := newHome(t), inScopes()[where]
				times := &scopeTimes{first: map[string]time.Time{}, wrong: map[string][]time.Time{}}
				relaxed := op.Do("tick", func(context.Context) error {
					h.clock.Advance(time.Hour)
					return nil
				}, op.WithSemantics(op.Relaxed))
				inside := func(ctx op.Context, at string) (int, error) {
					times.note("begin "+at, replay.Now(ctx))
					// over if the relaxed step is seen to have ended, else half an hour long
					if err := replay.Exec(ctx, op.WaitUntil("half", dawn.Add(30*time.Minute))); err != nil {
						return 0, err
					}
					err := replay.Exec(ctx, op.Wait("pause", 2*time.Minute))
					times.note("end "+at, replay.Now(ctx))
					return 0, err
				}
				program := func(ctx op.Context) error {
					if kind == "a future" {
						if err := replay.Exec(ctx, replay.Go(ctx, relaxed).Result()); err != nil {
							return err
						}
					} else if err := replay.Exec(ctx, relaxed); err != nil {
						return err
					}
					return run(ctx, inside)
				}
				e := h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					var err error
					if kind == "in an outer group" {
						err = replay.Exec(ctx, op.Group("outer", func(ctx op.Context) (op.None, error) { return op.None{}, program(ctx) }))
					} else {
						err = program(ctx)
					}
					if err != nil {
						return op.None{}, err
					}
					return op.None{}, replay.Exec(ctx, op.Wait("last", time.Minute))
				}), "null")
				if e.Status() != local.StatusSucceeded {
					t.Errorf("ended as %s", end(e))
				}
				for _, line := range history(e) {
					if line == string(local.EventWaitStarted)+" half" {
						t.Error("the time of the scope was that before the relaxed step")
					}
				}
				for place, got := range times.wrong {
					t.Errorf("%s: the times are %v", place, got)
				}
				if len(times.first) < 2 {
					t.Errorf("only noted %v", times.first)
				}
			})
		}
	}
}
