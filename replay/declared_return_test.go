package replay_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samber/lo"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// goesOnWith is the first version for that many invocations, then the other one.
func goesOnWith(first, then local.Handler, invocations int) local.Handler {
	var n atomic.Int64
	return local.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		if int(n.Add(1)) <= invocations {
			return first.Invoke(ctx, event)
		}
		return then.Invoke(ctx, event)
	})
}

// TestOperandsGoAndReturn has the code of a batch go back to a version without an operand, and on
// to the one that has it, in every state: the operand has its value, or is absent, where the
// batch ended without it, whatever had begun of it.
func TestOperandsGoAndReturn(t *testing.T) {
	t.Parallel()
	a, w := rested("a", "a"), hourly("w")
	slow := func() op.Op[string] { return group("b", says("b"), hourly("rest"), hourly("more")) }
	fails := func() op.Op[string] { return silent(group("f", hourly("rest"), silent(failing("f")))) }
	large := op.Transform(op.Group("l", func(ctx op.Context) (string, error) {
		v, err := stepwise(says("l"), hourly("rest"))(ctx)
		return v + strings.Repeat(".", 280<<10), err
	}), func(v string) (string, error) { return strings.TrimRight(v, "."), nil })
	caught := func(o op.Op[string]) op.Op[string] {
		return op.Transform(o.MapError(func(error) error { return nil }), func(string) (string, error) { return "caught", nil })
	}
	list := func(ops ...op.Op[string]) []op.Op[string] { return ops }
	tests := []struct {
		reason        string
		with, without op.Op[string]
		want          []string
	}{
		{"All", allOf(list(a, op.Added(slow(), "no b"))), allOf(list(a, removed(slow()))), []string{"a b", "a no b", "a "}},
		{"All, as an option", allOf(list(a, op.Added(slow(), "no b"))), allOf(list(a), op.WithRemoved(slow())), []string{"a b", "a no b", "a"}},
		{"Parallel", parallelOf(list(a, op.Added(slow(), "no b"))), parallelOf(list(a), op.WithRemoved(slow())), []string{"a b", "a"}},
		{"flat Parallel", parallelOf(list(a, op.Added(slow(), "no b")), op.WithFlat()), parallelOf(list(a), op.WithFlat(), op.WithRemoved(slow())), []string{"a b", "a"}},
		{"All, too large for its record", allOf(list(large, op.Added(slow(), "no b"))), allOf(list(large, removed(slow()))), []string{"l b", "l no b", "l "}},
		{"Parallel, too large for its record", parallelOf(list(large, op.Added(slow(), "no b"))), parallelOf(list(large), op.WithRemoved(slow())), []string{"l b", "l"}},
		{"flat Parallel, too large for its record", parallelOf(list(large, op.Added(slow(), "no b")), op.WithFlat()), parallelOf(list(large), op.WithFlat(), op.WithRemoved(slow())), []string{"l b", "l"}},
		{"a branch that is not declared", parallelOf(list(a, slow())), parallelOf(list(a), op.WithRemoved(slow())), []string{"a b", "a"}},
		{"a branch that is not declared, too large", parallelOf(list(large, slow())), parallelOf(list(large), op.WithRemoved(slow())), []string{"l b", "l"}},
		{"a flat branch that is not declared, too large", parallelOf(list(large, slow()), op.WithFlat()), parallelOf(list(large), op.WithFlat(), op.WithRemoved(slow())), []string{"l b", "l"}},
		{"All that fails", caught(allOf(list(undone("a"), fails(), op.Added(slow(), "no b")))), caught(allOf(list(undone("a"), fails(), removed(slow())))), []string{"caught"}},
		{"Parallel that fails", caught(parallelOf(list(undone("a"), fails(), op.Added(slow(), "no b")))), caught(parallelOf(list(undone("a"), fails()), op.WithRemoved(slow()))), []string{"caught"}},
		{"a side that was replaced", allOf(list(a, op.Replaces(slow(), rested("c", "c")))), allOf(list(a, op.Replaces(rested("c", "c"), slow()))), []string{"a b", "a c"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			with, without := stepwise(tt.with, w).handler(), stepwise(tt.without, w).handler()
			states := 0
			for n := 1; n <= 3; n++ {
				// The version that goes on counts its invocations: each execution has its own.
				next := func() local.Handler { return goesOnWith(without, with, n) }
				everyStateOf(t, with, next, func(where string, e *local.Execution) {
					states++
					text := strings.Trim(strings.TrimPrefix(end(e), "SUCCEEDED "), `"`)
					if !slices.Contains(tt.want, text) {
						t.Errorf("%s, then %d invocations: it ended as %s, want one of %q", where, n, text, tt.want)
					}
				})
			}
			if states < 20 {
				t.Errorf("only %d states", states)
			}
		})
	}
}

// TestTheOperandThatDecidedIsGone deploys code without the operand as which a batch has ended: if
// that failed, so does the batch, with the same error; if it has won, the execution is stopped,
// for the code has no type for its result.
func TestTheOperandThatDecidedIsGone(t *testing.T) {
	t.Parallel()
	a, b, slow := rested("a", "a"), says("b"), group("slow", hourly("rest"), hourly("more"))
	bad := group("bad", silent(failing("declined")))
	list := func(ops ...op.Op[string]) []op.Op[string] { return ops }
	race := func(ops []op.Op[string], opts ...op.BatchOption) op.Op[string] {
		return op.Race("race", ops...).With(opts...)
	}
	first := func(ops []op.Op[string], opts ...op.BatchOption) op.Op[string] {
		return op.Any("any", ops...).With(opts...)
	}
	joinOf := func(a, b op.Op[string]) op.Op[string] {
		return op.Transform(op.Join2("join", a, b), func(t lo.Tuple2[string, string]) (string, error) { return t.A + " " + t.B, nil })
	}
	gone := op.WithRemoved
	const declined, won = "declined", "diverged"
	tests := []struct {
		reason        string
		before, after op.Op[string]
		// ended is how executions end that have ended the batch before, others the others.
		ended, others string
	}{
		{"All, as an option", allOf(list(a, bad)), allOf(list(a), gone(bad)), declined, "a"},
		{"All, in its place", allOf(list(a, bad)), allOf(list(a, removed(bad))), declined, "a "},
		{"Join2, in its place", joinOf(a, bad), joinOf(a, removed(bad)), declined, "a "},
		{"Parallel", parallelOf(list(a, bad)), parallelOf(list(a), gone(bad)), declined, "a"},
		{"flat Parallel", parallelOf(list(a, bad), op.WithFlat()), parallelOf(list(a), op.WithFlat(), gone(bad)), declined, "a"},
		{"Race that failed, as an option", race(list(slow, bad)), race(list(slow), gone(bad)), declined, ""},
		{"Race that failed, in its place", race(list(slow, bad)), race(list(slow, removed(bad))), declined, ""},
		{"Any of which all failed", first(list(bad, group("worse", hourly("rest"), bad))), first(list(bad), gone(group("worse", hourly("rest"), bad))), declined, declined},
		{"Race, as an option", race(list(slow, b)), race(list(slow), gone(b)), won, ""},
		{"Race, in its place", race(list(slow, b)), race(list(slow, removed(b))), won, ""},
		{"Any, as an option", first(list(slow, b)), first(list(slow), gone(b)), won, ""},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			// The batch is caught, so that the execution goes on after it.
			code := func(o op.Op[string]) local.Handler {
				return replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
					v, err := replay.Run(ctx, o)
					if _, waited := replay.Run(ctx, hourly("w")); waited != nil {
						return "", waited
					}
					return v, err
				})
			}
			ended, others := 0, 0
			everyState(t, code(tt.before), code(tt.after), func(where string, e *local.Execution) {
				text := strings.Trim(strings.TrimPrefix(end(e), "SUCCEEDED "), `"`)
				switch {
				case strings.Contains(text, tt.ended):
					ended++
				case text == tt.others:
					others++
				default:
					t.Errorf("%s: it ended as %s", where, text)
				}
				if tt.ended == won && strings.Contains(text, won) && !strings.Contains(text, `op.Replaces(new, op.Step("b", …)) as an operand`) {
					t.Errorf("%s: the message does not say what to declare: %s", where, text)
				}
			})
			if ended == 0 || others == 0 && tt.others != tt.ended {
				t.Errorf("%d executions had ended the batch, %d had not", ended, others)
			}
		})
	}
}

// TestWhatReturnsAsAnOldSide has the code go on to a version without an operation, and then to one
// in which it is the old side of a declared change again: executions that went past without its end
// have the value that they would have if it were the new side.
func TestWhatReturnsAsAnOldSide(t *testing.T) {
	t.Parallel()
	w, c := hourly("w"), says("c")
	slow := func() op.Op[string] { return group("b", says("b"), hourly("rest"), hourly("more")) }
	valued := func() op.Op[string] {
		return op.Transform(op.Wait("b", 3*time.Hour), func(op.None) (string, error) { return "b", nil })
	}
	first := func(o op.Op[string]) op.Op[string] { return op.Added(o, "no b") }
	nested := func(o op.Op[string]) op.Op[string] { return op.Replaces(says("x"), op.Added(o, "no b")) }
	deeper := func(o op.Op[string]) op.Op[string] {
		return op.Replaces(says("y"), op.Replaces(says("x"), op.Added(o, "no b")))
	}
	inner := func(o op.Op[string]) op.Op[string] { return op.Added(op.Replaces(says("x"), o), "no b") }
	inPlace := func(o op.Op[string]) version { return stepwise(o, c, w) }
	started := func(o op.Op[string]) version {
		return func(ctx op.Context) (string, error) {
			f := replay.Go(ctx, o)
			return stepwise(f.Result(), c, w)(ctx)
		}
	}
	tests := []struct {
		reason string
		code   func(op.Op[string]) version
		last   func(op.Op[string]) op.Op[string]
		newer  string // how executions end that had not begun it
	}{
		{"as the new side", inPlace, first, "b c"},
		{"replaced", inPlace, nested, "x c"},
		{"replaced twice", inPlace, deeper, "y c"},
		{"replaced inside", inPlace, inner, "x c"},
		{"started, as the new side", started, first, "b c"},
		{"started, and replaced", started, nested, "x c"},
		{"started, and replaced twice", started, deeper, "y c"},
		{"started, and replaced inside", started, inner, "x c"},
	}
	for _, tt := range tests {
		for kind, b := range map[string]func() op.Op[string]{"group": slow, "wait": valued} {
			t.Run(tt.reason+", a "+kind, func(t *testing.T) {
				t.Parallel()
				before, without, last := tt.code(first(b())).handler(), tt.code(removed(b())).handler(), tt.code(tt.last(b())).handler()
				want := []string{"b c", "no b c", tt.newer}
				states, passed := 0, 0
				for n := 1; n <= 3; n++ {
					next := func() local.Handler { return goesOnWith(without, last, n) }
					everyStateOf(t, before, next, func(where string, e *local.Execution) {
						states++
						text := strings.Trim(strings.TrimPrefix(end(e), "SUCCEEDED "), `"`)
						if !slices.Contains(append(want, "c"), text) { // "c": it ended without it
							t.Errorf("%s, then %d invocations: it ended as %s, want one of %q", where, n, text, want)
						}
						if text == "no b c" {
							passed++
						}
						if text == "b c" && wentPast(e) {
							t.Errorf("%s, then %d invocations: it went past, and came back to wait", where, n)
						}
					})
				}
				if states < 10 || passed == 0 {
					t.Errorf("%d states, in %d of them the operation was passed", states, passed)
				}
			})
		}
	}
}

// wentPast reports whether an execution began its step c before b had ended.
func wentPast(e *local.Execution) bool {
	var b, c checkpoint.Operation
	for _, o := range e.Operations() {
		switch {
		case o.Name == "c":
			c = o
		case o.Name == "b" && o.Kind != checkpoint.KindStep:
			b = o
		}
	}
	return !c.Start.IsZero() && !b.Start.IsZero() && c.Start.Before(b.End)
}

// TestFuturesGoAndReturn has the code go back to a version that does not start an operation, and on
// to the one that does and waits for it: executions that went past without its end get the value.
func TestFuturesGoAndReturn(t *testing.T) {
	t.Parallel()
	w, c := hourly("w"), says("c")
	valued := func(name string) op.Op[string] {
		return op.Transform(op.Wait(name, 3*time.Hour), func(op.None) (string, error) { return name, nil })
	}
	// started starts an operation and waits for it before the others.
	started := func(o op.Op[string], rest ...op.Op[string]) version {
		return func(ctx op.Context) (string, error) {
			v, err := replay.Run(ctx, replay.Go(ctx, o).Result())
			if err != nil {
				return "", err
			}
			said, err := stepwise(rest...)(ctx)
			return strings.TrimSpace(v + " " + said), err
		}
	}
	large := func(inside version) op.Op[string] {
		return op.Transform(op.Group("g", func(ctx op.Context) (string, error) {
			v, err := inside(ctx)
			return v + strings.Repeat(".", 280<<10), err
		}), func(v string) (string, error) { return strings.TrimRight(v, "."), nil })
	}
	// slowly is a step whose compensation takes three attempts.
	slowly := func() op.Op[string] {
		return op.Step("d", func(context.Context) (string, error) { return "", nil }).Undo(func(ctx context.Context, _ string) error {
			if info, _ := op.InfoFrom(ctx); info.Attempt < 3 {
				return errThrottled
			}
			return nil
		}, op.WithRetry(retry.Fixed(time.Minute)))
	}
	// failed is a group that fails when it has run what is inside, and compensates that slowly.
	failed := func(inside version) op.Op[string] {
		g := op.Group("g", func(ctx op.Context) (string, error) {
			if _, err := stepwise(slowly())(ctx); err != nil {
				return "", err
			}
			if _, err := inside(ctx); err != nil {
				return "", err
			}
			return "", errDeclined
		})
		return op.Transform(g.MapError(func(error) error { return nil }), func(string) (string, error) { return "failed", nil })
	}
	open := func(inside version) op.Op[string] { return op.OpenParallel("open", inside) }
	slow := func() op.Op[string] { return group("b", says("b"), hourly("rest"), hourly("more")) }
	retried := func() op.Op[string] {
		return op.Step("b", func(ctx context.Context) (string, error) {
			if info, _ := op.InfoFrom(ctx); info.Attempt < 3 {
				return "", errDeclined
			}
			return "b", nil
		}, op.WithRetry(retry.Fixed(time.Hour)))
	}
	// late fails of a future that nothing awaits, and compensates that slowly; inside stands before
	// or after it.
	late := func(before, after version, opts ...op.GroupOption) op.Op[string] {
		g := op.OpenParallel("g", func(ctx op.Context) (string, error) {
			if _, err := stepwise(slowly())(ctx); err != nil {
				return "", err
			}
			if _, err := before(ctx); err != nil {
				return "", err
			}
			replay.Go(ctx, op.Branch("f", stepwise(failing("x"))))
			return after(ctx)
		}, opts...)
		return op.Transform(g.MapError(func(error) error { return nil }), func(string) (string, error) { return "failed", nil })
	}
	// begun starts operations that nothing awaits.
	begun := func(ops ...op.Op[string]) version {
		return func(ctx op.Context) (string, error) {
			for _, o := range ops {
				replay.Go(ctx, o)
			}
			return "", nil
		}
	}
	tests := []struct {
		reason        string
		with, without version
		want          []string
	}{
		{"a wait", started(op.Added(valued("b"), "no b"), c, w), started(removed(valued("b")), c, w), []string{"b c", "no b c", "c"}},
		{"a group", started(op.Added(slow(), "no b"), c, w), started(removed(slow()), c, w), []string{"b c", "no b c", "c"}},
		{"a step", started(op.Added(retried(), "no b"), c, w), started(removed(retried()), c, w), []string{"b c", "no b c", "c"}},
		{"a batch", started(op.Added(allOf([]op.Op[string]{slow()}), "no b"), c, w), started(removed(allOf([]op.Op[string]{slow()})), c, w), []string{"b c", "no b c", "c"}},
		{
			"a branch of an open parallel",
			stepwise(open(started(op.Added(op.Branch("b", stepwise(says("b"), hourly("rest"), hourly("more"))), "no b"), c, w))),
			stepwise(open(started(removed(op.Branch("b", stepwise(says("b"), hourly("rest"), hourly("more")))), c, w))),
			[]string{"b c", "no b c", "c"},
		},
		{
			"a wait in a group that has failed without it",
			stepwise(failed(started(op.Added(valued("b"), "no b"), undone("c"))), w),
			stepwise(failed(started(removed(valued("b")), undone("c"))), w),
			[]string{"failed"},
		},
		{
			"a wait that is the last one before such a group fails",
			stepwise(failed(stepwise(undone("c"), op.Added(valued("b"), "no b"))), w),
			stepwise(failed(stepwise(undone("c"), removed(valued("b")))), w),
			[]string{"failed"},
		},
		{
			"a future that is awaited last before such a group fails",
			stepwise(failed(func(ctx op.Context) (string, error) {
				f := replay.Go(ctx, op.Added(valued("b"), "no b"))
				return stepwise(undone("c"), f.Result())(ctx)
			}), w),
			stepwise(failed(func(ctx op.Context) (string, error) {
				f := replay.Go(ctx, removed(valued("b")))
				return stepwise(undone("c"), f.Result())(ctx)
			}), w),
			[]string{"failed"},
		},
		{
			"a wait that nothing awaits, in a group that fails of a future before it",
			stepwise(late(begun(), begun(op.Added(valued("b"), "no b"))), w),
			stepwise(late(begun(), begun(removed(valued("b")))), w),
			[]string{"failed"},
		},
		{
			"a wait that nothing awaits, in a group that fails of a future after it",
			stepwise(late(begun(op.Added(valued("b"), "no b")), begun()), w),
			stepwise(late(begun(removed(valued("b"))), begun()), w),
			[]string{"failed"},
		},
		{
			"a group that nothing awaits, in such a group",
			stepwise(late(begun(), begun(op.Added(slow(), "no b"))), w),
			stepwise(late(begun(), begun(removed(slow()))), w),
			[]string{"failed"},
		},
		{
			"a retried step that nothing awaits, in such a group",
			stepwise(late(begun(), begun(op.Added(retried(), "no b"))), w),
			stepwise(late(begun(), begun(removed(retried()))), w),
			[]string{"failed"},
		},
		{
			"a batch with a time limit that nothing awaits, in such a group",
			stepwise(late(begun(), begun(op.Added(op.Timeout("b", slow(), 240*time.Hour), "no b"))), w),
			stepwise(late(begun(), begun(removed(op.Timeout("b", slow(), 240*time.Hour)))), w),
			[]string{"failed"},
		},
		{
			"a branch of an open parallel that goes past its bound without it",
			stepwise(late(begun(op.Added(slow(), "no b")), begun(), op.WithMaxConcurrency(1)), w),
			stepwise(late(begun(removed(slow())), begun(), op.WithMaxConcurrency(1)), w),
			[]string{"failed"},
		},
		{
			"two branches of an open parallel with room for one",
			stepwise(late(begun(), begun(op.Added(slow(), "no b"), op.Added(group("c", says("c"), hourly("rest")), "no c")), op.WithMaxConcurrency(1)), w),
			stepwise(late(begun(), begun(removed(slow()), removed(group("c", says("c"), hourly("rest")))), op.WithMaxConcurrency(1)), w),
			[]string{"failed"},
		},
		{
			"a group that nothing awaits, in a group whose result is too large for its record",
			stepwise(large(func(ctx op.Context) (string, error) {
				replay.Go(ctx, op.Added(slow(), "no b"))
				return stepwise(c)(ctx)
			}), w, hourly("x"), hourly("y"), hourly("z")),
			stepwise(large(func(ctx op.Context) (string, error) {
				replay.Go(ctx, removed(slow()))
				return stepwise(c)(ctx)
			}), w, hourly("x"), hourly("y"), hourly("z")),
			[]string{"c"},
		},
		{
			"a wait in a group whose result is too large for its record",
			stepwise(large(started(op.Added(valued("b"), "no b"), c)), w, hourly("x"), hourly("y"), hourly("z")),
			stepwise(large(started(removed(valued("b")), c)), w, hourly("x"), hourly("y"), hourly("z")),
			[]string{"b c", "no b c", "c"},
		},
		{
			"a wait that is not started, at the end of such a group",
			stepwise(large(stepwise(c, op.Added(valued("b"), "no b"))), w, hourly("x"), hourly("y"), hourly("z")),
			stepwise(large(stepwise(c, removed(valued("b")))), w, hourly("x"), hourly("y"), hourly("z")),
			[]string{"c b", "c no b", "c"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			states, passed := 0, 0
			for n := 1; n <= 3; n++ {
				next := func() local.Handler { return goesOnWith(tt.without.handler(), tt.with.handler(), n) }
				everyStateOf(t, tt.with.handler(), next, func(where string, e *local.Execution) {
					states++
					text := strings.Trim(strings.TrimPrefix(end(e), "SUCCEEDED "), `"`)
					if !slices.Contains(tt.want, text) {
						t.Errorf("%s, then %d invocations: it ended as %s, want one of %q", where, n, text, tt.want)
					}
					if strings.Contains(text, "no b") {
						passed++
					}
				})
			}
			if states < 10 || passed == 0 && len(tt.want) > 1 {
				t.Errorf("%d states, in %d of them the operation was passed", states, passed)
			}
		})
	}
}
