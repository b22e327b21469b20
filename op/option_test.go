package op_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
)

// Every option is given what a forgotten field holds: nil, zero, the empty string. It is refused,
// or its documentation says what it means. An option that is not in the table fails the test, so
// that a new one is thought about.
func TestEveryOptionGivenNothing(t *testing.T) {
	t.Parallel()
	do := func(o op.StepOption) op.Operation { return op.Do("x", func(context.Context) error { return nil }, o) }
	batch := func(o op.BatchOption) op.Operation {
		return op.Parallel("x", []op.Op[op.None]{op.Wait("a", time.Hour)}, o)
	}
	submit := func(context.Context, string) error { return nil }
	check := func(context.Context, int) (int, bool, error) { return 0, true, nil }
	each := op.StepFunc("each", func(_ context.Context, n int) (int, error) { return n, nil })
	step := op.Step("x", func(context.Context) (int, error) { return 1, nil })
	tests := []struct {
		option  string
		op      op.Operation
		refused bool
		reason  string
	}{
		{"WithErrors", do(op.WithErrors()), false, "none is registered"},
		{"WithErrors", do(op.WithErrors(codec.KnownError{})), true, "the zero registration is of nothing"},
		{"WithCodec", do(op.WithCodec(nil)), false, "the handler's"},
		{"WithCodec", step.WithCodec(codec.Typed[int]{}), true, "the zero codec converts nothing"},
		{"WithRetry", do(op.WithRetry(nil)), true, "it says neither that attempts are made nor that they are not"},
		{"WithRetryIf", do(op.WithRetryIf()), false, "every error may be retried"},
		{"WithRetryIf", do(op.WithRetryIf(nil)), true, "it cannot be asked"},
		{"WithSemantics", do(op.WithSemantics(0)), true, "no semantics is zero"},
		{"WithTimeout", do(op.WithTimeout(0)), false, "no timeout"},
		{"WithHeartbeatTimeout", op.CreateCallback[int]("x", op.WithHeartbeatTimeout(0)), false, "no timeout"},
		{"WithSubmit", op.WaitForCallback[int]("x", submit, op.WithSubmit()), false, "the defaults of a step"},
		{"WithSubmit", op.WaitForCallback[int]("x", submit, op.WithSubmit(nil)), false, "a nil option is none"},
		{"WithSubType", op.Group("x", func(op.Context) (int, error) { return 0, nil }, op.WithSubType("")), true, "the service wants one"},
		{"WithTenant", op.Invoke[int]("x", "f", 1, op.WithTenant("")), false, "no tenant"},
		{"WithInputCodec", op.Invoke[int]("x", "f", 1, op.WithInputCodec(nil)), false, "the handler's"},
		{"WithExecutionName", op.Start("x", "f", 1, op.WithExecutionName("")), false, "a derived name"},
		{"WithStarting", op.Start("x", "f", 1, op.WithStarting()), false, "the defaults of a step"},
		{"WithStarting", op.Start("x", "f", 1, op.WithStarting(nil)), false, "a nil option is none"},
		{"WithPolling", op.WaitForCondition("x", 0, check, op.WithPolling(nil)), true, "a condition needs a policy"},
		{"WithMaxConcurrency", batch(op.WithMaxConcurrency(0)), true, "nothing could begin"},
		{"WithMaxRunning", batch(op.WithMaxRunning(0)), true, "nothing could run"},
		{"WithCompletion", batch(op.WithCompletion()), false, "the default"},
		{"WithCompletion", batch(op.WithCompletion(op.CompleteWhen(nil))), true, "it cannot be asked"},
		{"WithCompletion", batch(op.WithCompletion(op.MinSuccessful(0))), true, "nothing is asked for"},
		{"WithRemoved", batch(op.WithRemoved()), false, "nothing is gone"},
		{"WithRemoved", batch(op.WithRemoved(nil)), true, "it has no name"},
		{"WithFlat", batch(op.WithFlat()), false, "it takes nothing"},
		{"WithCrashCounting", do(op.WithCrashCounting()), false, "it takes nothing"},
		{"WithCancelLosers", batch(op.WithCancelLosers()), false, "it takes nothing"},
		{"WithChunks", op.Map("x", []int{1}, each, op.WithChunks(0, 0)), true, "chunks without a bound"},
		{"WithSummary", step.WithSummary(nil), true, "it cannot be called"},
		{"MapError", step.MapError(nil), true, "it cannot be called"},
		{"Undo", step.Undo(nil), true, "it cannot be called"},
		{"UndoAttempted", step.UndoAttempted(nil), true, "it cannot be called"},
		{"With", step.With(), true, "a step is no batch"},
		{"Key", each.Key(nil)(1), true, "it cannot be called"},
		{"Key", step.Key(""), false, "no key"},
		{"Retry", op.Retry("x", step, nil), true, "a retry needs a policy"},
		{"Timeout", op.Timeout("x", step, 0), true, "nothing would be in time"},
	}
	tried := make(map[string]bool)
	for _, tt := range tests {
		tried[tt.option] = true
		if err := op.Validate(tt.op); (err != nil) != tt.refused {
			t.Errorf("%s: %s: got %v", tt.option, tt.reason, err)
		}
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	options := 0
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && strings.HasPrefix(f.Name.Name, "With") && f.Name.Name != "WithValue" {
				if options++; !tried[f.Name.Name] {
					t.Errorf("%s: %s is not tried with nothing: add it to the table", name, f.Name.Name)
				}
			}
		}
	}
	if options < 18 {
		t.Errorf("the package has %d options", options)
	}
}
