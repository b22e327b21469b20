package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// version is the code of a handler. What it returns is how its operations ended.
type version func(ctx op.Context) (string, error)

func (v version) handler() local.Handler {
	return replay.Handler(func(ctx op.Context, _ op.None) (string, error) { return v(ctx) })
}

// says is a step that results in its name.
func says(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return name, nil })
}

// undone is says with an Undo.
func undone(name string) op.Op[string] {
	return says(name).Undo(func(context.Context, string) error { return nil })
}

// stepwise runs operations one after the other and joins how they end.
func stepwise(ops ...op.Op[string]) version {
	return func(ctx op.Context) (string, error) {
		var said []string
		for _, o := range ops {
			v, err := replay.Run(ctx, o)
			if err != nil {
				return "", err
			}
			if v != "" {
				said = append(said, v)
			}
		}
		return strings.Join(said, " "), nil
	}
}

func group(name string, ops ...op.Op[string]) op.Op[string] { return op.Group(name, stepwise(ops...)) }

func inline(ops ...op.Op[string]) op.Op[string] { return op.Inline("inline", stepwise(ops...)) }

// hourly is a wait of an hour.
func hourly(name string) op.Op[string] { return silent(op.Wait(name, time.Hour)) }

func silent[T any](o op.Op[T]) op.Op[string] {
	return op.Transform(o, func(T) (string, error) { return "", nil })
}

func removed(o op.Op[string]) op.Op[string] { return silent(op.Removed(o)) }

// TestDeclaredChanges deploys declared changes in every state that an execution can be in: none
// diverges, and what each reaches is what the old or the new code does in each place.
func TestDeclaredChanges(t *testing.T) {
	t.Parallel()
	a, b, c, d := says("a"), says("b"), says("c"), says("d")
	w := hourly("w")
	tests := []struct {
		reason        string
		before, after version
		want          []string // how executions end, sorted
	}{
		{"a step is renamed", stepwise(a, b, c), stepwise(a, says("x").Was("b"), c), []string{"a b c", "a x c"}},
		{"a wait is renamed", stepwise(a, w, c), stepwise(a, silent(op.Wait("v", time.Hour).Was("w")), c), []string{"a c"}},
		{"a step is inserted at the beginning", stepwise(a, w, c), stepwise(op.Added(d, "no d"), a, w, c), []string{"d a c", "no d a c"}},
		{"a step is inserted", stepwise(a, w, c), stepwise(a, op.Added(d, "no d"), w, c), []string{"a d c", "a no d c"}},
		{"two are inserted, one behind the other", stepwise(a, w), stepwise(op.Added(c, "-"), op.Added(d, "-"), a, w), []string{"- - a", "c d a"}},
		{"a step is removed", stepwise(a, b, c), stepwise(a, removed(b), c), []string{"a c"}},
		{"the last step is removed", stepwise(a, w, c), stepwise(a, w, removed(c)), []string{"a"}},
		{"a wait is removed", stepwise(a, w, c), stepwise(a, removed(w), c), []string{"a c"}},
		{"steps are swapped", stepwise(a, b, w), stepwise(op.Replaces(inline(b, a), inline(a, b)), w), []string{"a b", "b a"}},
		{"steps are wrapped", stepwise(a, b, c, w), stepwise(a, op.Replaces(group("g", b, c), inline(b, c)), w), []string{"a b c"}},
		{"a group is unwrapped", stepwise(a, group("g", b, c), w), stepwise(a, op.Replaces(inline(b, c), group("g", b, c)), w), []string{"a b c"}},
		{"a step becomes a group of the same name", stepwise(a, b, w), stepwise(a, op.Replaces(group("b", c, d), b), w), []string{"a b", "a c d"}},
		{"a wait becomes a step of the same name", stepwise(a, w, c), stepwise(a, op.Replaces(says("w"), w), c), []string{"a c", "a w c"}},
		{"a step is split", stepwise(a, b, w), stepwise(a, op.Replaces(inline(c, d), b), w), []string{"a b", "a c d"}},
		{"steps are merged", stepwise(a, b, c, w), stepwise(a, op.Replaces(d, inline(b, c)), w), []string{"a b c", "a d"}},
		{"a condition is put around a step", stepwise(a, b, w), stepwise(a, removed(b), w), []string{"a"}},
		{"a step moves behind another", stepwise(a, b, c, w), stepwise(op.Replaces(inline(b, c, a), inline(a, b, c)), w), []string{"a b c", "b c a"}},
		{"a key is given", stepwise(a, b, w), stepwise(a, says("b").Key("1").WasKey(""), w), []string{"a b"}},
		{"one of two of one name is removed", stepwise(b, a, b, w), stepwise(removed(b), a, says("b").Key("1").WasKey(""), w), []string{"a b"}},
		{"a loop makes more rounds", stepwise(b, b, w), stepwise(b, b, op.Added(b, "-"), op.Added(b, "-"), w), []string{"b b - -", "b b b b"}},
		{"a loop makes fewer rounds", stepwise(b, b, b, w), stepwise(b, removed(b), removed(b), w), []string{"b"}},
		{"changed twice", stepwise(a, b, w), stepwise(a, op.Replaces(d, op.Replaces(c, b)), w), []string{"a b", "a d"}},
		{"added and removed again", stepwise(a, w), stepwise(a, silent(op.Removed(op.Added(b, ""))), w), []string{"a"}},
		{"a removed one before a wrapped one", stepwise(a, b, c, w), stepwise(op.Replaces(group("g", b, c), inline(removed(a), b, c)), w), []string{"b c"}},
		{"a new side begins with an added one", stepwise(b, c, w), stepwise(op.Replaces(inline(op.Added(d, "-"), b, c), group("g", b, c)), w), []string{"- b c", "d b c"}},
		{
			"both sides have records, and the first begins with an added one", stepwise(b, c, w),
			stepwise(op.Replaces(inline(op.Added(d, "-"), b, c), inline(c, b)), w),
			[]string{"- b c", "d b c"},
		},
		{
			"both sides have records, and the old one begins with an added one", stepwise(b, c, w),
			stepwise(op.Replaces(inline(c, b), inline(op.Added(d, "-"), b, c)), w),
			[]string{"- b c", "c b"},
		},
		{"an old side that is nothing", stepwise(a, w), stepwise(a, op.Replaces(inline(b, c), inline()), w), []string{"a", "a b c"}},
		{"steps become concurrent", stepwise(a, b, w), stepwise(op.Replaces(op.Transform(op.All("both", a, b),
			func(s []string) (string, error) { return strings.Join(s, " "), nil }), inline(a, b)), w), []string{"a b"}},
		{"a step becomes a future", stepwise(a, b, c), func(ctx op.Context) (string, error) {
			f := replay.Go(ctx, says("x").Was("a"))
			return stepwise(b, c, f.Result())(ctx)
		}, []string{"b c a", "b c x"}},
		{"an operation of a future is added", stepwise(a, b), func(ctx op.Context) (string, error) {
			f := replay.Go(ctx, op.Added(d, "no d"))
			return stepwise(a, b, f.Result())(ctx)
		}, []string{"a b d", "a b no d"}},
		{
			"a scope that fails is compensated", stepwise(undone("a"), undone("b"), silent(failing("f"))),
			stepwise(undone("a"), op.Added(undone("d"), ""), undone("x").Was("b"), silent(failing("f"))),
			[]string{"FAILED f"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got := comesTo(t, tt.before, tt.after)
			if !slices.Equal(got, tt.want) {
				t.Errorf("executions end as\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// failing is a step that fails for good.
func failing(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return "", errors.New(name) }, op.WithRetry(attemptsOf(1)))
}

// comesTo is how executions end that begin with one version and end with another one, or the same.
func comesTo(t *testing.T, before, after version) []string {
	t.Helper()
	var all []string
	note := func(e *local.Execution) {
		text := strings.Trim(strings.TrimPrefix(end(e), "SUCCEEDED "), `"`)
		if f := e.Failure(); f != nil && !strings.Contains(text, "diverged") {
			text = "FAILED " + f.Message
		}
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	note(drive(t, after.handler(), "null"))
	everyState(t, before.handler(), after.handler(), func(_ string, e *local.Execution) { note(e) })
	everyState(t, after.handler(), after.handler(), func(_ string, e *local.Execution) { note(e) })
	slices.Sort(all)
	return all
}

// TestSideThatEndsBeforeItsFirstOperation: code in place that returns before it runs an operation
// claims nothing, also if it returns the error of one that has panicked. If it panics itself, no
// one knows what it would have begun with.
func TestSideThatEndsBeforeItsFirstOperation(t *testing.T) {
	t.Parallel()
	const undecided = "a side of a declared change panicked before its first operation"
	a, c, w := says("a"), says("c"), hourly("w")
	boom := op.Step("boom", func(context.Context) (string, error) { panic("boom") }, op.WithRetry(attemptsOf(1)))
	begin := func(side func(ctx op.Context, boomed error) (string, error)) version {
		return func(ctx op.Context) (string, error) {
			f := replay.Go(ctx, boom)
			newer := op.Inline("inline", func(ctx op.Context) (string, error) { return side(ctx, replay.Exec(ctx, f.Result())) })
			v, err := replay.Run(ctx, op.Replaces(newer, a))
			if err != nil {
				v = "new: " + err.Error()
			}
			_ = replay.Exec(ctx, f.Result()) // its error is read, whichever side is taken
			said, err := stepwise(w)(ctx)
			return v + said, err
		}
	}
	before := func(ctx op.Context) (string, error) {
		_ = replay.Exec(ctx, boom)
		return stepwise(a, w)(ctx)
	}
	tests := []struct {
		reason string
		side   func(ctx op.Context, boomed error) (string, error)
		want   []string
	}{
		{"it returns the error of an operation that has panicked", func(ctx op.Context, boomed error) (string, error) {
			if boomed != nil {
				return "", boomed
			}
			return replay.Run(ctx, c)
		}, []string{"a", "new: panic: boom"}},
		{"it returns the panic itself", func(_ op.Context, boomed error) (string, error) {
			if p, ok := errors.AsType[*op.PanicError](boomed); ok {
				return "", p
			}
			return "", boomed
		}, []string{"a", "new: panic: boom"}},
		{
			"it panics", func(op.Context, error) (string, error) { panic("here") },
			[]string{undecided},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got := comesTo(t, before, begin(tt.side))
			for i, text := range got {
				if strings.Contains(text, undecided) {
					got[i] = undecided
				}
			}
			slices.Sort(got)
			if got = slices.Compact(got); !slices.Equal(got, tt.want) {
				t.Errorf("executions end as\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestPast reads how removed operations have ended.
func TestPast(t *testing.T) {
	t.Parallel()
	read := func(o op.Op[string], rest ...op.Op[string]) version {
		return func(ctx op.Context) (string, error) {
			p, err := replay.Run(ctx, op.Removed(o))
			if err != nil {
				return "", err
			}
			v, err := replay.Run(ctx, p.Result())
			if err != nil && !errors.Is(err, op.ErrRemoved) {
				return "", err
			}
			if err != nil {
				v = "removed"
			}
			said, err := stepwise(rest...)(ctx)
			return fmt.Sprint(p.Begun(), " ", v, " ", said), err
		}
	}
	a, c := says("a"), says("c")
	strict := op.Step("a", func(context.Context) (string, error) { return "a", nil }, op.WithSemantics(op.AtMostOncePerRetry))
	wait := op.Transform(op.Wait("w", time.Hour), func(op.None) (string, error) { return "waited", nil })
	tests := []struct {
		reason        string
		before, after version
		want          []string
	}{
		{"a step", stepwise(a, c), read(a, c), []string{"false removed c", "true a c"}},
		{"a step whose start is recorded", stepwise(strict, c), read(strict, c), []string{"false removed c", "true a c", "true removed c"}},
		{"a wait is waited for", stepwise(wait, c), read(wait, c), []string{"false removed c", "true waited c"}},
		{"a group that has ended", stepwise(group("g", a), c), read(group("g", a), c), []string{"false removed c", "true a c", "true removed c"}},
		{"by Go", stepwise(wait, c), func(ctx op.Context) (string, error) {
			f := replay.Go(ctx, op.Removed(wait))
			v, err := replay.Run(ctx, c)
			if err != nil {
				return "", err
			}
			p, err := replay.Run(ctx, f.Result())
			if err != nil {
				return "", err
			}
			r, err := replay.Run(ctx, p.Result())
			if errors.Is(err, op.ErrRemoved) {
				r, err = "removed", nil
			}
			return v + " " + r, err
		}, []string{"c removed", "c waited"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if got := comesTo(t, tt.before, tt.after); !slices.Equal(got, tt.want) {
				t.Errorf("executions end as\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestRemovedOperationsAreUndone says what an Undo of an operation gets that the code does not run
// any more: the recorded result.
func TestRemovedOperationsAreUndone(t *testing.T) {
	t.Parallel()
	type taken struct {
		sync.Mutex
		values []string
	}
	charge := func(got *taken) op.Op[string] {
		return says("a").Undo(func(_ context.Context, v string) error {
			got.Lock()
			defer got.Unlock()
			got.values = append(got.values, v)
			return nil
		})
	}
	w, f := hourly("w"), silent(failing("f"))
	tests := []struct {
		reason string
		after  func(got *taken) version
	}{
		{"run in its place", func(got *taken) version { return stepwise(removed(charge(got)), w, f) }},
		{"started", func(got *taken) version {
			return func(ctx op.Context) (string, error) {
				past := replay.Go(ctx, op.Removed(charge(got)))
				said, err := stepwise(w, f)(ctx)
				if err != nil {
					return said, err
				}
				_, err = replay.Run(ctx, past.Result())
				return said, err
			}
		}},
		{"asked for", func(got *taken) version {
			return func(ctx op.Context) (string, error) {
				past, err := replay.Run(ctx, op.Removed(charge(got)))
				if err != nil {
					return "", err
				}
				if _, err := replay.Run(ctx, past.Result()); err != nil && !errors.Is(err, op.ErrRemoved) {
					return "", err
				}
				return stepwise(w, f)(ctx)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var got taken
			if ends := comesTo(t, stepwise(charge(&got), w), tt.after(&got)); !slices.Equal(ends, []string{"FAILED f"}) {
				t.Errorf("executions end as %q", ends)
			}
			if len(got.values) == 0 || slices.ContainsFunc(got.values, func(v string) bool { return v != "a" }) {
				t.Errorf("the Undo got %q, want the recorded result each time", got.values)
			}
		})
	}
}

// TestRefusedDeclarations is what only shows when code runs: it is refused whatever the log holds.
func TestRefusedDeclarations(t *testing.T) {
	t.Parallel()
	a, b := says("a"), says("b")
	tests := []struct {
		reason string
		code   version
		want   string
	}{
		{"code in place that is started", func(ctx op.Context) (string, error) {
			return replay.Run(ctx, replay.Go(ctx, inline(a)).Result())
		}, `replay: "inline": an op.Inline runs in its place and cannot be started by Go: start the operations inside, or make it an op.Group`},
		{"a side in place that is started", func(ctx op.Context) (string, error) {
			return replay.Run(ctx, replay.Go(ctx, op.Replaces(a, inline(b))).Result())
		}, `replay: "a": a side of it is the op.Inline "inline", which runs in its place and cannot be started by Go: ` +
			`start the operations inside and return their futures, or make it an op.Group`},
		{
			"a name that an old side has used", stepwise(removed(a), b, a),
			`replay: "a#2": the old side of a declared change before it has this name, too, so its place in the log would change when the ` +
				`declaration is dropped: give it a key and say that it had none, .Key("1").WasKey("")`,
		},
		{
			"a name that an old side has used, in a declared change", stepwise(b.Was("a"), op.Added(a, "")),
			`replay: "a#2": the old side of a declared change before it has this name, too, so its place in the log would change when the ` +
				`declaration is dropped: give it a key and say that it had none, .Key("1").WasKey("")`,
		},
		{
			"an item that its index identifies, renamed", stepwise(silent(op.Map("m", []string{"a"}, func(string) op.Op[string] { return b.Was("a") }))),
			`replay: "m": a declared change of an operand: each side is the branch "0", so that no log says which one was begun: give one of ` +
				`them another name or key, or put the declaration inside, op.Group("b", func(ctx op.Context) … { return replay.Run(ctx, op.Replaces(…)) })`,
		},
		{
			"a key that an old side has used", stepwise(a.Key("2").WasKey("1"), b, a.Key("1")),
			`replay: "a[1]#2": the old side of a declared change before it has this name and key, too, so its place in the log would change ` +
				`when the declaration is dropped: give it another key`,
		},
		{"an item that is said to be gone", stepwise(mapText("1 2", a.Key, op.WithRemoved(a.Key("2")))), alike("m", "2")},
		{"items whose keys change places", stepwise(mapText("1 2", func(item string) op.Op[string] {
			return a.Key(item).WasKey(map[string]string{"1": "2", "2": "1"}[item])
		})), alike("m", "1")},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			e := drive(t, tt.code.handler(), "null")
			if e.Failure() == nil || e.Failure().Message != tt.want {
				t.Errorf("the execution ended as %s, want\n%s", end(e), tt.want)
			}
		})
	}
}

// alike is why a batch is refused of which two operands may be one branch.
func alike(batch, branch string) string {
	return fmt.Sprintf("replay: %q: a declared change of an operand: two operands may be the branch %q, so that no log says which one was "+
		"begun: give one of them another name or key, and leave what an op.WithRemoved names out of the operands", batch, branch)
}

// TestRefusedUnderWay: executions that meet a declaration which is refused say why, and not that
// what they have recorded was removed.
func TestRefusedUnderWay(t *testing.T) {
	t.Parallel()
	a, w := says("a"), hourly("w")
	other := allOf([]op.Op[string]{a, says("b")})
	tests := []struct {
		reason        string
		before, after version
		want          string
		mayEnd        bool // code of a group that has ended does not run
	}{
		{"its own name", stepwise(a, w), stepwise(a.Was("a"), w), "both sides are a step of the name", false},
		{"the zero Op", stepwise(a, w), stepwise(op.Replaces(says("b"), op.Op[string]{}), w), "the zero Op", false},
		{"started", stepwise(a, w), func(ctx op.Context) (string, error) {
			return replay.Run(ctx, replay.Go(ctx, op.Replaces(says("b"), inline(a))).Result())
		}, "cannot be started by Go", false},
		{"of a batch", stepwise(other, w), stepwise(allOf([]op.Op[string]{a}, op.WithRemoved(a, says("b"))), w), "the batch still has it", false},
		{"of an operand", stepwise(other, w), stepwise(allOf([]op.Op[string]{a, op.Replaces(inline(a), says("b"))}), w), "make it an op.Group", false},
		{"in a group", stepwise(group("g", a, w)), stepwise(group("g", a.Was("a"), w)), "both sides are a step of the name", true},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			everyState(t, tt.before.handler(), tt.after.handler(), func(where string, e *local.Execution) {
				f := e.Failure()
				if f == nil && tt.mayEnd {
					return
				}
				if f == nil || !strings.Contains(f.Message, tt.want) || strings.Contains(f.Message, "op.Removed(") {
					t.Errorf("%s: the execution ended as %s, want a failure that says %q", where, end(e), tt.want)
				}
			})
		})
	}
}
