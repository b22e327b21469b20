package replay_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestRehearsalNamesWhatRunsUnderAnOlderName asks which records of a log are those of old sides,
// and what the code calls them today.
func TestRehearsalNamesWhatRunsUnderAnOlderName(t *testing.T) {
	t.Parallel()
	a, b, x := rested("a", "a"), rested("b", "b"), rested("x", "x")
	w := hourly("w")
	list := func(ops ...op.Op[string]) []op.Op[string] { return ops }
	keyed := func(item string) op.Op[string] { return rested("item", item).Key(item) }
	tests := []struct {
		reason        string
		before, after version
		want          []string // "recorded name: name today"
	}{
		{"a step", stepwise(says("charge-card"), w), stepwise(says("pay").Was("charge-card"), w), []string{"charge-card: pay"}},
		{"a key", stepwise(says("remind"), w), stepwise(says("remind").Key("first").WasKey(""), w), []string{"remind: remind[first]"}},
		{"changed twice", stepwise(says("a"), w), stepwise(op.Replaces(says("c"), says("b").Was("a")), w), []string{"a: c"}},
		{"of another kind", stepwise(says("a"), w), stepwise(op.Replaces(group("g", says("c")), says("a")), w), []string{"a: g"}},
		{"removed", stepwise(says("a"), w), stepwise(removed(says("a")), w), []string{"a: "}},
		{"several operations are none of them", stepwise(says("a"), says("b"), w), stepwise(op.Replaces(group("g", says("a"), says("b")), inline(says("a"), says("b"))), w), nil},
		{"a new one was never there", stepwise(says("a"), w), stepwise(op.Added(says("c"), ""), says("a"), w), nil},
		{"who has not begun it needs nothing", stepwise(w), stepwise(w, says("pay").Was("charge-card")), nil},
		{"an operand of All", stepwise(allOf(list(says("a"), b)), w), stepwise(allOf(list(op.Replaces(says("x"), says("a")), b)), w), []string{"a: x"}},
		{"an operand that is a group has no record", stepwise(allOf(list(a, b)), w), stepwise(allOf(list(a, op.Replaces(x, b))), w), nil},
		{"a branch", stepwise(parallelOf(list(a, b)), w), stepwise(parallelOf(list(a, op.Replaces(x, b))), w), []string{"b: x"}},
		{"a branch that is gone", stepwise(parallelOf(list(a, b)), w), stepwise(parallelOf(list(a), op.WithRemoved(b)), w), []string{"b: "}},
		{"an item with another key", stepwise(mapText("a b", keyed), w), stepwise(mapText("a b", func(item string) op.Op[string] {
			return keyed(item).Key("k" + item).WasKey(item)
		}), w), []string{"a: ka", "b: kb"}},
		{
			"an item that has a key now", stepwise(mapText("a b", func(item string) op.Op[string] { return rested("item", item) }), w),
			stepwise(mapText("a b", func(item string) op.Op[string] { return keyed(item).WasKey("") }), w),
			[]string{"item-0: a", "item-1: b"},
		},
		{"a branch of an open parallel", stepwise(opened(op.Branch("a", stepwise(says("c"), w)))), stepwise(opened(op.Replaces(op.Branch("b", stepwise(says("c"), w)), op.Branch("a", stepwise(says("c"), w))))), []string{"a: b"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) { return tt.after(ctx) })
			h := newHome(t)
			e := h.begin(t, tt.before.handler(), "null")
			if err := e.RunUntilSuspended(t.Context()); err != nil {
				t.Fatal(err)
			}
			r, err := f.Rehearse(context.Background(), e.Log())
			if err != nil {
				t.Fatal(err)
			}
			names := make(map[string]string)
			for _, o := range e.Operations() {
				names[o.ID] = o.Name
			}
			var got []string
			for _, d := range r.Declared {
				if d.ID != "" && !slices.ContainsFunc(e.Operations(), func(o checkpoint.Operation) bool { return o.ID == d.ID }) {
					t.Errorf("the log has no operation %s, which %s names", d.ID, d)
				}
				if d.ID != "" {
					got = append(got, strings.TrimSuffix(names[d.ID]+": "+d.Now, "\n"))
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || r.Verdict != replay.VerdictFits {
				t.Errorf("the rehearsal %s, %v; names (-want +got):\n%s", r.Verdict, r.Diverged, diff)
			}
		})
	}
}

// opened is an open parallel of one operation.
func opened(o op.Op[string]) op.Op[string] {
	return op.OpenParallel("open", func(ctx op.Context) (string, error) { return replay.Run(ctx, replay.Go(ctx, o).Result()) })
}
