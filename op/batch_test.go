package op_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/op"
)

func nil2zero(context.Context) (int, error) { return 0, nil }

var errBatch = errors.New("declined")

func TestAccessorsOfABatch(t *testing.T) {
	t.Parallel()
	ok := func(i, v int) op.Item[int] {
		return op.Item[int]{Index: i, Name: "pack", Status: op.StatusSucceeded, Value: v}
	}
	bad := op.Item[int]{Index: 1, Name: "pack", Status: op.StatusFailed, Err: errBatch}
	open := op.Item[int]{Index: 3, Name: "pack", Status: op.StatusStarted}
	tests := []struct {
		reason string
		b      op.Batch[int]
		status op.Status
		values []int
		counts string // succeeded, failed, started, all
		err    error
	}{
		{"empty", op.Batch[int]{}, op.StatusSucceeded, []int{}, "0 0 0 0", nil},
		{"all succeeded", op.Batch[int]{Items: []op.Item[int]{ok(0, 10), ok(1, 11)}}, op.StatusSucceeded, []int{10, 11}, "2 0 0 2", nil},
		{
			"one of each: the places of the values are not those of the items",
			op.Batch[int]{Items: []op.Item[int]{ok(0, 10), bad, ok(2, 12), open}},
			op.StatusFailed,
			[]int{10, 12},
			"2 1 1 4", errBatch,
		},
		{"what is under way is no failure", op.Batch[int]{Items: []op.Item[int]{open}}, op.StatusSucceeded, []int{}, "0 0 1 1", nil},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			counts := fmt.Sprint(len(tt.b.Succeeded()), len(tt.b.Failed()), len(tt.b.Started()), tt.b.Len())
			if tt.b.Status() != tt.status || counts != tt.counts || !errors.Is(tt.b.Err(), tt.err) || len(tt.b.Errors()) != len(tt.b.Failed()) {
				t.Errorf("status %s, counts %s, error %v", tt.b.Status(), counts, tt.b.Err())
			}
			if diff := cmp.Diff(tt.values, tt.b.Values()); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorOfABatchSurvivesTheLog(t *testing.T) {
	t.Parallel()
	err := &op.BatchError{Name: "ship", Reason: op.ReasonToleranceExceeded, Total: 5, Started: 4, Errs: []error{errBatch, errors.New("lost")}}
	if !errors.Is(err, errBatch) {
		t.Error("the error of an item is not found in it")
	}
	text, e := json.Marshal(err)
	if e != nil {
		t.Fatal(e)
	}
	var back op.BatchError
	if e := json.Unmarshal(text, &back); e != nil {
		t.Fatal(e)
	}
	if back.Error() != err.Error() || back.Name != "ship" || back.Reason != op.ReasonToleranceExceeded || back.Total != 5 || back.Started != 4 {
		t.Errorf("%+v\nreads as %s\nwant     %s", back, back.Error(), err.Error())
	}
	if again, e := json.Marshal(&back); e != nil || string(again) != string(text) {
		t.Errorf("written again as %s, %v, want %s", again, e, text)
	}
}

func TestBatchesThatCannotRunAreRefusedAtDeclaration(t *testing.T) {
	t.Parallel()
	step := func(name string) op.Op[int] { return op.Step(name, nil2zero) }
	each := func(int) op.Op[int] { return step("pack") }
	mapped := func(opts ...op.MapOption) op.Operation { return op.Map("ship", []int{1, 2}, each, opts...) }
	two := func(opts ...op.BatchOption) op.Operation {
		return op.Parallel("both", []op.Op[int]{step("a"), step("b")}, opts...)
	}
	tests := []struct {
		reason string
		o      op.Operation
		want   []string // the name of the operation, what is wrong, what to do
	}{
		{"concurrency of zero", mapped(op.WithMaxConcurrency(0)), []string{`"ship"`, "WithMaxConcurrency(0)", "leave it out"}},
		{"negative concurrency", two(op.WithMaxConcurrency(-1)), []string{`"both"`, "WithMaxConcurrency(-1)", "leave it out"}},
		{"no running body", mapped(op.WithMaxRunning(0)), []string{`"ship"`, "WithMaxRunning(0)", "leave it out"}},
		{"a minimum above the total", mapped(op.WithCompletion(op.MinSuccessful(3))), []string{`"ship"`, "MinSuccessful(3)", "only 2"}},
		{"a minimum of zero", mapped(op.WithCompletion(op.MinSuccessful(0))), []string{`"ship"`, "at least one"}},
		{"a negative tolerance", two(op.WithCompletion(op.Tolerate(-1))), []string{`"both"`, "zero or more"}},
		{"a percentage above a hundred", two(op.WithCompletion(op.ToleratePercent(101))), []string{`"both"`, "0 to 100"}},
		{"a negative percentage", two(op.WithCompletion(op.ToleratePercent(-1))), []string{`"both"`, "0 to 100"}},
		{"no predicate", two(op.WithCompletion(op.CompleteWhen(nil))), []string{`"both"`, "pass a predicate"}},
		{"no builder", op.Map[int, int]("ship", nil, nil), []string{`"ship"`, "nil function"}},
		{"no name", op.Map("", []int{1}, each), []string{"without a name", "give it one"}},
		{"a zero operand", op.All("all", step("a"), op.Op[int]{}), []string{`"all"`, "operand 1", "zero Op"}},
		{"an invalid operand", op.Race("race", op.Step[int]("a", nil)), []string{`"race"`, "operand 0", "nil function"}},
		{"operands of one name", op.Any("any", step("a"), step("a")), []string{`"any"`, "operands 0 and 1", "Op.Key"}},
		{"operands of one name and key", op.AllSettled("all", step("a").Key("k"), step("a").Key("k")), []string{`"all"`, `"k"`, "Op.Key"}},
		{"branches of one name", op.Parallel("both", []op.Op[int]{step("a"), step("a")}), []string{`"both"`, "Op.Key"}},
		{"joined operations of one name", op.Join2("join", step("a"), op.Wait("a", time.Second)), []string{`"join"`, "operands 0 and 1"}},
		{"a race of none", op.Race[int]("race"), []string{`"race"`, "never end", "pass at least one"}},
		{"any of none", op.Any[int]("any"), []string{`"any"`, "pass at least one"}},
		{"a selection from none", op.RaceWinner[int]("select"), []string{`"select"`, "pass at least one"}},
		{"a rule for an operation that has its own", op.Race("race", step("a")).With(op.WithCompletion(op.AllCompleted())), []string{`"race"`, "op.Map or op.Parallel"}},
		{"batch options on a step", step("a").With(op.WithFlat()), []string{`"a"`, "only batches"}},
		{"a limit below a second", op.Timeout("limit", step("a"), time.Millisecond), []string{`"limit"`}},
		{"a limit of an invalid operation", op.Timeout("limit", op.Op[int]{}, time.Second), []string{`"limit"`, "zero Op"}},
		{"a callback that a branch would create", op.All("all", op.CreateCallback[int]("approval")), []string{`"all"`, "create the callback before", "Result()"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			err := op.Validate(tt.o)
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range append(tt.want, "op: ") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v\ndoes not say %q", err, part)
				}
			}
		})
	}
}

func TestBatchesThatCanRun(t *testing.T) {
	t.Parallel()
	step := func(name string) op.Op[int] { return op.Step(name, nil2zero) }
	for reason, o := range map[string]op.Operation{
		"all of none":               op.All[int]("all"),
		"all settled of none":       op.AllSettled[int]("all"),
		"a map of none":             op.Map("ship", nil, func(int) op.Op[int] { return step("pack") }),
		"no branches":               op.Parallel[int]("both", nil),
		"one name, different keys":  op.All("all", step("a").Key("1"), step("a").Key("2")),
		"a combinator with options": op.Race("race", step("a")).With(op.WithMaxRunning(1), op.WithCancelLosers(), nil),
	} {
		if err := op.Validate(o); err != nil {
			t.Errorf("%s: %v", reason, err)
		}
	}
}
