package replaytest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// TestShape compares changed code with the shape of the code before.
func TestShape(t *testing.T) {
	t.Chdir(t.TempDir())
	type amount struct{ ID, Amount string }
	type total struct{ ID, Total string }
	type more struct{ ID, Amount, Note string }
	sequence := func(run func(ctx op.Context) error) *replay.Function[int, string] {
		return replay.Handler(func(ctx op.Context, _ int) (string, error) {
			err := run(ctx)
			return "", err
		})
	}
	exec := func(ops ...func(ctx op.Context) error) *replay.Function[int, string] {
		return sequence(func(ctx op.Context) error {
			for _, run := range ops {
				if err := run(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	charge := func(ctx op.Context) error { return replay.Exec(ctx, stepOf("charge", amount{"p", "5"})) }
	ship := func(ctx op.Context) error { return replay.Exec(ctx, stepOf("ship", "shipped")) }
	wait := func(ctx op.Context) error { return replay.Exec(ctx, op.Wait("cool-off", time.Hour)) }
	items := func(items ...string) func(ctx op.Context) error {
		return func(ctx op.Context) error {
			return replay.Exec(ctx, op.Map("items", items, func(item string) op.Op[string] { return stepOf("pack", "packed-"+item) }))
		}
	}
	base := exec(charge, wait, ship, items("a", "b"))
	tests := []struct {
		reason string
		code   *replay.Function[int, string]
		want   []string
	}{
		{"the same code", base, nil},
		{"more at the end", exec(charge, wait, ship, items("a", "b"), func(ctx op.Context) error { return replay.Exec(ctx, stepOf("thank", 1)) }), []string{
			"free: thank is new, behind all others",
		}},
		{"one in between", exec(charge, func(ctx op.Context) error { return replay.Exec(ctx, stepOf("check", 1)) }, wait, ship, items("a", "b")), []string{
			`declare: check is new before cool-off: op.Added(op.Step("check", …), v) if it is new and executions past it get v`,
		}},
		{"one is gone", exec(charge, ship, items("a", "b")), []string{
			`declare: cool-off is gone: op.Removed(op.Wait("cool-off", …)) where it stood, or as the old side of op.Replaces`,
		}},
		{"one is renamed", exec(charge, func(ctx op.Context) error { return replay.Exec(ctx, op.Wait("grace", time.Hour)) }, ship, items("a", "b")), []string{
			`declare: cool-off is gone: op.Removed(op.Wait("cool-off", …)) where it stood, or as the old side of op.Replaces`,
			`declare: grace is new before ship: op.Wait("grace", …).Was("cool-off") if that was its name, or op.Added(op.Wait("grace", …), v) ` +
				"if it is new and executions past it get v",
		}},
		{"two change places", exec(wait, charge, ship, items("a", "b")), []string{
			`declare: charge comes later than it did: op.Replaces(op.Inline("new order", …), op.Inline("old order", …)) around what has changed places`,
		}},
		{"another kind of operation", exec(func(ctx op.Context) error { return replay.Exec(ctx, op.Wait("charge", time.Hour)) }, wait, ship, items("a", "b")), []string{
			`declare: charge is a Wait and was a Step: op.Replaces(op.Wait("charge", …), op.Step("charge", …))`,
		}},
		{"a member goes", exec(func(ctx op.Context) error { return replay.Exec(ctx, stepOf("charge", total{"p", "5"})) }, wait, ship, items("a", "b")), []string{
			`lossy: the result of charge has no place any more for "Amount":string: op.Replaces(new, op.Transform(old, convert)), in which old is "charge" as it was, and new has another name`,
		}},
		{"a member is added", exec(func(ctx op.Context) error { return replay.Exec(ctx, stepOf("charge", more{"p", "5", ""})) }, wait, ship, items("a", "b")), []string{
			`free: the result of charge has more: "Note":string`,
		}},
		{"another type", exec(charge, wait, func(ctx op.Context) error { return replay.Exec(ctx, stepOf("ship", 1)) }, items("a", "b")), []string{
			`declare: the result of ship is number and was string: op.Replaces(new, op.Transform(old, convert)), in which old is "ship" as it was, and new has another name`,
		}},
		{"items by index, one in front", exec(charge, wait, ship, items("c", "a", "b")), []string{
			`free: items[2] is new, behind all others`, `free: items[2]/pack is new, behind all others`,
			`lossy: at items[0]/pack stands another value ("packed-c", it was "packed-a"), and nothing but its place names it: give keys`,
			`lossy: at items[1]/pack stands another value ("packed-a", it was "packed-b"), and nothing but its place names it: give keys`,
		}},
	}
	loop := func(items ...string) func(ctx op.Context) error {
		return func(ctx op.Context) error {
			for _, item := range items {
				if err := replay.Exec(ctx, stepOf("round", item)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	t.Setenv(replaytest.UpdateVariable, "1")
	replaytest.Shape(t, "loop.shape", exec(loop("a", "b")), []int{1}, replaytest.AllowRepeats())
	replaytest.Shape(t, "order.shape", base, []int{1})
	t.Setenv(replaytest.UpdateVariable, "")
	text, err := os.ReadFile(filepath.Join("testdata", "order.shape"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `# 1
charge  Step  {"Amount":string,"ID":string}
cool-off  Wait
ship  Step  string
items  Map
items[0]  MapIteration
items[0]/pack  Step  string  = "packed-a"
items[1]  MapIteration
items[1]/pack  Step  string  = "packed-b"
`; string(text) != want {
		t.Errorf("the shape (-want +got):\n%s", cmp.Diff(want, string(text)))
	}
	r := record(t, func(tb *recorder) {
		replaytest.Shape(tb, "loop.shape", exec(loop("x", "y")), []int{1}, replaytest.AllowRepeats())
	})
	if len(r.errs) == 0 || !strings.Contains(r.errs[0], `lossy: at round#2 stands another value ("y", it was "b")`) {
		t.Errorf("other items of a loop without keys: %q", r.errs)
	}
	for _, tt := range tests {
		r := record(t, func(tb *recorder) { replaytest.Shape(tb, "order.shape", tt.code, []int{1}) })
		var got []string
		if len(r.errs) > 0 {
			got = strings.Split(r.errs[0], "\n")[1:]
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
}
