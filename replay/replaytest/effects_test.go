package replaytest_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/substitute"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// bookings are programs that fail, or leave something behind, after they have had an effect that is
// to be undone.
func bookings() map[string]func(op.Context, int) (string, error) {
	nothing := func(context.Context, int) error { return nil }
	book := op.StepFunc("book", func(_ context.Context, n int) (int, error) { return n, nil })
	refuse := op.Do("refuse", func(context.Context) error { return errBusy }, op.WithRetry(retry.Never()))
	tired := op.Group("tired", func(ctx op.Context) (int, error) {
		return 0, errors.Join(replay.Exec(ctx, op.Wait("minute", time.Minute)), errBusy)
	})
	trip := op.Group("trip", func(ctx op.Context) (int, error) { return replay.Run(ctx, book(7)) }).Undo(nothing)
	rested := op.Group("rested", func(ctx op.Context) (int, error) { return 1, replay.Exec(ctx, op.Wait("minute", time.Minute)) })
	refused := func(o op.Op[int]) op.Op[int] {
		return op.Transform(o, func(int) (int, error) { return 0, errBusy })
	}
	reserving := func(first func(op.Context) error) op.Op[int] {
		return op.Group("steps", func(ctx op.Context) (int, error) {
			if err := first(ctx); err != nil {
				return 0, err
			}
			if _, err := replay.Run(ctx, book(7).Undo(nothing)); err != nil {
				return 0, err
			}
			return 0, replay.Exec(ctx, op.Wait("hour", time.Hour))
		})
	}
	limited := func(ctx op.Context, o op.Op[int]) (string, error) {
		if _, err := replay.Run(ctx, op.Timeout("limit", o, time.Minute)); !errors.Is(err, op.ErrTimedOut) {
			return "", err
		}
		return "too late", nil
	}
	return map[string]func(op.Context, int) (string, error){
		"a step, then a failure": func(ctx op.Context, n int) (string, error) {
			if _, err := replay.Run(ctx, book(n).Undo(nothing)); err != nil {
				return "", err
			}
			return "", replay.Exec(ctx, refuse)
		},
		"a step beside a failure": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.All("both", book(n).Undo(nothing), tired)))
		},
		"a group beside a failure": func(ctx op.Context, _ int) (string, error) {
			return text(replay.Run(ctx, op.All("both", trip, tired)))
		},
		"a large group beside a failure": func(ctx op.Context, _ int) (string, error) {
			huge := op.Group("huge", func(ctx op.Context) (string, error) {
				s, err := replay.Run(ctx, large(1))
				return s + s, err
			}).Undo(func(context.Context, string) error { return nil })
			weary := op.Group("weary", func(ctx op.Context) (string, error) { return text(replay.Run(ctx, tired)) })
			_, err := replay.Run(ctx, op.Parallel("both", []op.Op[string]{huge, weary}, op.WithCompletion(op.AllSuccessful())))
			return "", err
		},
		"a step in a group that was abandoned": func(ctx op.Context, _ int) (string, error) {
			return limited(ctx, reserving(func(ctx op.Context) error { return replay.Exec(ctx, op.Wait("second", time.Second)) }))
		},
		"a step in a group that was abandoned after a large map": func(ctx op.Context, _ int) (string, error) {
			return limited(ctx, reserving(func(ctx op.Context) error { return replay.Exec(ctx, op.Map("all", []int{1, 1}, large)) }))
		},
		"a step within a time": func(ctx op.Context, n int) (string, error) {
			if _, err := replay.Run(ctx, op.Timeout("limit", book(n).Undo(nothing), time.Minute)); err != nil {
				return "", err
			}
			return "", replay.Exec(ctx, refuse)
		},
		"a step again and again": func(ctx op.Context, n int) (string, error) {
			if _, err := replay.Run(ctx, op.Retry("try", book(n).Undo(nothing), retry.Fixed(time.Second))); err != nil {
				return "", err
			}
			return "", replay.Exec(ctx, refuse)
		},
		"a map, then a failure": func(ctx op.Context, _ int) (string, error) {
			all := op.Map("all", []int{1, 2}, book).Undo(func(context.Context, op.Batch[int]) error { return nil })
			if _, err := replay.Run(ctx, all); err != nil {
				return "", err
			}
			return "", replay.Exec(ctx, refuse)
		},
		"a step whose result is refused": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Any("any", refused(book(n).Undo(nothing)), rested)))
		},
		"a group whose result is refused": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Any("any", refused(trip), rested)))
		},
		"a group without an Undo whose result is refused": func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Any("any", refused(op.Group("plain", func(ctx op.Context) (int, error) {
				return replay.Run(ctx, book(n).Undo(nothing))
			})), rested)))
		},
		"a step whose result is refused, in a group that is retried": func(ctx op.Context, n int) (string, error) {
			g := op.Group("g", func(ctx op.Context) (int, error) {
				return replay.Run(ctx, op.Any("any", refused(book(n).Undo(nothing)), rested))
			})
			return text(replay.Run(ctx, op.Retry("again", g, retry.Fixed(time.Second))))
		},
		"a branch with a record whose result is refused": func(ctx op.Context, n int) (string, error) {
			all := op.Parallel("all", []op.Op[int]{refused(trip), rested}, op.WithCompletion(op.Tolerate(1)))
			_, err := replay.Run(ctx, all)
			return "", err
		},
		"a group that succeeds in one that fails": func(ctx op.Context, n int) (string, error) {
			inner := op.Group("inner", func(ctx op.Context) (int, error) { return replay.Run(ctx, book(n).Undo(nothing)) })
			_, err := replay.Run(ctx, op.Group("outer", func(ctx op.Context) (int, error) {
				if _, err := replay.Run(ctx, inner.Undo(nothing)); err != nil {
					return 0, err
				}
				return 0, replay.Exec(ctx, refuse)
			}))
			return "failed", errors.Join(replay.Exec(ctx, told(err.Error())), pause(ctx))
		},
	}
}

// TestExploreFindsLostEffects takes from each program, in one way or another, what undoes its
// effects: Explore says of which operation.
func TestExploreFindsLostEffects(t *testing.T) {
	t.Parallel()
	late := func(invocation int) bool { return invocation > 1 }
	always := func(int) bool { return true }
	tests := []struct {
		program, reason string
		path            string
		when            func(invocation int) bool
		wrong           func(u *node.Undo) *node.Undo
		want            string
	}{
		{
			program: "a step, then a failure", reason: "the compensation is forgotten", path: "book", when: always, wrong: forgotten,
			want: `the effect of "book" is lost: the log says SUCCEEDED 1, and the execution failed, but it was not undone`,
		},
		{
			program: "a step, then a failure", reason: "it is given nothing", path: "book", when: always, wrong: emptied,
			want: `the Undo of "book" was given nothing, which had returned 1`,
		},
		{
			program: "a step beside a failure", reason: "the branch has ended before the invocation in which the batch fails",
			path: "both[book]", when: late, wrong: forgotten, want: `the effect of "both\[book\]" is lost: .* and "both" failed`,
		},
		{
			program: "a group beside a failure", reason: "the branch leaves no record, and its function has returned before",
			path: "both[trip]", when: late, wrong: forgotten, want: `the effect of "both\[trip\]" is lost: .* and "both" failed`,
		},
		{
			program: "a large group beside a failure", reason: "its result is not in the log", path: "both[huge]", when: late, wrong: emptied,
			want: `the Undo of "both\[huge\]" was given "", which had returned "xxx`,
		},
		{
			program: "a step in a group that was abandoned", reason: "the group is not looked into", path: "limit[steps]/book",
			when: late, wrong: forgotten, want: `the effect of "limit\[steps\]/book" is lost: .* and "limit" ended without it`,
		},
		{
			program: "a step in a group that was abandoned after a large map", reason: "whoever looks stops at the map",
			path: "limit[steps]/book", when: late, wrong: forgotten, want: `the effect of "limit\[steps\]/book" is lost: .* and "limit" ended without it`,
		},
		{
			program: "a step within a time", reason: "a Timeout is no scope that people think of", path: "limit",
			when: always, wrong: forgotten, want: `the effect of "limit(\[book\])?" is lost: .* and the execution failed`,
		},
		{
			program: "a step again and again", reason: "a Retry is no scope that people think of", path: "try",
			when: always, wrong: forgotten, want: `the effect of "try(/book\[1\])?" is lost: .* and the execution failed`,
		},
		{
			program: "a map, then a failure", reason: "one of its results is another", path: "all", when: always, wrong: exchanged,
			want: `the Undo of "all" was given 2 of "all\[0\]/book", which had returned 1`,
		},
		{
			program: "a step whose result is refused", reason: "the batch succeeds with another", path: "any[book]", when: always,
			wrong: forgotten, want: `the effect of "any\[book\]" is lost: .* and "any" ended with its result refused`,
		},
		{
			program: "a group whose result is refused", reason: "the branch leaves no record", path: "any[trip]", when: always,
			wrong: forgotten, want: `the effect of "any\[trip\]" is lost: it completed, and its result was refused`,
		},
		{
			program: "a step whose result is refused, in a group that is retried", reason: "the batch succeeds with another",
			path: "again/g[1]/any[book]", when: always, wrong: forgotten,
			want: `the effect of "again/g\[1\]/any\[book\]" is lost: .* ended with its result refused`,
		},
		{
			program: "a branch with a record whose result is refused", reason: "the batch tolerates it", path: "all[trip]", when: always,
			wrong: forgotten, want: `the effect of "all\[trip\]" is lost: .* and "all" ended with its result refused`,
		},
		{
			program: "a group that succeeds in one that fails", reason: "its own Undo is forgotten", path: "outer/inner", when: always,
			wrong: forgotten, want: `the effect of "outer/inner" is lost: .* and "outer" failed`,
		},
	}
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(tt.program+": "+tt.reason, "/", " "), func(t *testing.T) {
			t.Parallel()
			around := func(h local.Handler) local.Handler { return undoing(h, tt.path, tt.when, tt.wrong) }
			got := record(t, func(tb *recorder) {
				replaytest.ExploreAround(tb, replay.Handler(bookings()[tt.program]), around, 1, replaytest.WithSchedules(0))
			})
			if len(got.errs) != 1 || !regexp.MustCompile(tt.want).MatchString(got.errs[0]) {
				t.Errorf("%s: got %q, want one that matches %q", tt.reason, got.errs, tt.want)
			}
		})
	}
}

// undoing has something wrong with the Undo of the operation at a path, in some invocations.
func undoing(h local.Handler, path string, when func(invocation int) bool, wrong func(*node.Undo) *node.Undo) local.Handler {
	invocation := 0
	return local.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		invocation++
		inner, at := substitute.From(ctx), invocation
		spoil := func(p string, n node.Node) node.Node {
			if p != path || n.Head().Undo == nil || !when(at) {
				return n
			}
			return node.With(n, func(h *node.Header) { h.Undo = wrong(h.Undo) })
		}
		return h.Invoke(substitute.With(ctx, func(p string, n node.Node) node.Node {
			n = spoil(p, inner(p, n))
			b, ok := n.(*node.Batch)
			if !ok {
				return n
			}
			c := *b
			c.Child = func(i int) node.Node {
				o := b.Child(i)
				return spoil(p+"["+o.Head().Name+"]", o)
			}
			return &c
		}), event)
	})
}

func forgotten(*node.Undo) *node.Undo { return nil }

// emptied is an Undo that is given no result.
func emptied(u *node.Undo) *node.Undo {
	return &node.Undo{Attempted: u.Attempted, Step: func(r node.Result) *node.Step {
		r.Payload = nil
		return u.Step(r)
	}}
}

// exchanged is an Undo of a batch that is given the results of its first two branches for each
// other.
func exchanged(u *node.Undo) *node.Undo {
	return &node.Undo{Attempted: u.Attempted, Step: func(r node.Result) *node.Step {
		if r.Outcome != nil && len(r.Outcome.Items) > 1 {
			o := *r.Outcome
			o.Items = append([]node.Item{}, o.Items...)
			o.Items[0].Result, o.Items[1].Result = o.Items[1].Result, o.Items[0].Result
			r.Outcome = &o
		}
		return u.Step(r)
	}}
}
