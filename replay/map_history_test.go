package replay_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// nested lists the events of operations with the name of the operation around them.
func nested(e *local.Execution) []string {
	names := map[string]string{}
	var lines []string
	for _, ev := range e.History() {
		if ev.OperationID == "" || strings.HasPrefix(string(ev.Type), "Execution") {
			continue
		}
		names[ev.OperationID] = ev.Name
		line := fmt.Sprintf("%s %s %s", ev.Type, ev.SubType, ev.Name)
		if ev.ParentID != "" {
			line += " in " + names[ev.ParentID]
		}
		if ev.Result.Present() && !strings.Contains(ev.Result.String(), "perdure") {
			line += " = " + ev.Result.String()
		}
		lines = append(lines, line)
	}
	return lines
}

func TestHistoriesOfBatches(t *testing.T) {
	t.Parallel()
	step := func(s string) op.Op[string] { return plainStep("pack", s) }
	group := func(s string) op.Op[string] {
		return op.Group("box", func(ctx op.Context) (string, error) { return replay.Run(ctx, step(s)) })
	}
	keyed := op.Builder[string, string](step).Key(func(s string) string { return "SKU/" + s })
	ab := []string{"a", "b"}
	one := op.WithMaxConcurrency(1)
	item := func(name, result string) []string {
		return []string{
			"ContextStarted MapIteration " + name + " in ship", "StepStarted Step pack in " + name,
			"StepSucceeded Step pack in " + name + " = " + result, "ContextSucceeded MapIteration " + name + " in ship = " + result,
		}
	}
	wrap := func(subType, name string, parts ...[]string) []string {
		lines := []string{"ContextStarted " + subType + " " + name}
		for _, p := range parts {
			lines = append(lines, p...)
		}
		return append(lines, "ContextSucceeded "+subType+" "+name)
	}
	flat := []string{
		"StepStarted Step pack in ship", `StepSucceeded Step pack in ship = "a"`,
		"StepStarted Step pack in ship", `StepSucceeded Step pack in ship = "b"`,
	}
	tests := []struct {
		reason string
		o      op.Op[op.Batch[string]]
		want   []string
	}{
		{"items without keys", op.Map("ship", ab, step, one), wrap("Map", "ship", item("item-0", `"a"`), item("item-1", `"b"`))},
		{"items with keys have the key as their name", op.Map("ship", ab, keyed, one), wrap("Map", "ship", item("SKU/a", `"a"`), item("SKU/b", `"b"`))},
		{"flat", op.Map("ship", ab, step, one, op.WithFlat()), wrap("Map", "ship", flat)},
		{"a plain group is no second context", op.Map("ship", ab, group, one), wrap("Map", "ship", item("item-0", `"a"`), item("item-1", `"b"`))},
		{"a plain group in a flat batch has no context at all", op.Map("ship", ab, group, one, op.WithFlat()), wrap("Map", "ship", flat)},
		{"a sub-type of one's own", op.Map("ship", []string{}, step, op.WithSubType("Shipping")), wrap("Shipping", "ship")},
		{"no items", op.Map("ship", nil, step), wrap("Map", "ship")},
		{"no branches", op.Parallel[string]("both", nil), wrap("Parallel", "both")},
		{
			"branches have the names of their operations", op.Parallel("both", []op.Op[string]{step("a"), group("b")}, one),
			wrap("Parallel", "both", []string{
				"ContextStarted ParallelBranch pack in both", "StepStarted Step pack in pack", `StepSucceeded Step pack in pack = "a"`,
				`ContextSucceeded ParallelBranch pack in both = "a"`,
				"ContextStarted ParallelBranch box in both", "StepStarted Step pack in box", `StepSucceeded Step pack in box = "b"`,
				`ContextSucceeded ParallelBranch box in both = "b"`,
			}),
		},
		{
			"a batch in a branch has a record of its own", op.Parallel("both", []op.Op[string]{op.Any("any", step("a"))}),
			wrap("Parallel", "both", []string{
				"ContextStarted ParallelBranch any in both", "ContextStarted RunInChildContext any in any",
				"StepStarted Step pack in any", `StepSucceeded Step pack in any = "a"`,
				"ContextSucceeded RunInChildContext any in any", "ContextSucceeded ParallelBranch any in both",
			}),
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				b, err := replay.Run(ctx, tt.o)
				return string(b.Reason), err
			}), "null")
			if diff := cmp.Diff(tt.want, nested(e)); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
			if want := `SUCCEEDED "ALL_COMPLETED"`; end(e) != want {
				t.Errorf("ended as %s, want %s", end(e), want)
			}
		})
	}
}

func TestPathsInBatches(t *testing.T) {
	t.Parallel()
	path := func(name string) op.Op[string] {
		return op.Step(name, func(ctx context.Context) (string, error) {
			info, _ := op.InfoFrom(ctx)
			return info.Path, nil
		})
	}
	each := op.Builder[string, string](func(string) op.Op[string] { return path("pack-item") })
	keyed := each.Key(func(s string) string { return s })
	group := op.GroupFunc("order", func(ctx op.Context, s string) (string, error) {
		b, err := replay.Run(ctx, op.Map("ship", []string{"x"}, each))
		return strings.Join(b.Values(), ""), err
	})
	items := []string{"SKU-1", "a/b"}
	tests := []struct {
		reason string
		o      op.Op[op.Batch[string]]
		want   []string
	}{
		{"by index", op.Map("ship", items, each), []string{"ship[0]/pack-item", "ship[1]/pack-item"}},
		{"by key", op.Map("ship", items, keyed), []string{"ship[SKU-1]/pack-item", "ship[a%2Fb]/pack-item"}},
		{"flat", op.Map("ship", items, keyed, op.WithFlat()), []string{"ship[SKU-1]/pack-item", "ship[a%2Fb]/pack-item"}},
		{"by the branch's name", op.Parallel("both", []op.Op[string]{path("left"), path("right")}), []string{"both[left]/left", "both[right]/right"}},
		{"three deep", op.Map("orders", items[:1], group), []string{"orders[0]/ship[0]/pack-item"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var got []string
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				b, err := replay.Run(ctx, tt.o)
				got = b.Values()
				return op.None{}, err
			}), "null")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("paths (-want +got):\n%s\n%s", diff, end(e))
			}
		})
	}
}

// The IDs of branches depend on their keys or places alone, not on which one runs first.
func TestIDsOfBranchesDoNotDependOnScheduling(t *testing.T) {
	t.Parallel()
	batch := oplog.ID("", "ship", "", 0)
	for range 20 {
		e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			return op.None{}, replay.Exec(ctx, op.Map("ship", []int{0, 1, 2, 3}, func(i int) op.Op[string] {
				return plainStep("pack", strconv.Itoa(i))
			}))
		}), "null")
		for i := range 4 {
			branch := oplog.ID(batch, "item", "", i)
			rec, ok := e.Operation(oplog.ID(branch, "pack", "", 0))
			if !ok || rec.Payload.String() != fmt.Sprintf("%q", strconv.Itoa(i)) {
				t.Fatalf("the step of item %d has the result %s", i, rec.Payload)
			}
		}
	}
}
