package replaytest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/replay/replaytest"
)

// TestDeclaredOperations: what a package declares for executions that begin now.
func TestDeclaredOperations(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, source string
		want           []string
	}{
		{"a constructor and a builder", `package p
import "github.com/perdure/perdure/op"
var a = op.Step("charge", nil)
var b = op.StepFunc("pack", nil).Key(nil)`, []string{"charge", "pack"}},
		{"type arguments, and another name of the package", `package p
import durable "github.com/perdure/perdure/op"
var a = durable.WaitForCallback[string]("approve", nil)
var b = durable.Invoke[int, string]("rate", "rates", "EUR")`, []string{"approve", "rate"}},
		{"constants of the package and of a function", `package p
import "github.com/perdure/perdure/op"
const ship = "ship-items"
func f() { const wait = "cool-off"; _ = op.Wait(wait, 1); _ = op.Map(ship, nil, nil) }`, []string{"cool-off", "ship-items"}},
		{"names that are made when it runs are not known", `package p
import "github.com/perdure/perdure/op"
func f(name string) { _ = op.Step(name, nil) }`, nil},
		{"one inside of another", `package p
import "github.com/perdure/perdure/op"
var a = op.Timeout("in-time", op.Group("try", nil), 1)`, []string{"in-time", "try"}},
		{"what only old executions reach", `package p
import "github.com/perdure/perdure/op"
var a = op.Removed(op.Step("fax", nil))
var b = op.Replaces(op.Step("pay", nil), op.Step("charge", nil))
var c = op.Added(op.Step("check", nil), 1)`, []string{"check", "pay"}},
		{"no record, and no operation", `package p
import "github.com/perdure/perdure/op"
var a = op.Inline("both", nil)
var b = op.WithSubType("Step")`, nil},
		{"another package", `package p
import "example.com/op"
var a = op.Step("charge", nil)`, nil},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"p.go": tt.source, "notes.txt": "no code",
			"p_test.go": "package p\nimport \"github.com/perdure/perdure/op\"\nvar t = op.Step(\"test\", nil)",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := replaytest.DeclaredIn(dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
	if _, err := replaytest.DeclaredIn(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that is not there declares nothing")
	}
}

// TestShapeCoverage: an operation that no input reaches any more, or not yet, is a difference that
// says where it is declared.
func TestShapeCoverage(t *testing.T) {
	t.Parallel()
	const (
		one     = "# 1\ncharge  Step  string\n"
		refund  = "# 1\ncharge  Step  string\n# reached by no input\nrefund\n"
		reached = "# 1\ncharge  Step  string\nrefund  Step  string\n"
	)
	for _, tt := range []struct {
		reason, was, is string
		missed          []string
		unknown         bool
		want            []string
	}{
		{"all are reached", one, one, nil, false, nil},
		{"one is as unreached as it was", refund, refund, []string{"refund"}, false, nil},
		{"one is newly unreached", one, refund, []string{"refund"}, false, []string{"free: refund is declared (order/main.go:7), and no input reaches it: give one that does"}},
		{"it was reached", reached, refund, []string{"refund"}, false, []string{
			`declare: refund is gone: op.Removed(op.Step("refund", …)) where it stood, or as the old side of op.Replaces`,
			"free: refund is declared (order/main.go:7), and no input reaches it: give one that does",
		}},
		{"it is reached now", refund, reached, nil, false, []string{
			"free: refund is new, behind all others", "free: refund was reached by no input, and is, or is not declared any more",
		}},
		{"the files cannot be read", refund, one, nil, true, nil},
	} {
		if diff := cmp.Diff(tt.want, replaytest.ShapeChanges(tt.was, tt.is, tt.missed, !tt.unknown)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
}
