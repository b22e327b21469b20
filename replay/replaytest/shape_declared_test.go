package replaytest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/replay/replaytest"
)

// TestShapeKnowsDeclaredChanges: a difference whose declaration was pasted does not ask for it any
// more, and says where it is.
func TestShapeKnowsDeclaredChanges(t *testing.T) {
	t.Parallel()
	const (
		old      = "# 1\ncharge  Step  string\ncool-off  Wait\nship  Step  string\n"
		inserted = "# 1\ncheck  Step  string\ncharge  Step  string\ncool-off  Wait\nship  Step  string\n"
		removed  = "# 1\ncharge  Step  string\nship  Step  string\n"
		renamed  = "# 1\npay  Step  string\ncool-off  Wait\nship  Step  string\n"
		number   = "# 1\ncharge  Step  number\ncool-off  Wait\nship  Step  string\n"
	)
	const begin = "package p\nimport \"github.com/perdure/perdure/op\"\n"
	tests := []struct {
		reason, code, now string
		want              []string
	}{
		{
			"nothing is declared", `var a = op.Step("check", nil)`, inserted,
			[]string{`declare: check is new before charge: op.Added(op.Step("check", …), v) if it is new and executions past it get v`},
		},
		{
			"the line was pasted", `var a = op.Added(op.Step("check", nil), true)`, inserted,
			[]string{"declared: check is new before charge, and p/p.go:3 declares a change of it"},
		},
		{
			"another operation is declared", `var a = op.Added(op.Step("other", nil), true)`, inserted,
			[]string{`declare: check is new before charge: op.Added(op.Step("check", …), v) if it is new and executions past it get v`},
		},
		{
			"one is gone", `var a = op.Removed(op.Wait("cool-off", 1))`, removed,
			[]string{"declared: cool-off is gone, and p/p.go:3 declares a change of it"},
		},
		{
			"one has another name", `var a = op.Step("pay", nil).Was("charge")`, renamed,
			[]string{
				"declared: charge is gone, and p/p.go:3 declares a change of it",
				"declared: pay is new before cool-off, and p/p.go:3 declares a change of it",
			},
		},
		{
			"the old side of another operation", `var a = op.Replaces(op.Step("pay", nil), op.Step("charge", nil))`, renamed,
			[]string{
				"declared: charge is gone, and p/p.go:3 declares a change of it",
				"declared: pay is new before cool-off, and p/p.go:3 declares a change of it",
			},
		},
		{
			"a result of another type is declared under another name", `var a = op.Added(op.Step("check", nil), 1)`, number,
			[]string{`declare: the result of charge is number and was string: op.Replaces(new, op.Transform(old, convert)), in which old is "charge" as it was, and new has another name`},
		},
	}
	for _, tt := range tests {
		dir := filepath.Join(t.TempDir(), "p")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(begin+tt.code+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := replaytest.DeclaredShapeChanges(dir, old, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], filepath.Dir(dir)+string(filepath.Separator), "")
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", tt.reason, diff, strings.TrimSpace(tt.code))
		}
	}
}
