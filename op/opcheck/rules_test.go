package opcheck_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/perdure/perdure/op/opcheck"
)

// together is one analyzer that reports what all rules report, with the name of the rule before it:
// the packages are then loaded once, and a rule that reports where another is tested is seen.
// Suggested fixes are left out of packages that have no golden file for them.
func together(t *testing.T) *analysis.Analyzer {
	t.Helper()
	all := opcheck.Analyzers()
	for _, a := range all {
		if a.Flags.Lookup("on") != nil {
			if err := a.Flags.Set("on", "true"); err != nil {
				t.Fatal(err)
			}
		}
	}
	return &analysis.Analyzer{
		Name: "together", Doc: "report what all rules report", Requires: all[:1],
		Run: func(pass *analysis.Pass) (any, error) {
			for _, a := range all[1:] {
				p := *pass
				p.Report = func(d analysis.Diagnostic) {
					only := map[string]string{
						"unresolved": "shapes", "nan": "numbers", "bigint": "numbers", "blank": "guises", "unawaited": "guises",
					}[a.Name]
					if only != "" && pass.Pkg.Name() != only {
						return // noise in the packages of other rules
					}
					d.Message = a.Name + ": " + d.Message
					if pass.Pkg.Name() != "fixes" {
						d.SuggestedFixes = nil
					}
					pass.Report(d)
				}
				if _, err := a.Run(&p); err != nil {
					return nil, err
				}
			}
			return nil, nil
		},
	}
}

// Each rule finds what is marked in the packages, and nothing else; and the suggested fix of clock
// names the context that is in scope, and is not made where there is none. Most of the time is that
// of loading what the packages import, from source, so all are loaded at once.
func TestRules(t *testing.T) {
	t.Parallel()
	analysistest.RunWithSuggestedFixes(t, testModule(t), together(t), "./rules/...", "./fixes")
}

// testModule is the module with the packages that are checked.
func testModule(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("testdata", "mod"))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Each rule is found, and allowed, in the packages that TestRules checks, and has a page.
func TestEachRuleIsTested(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	err := filepath.WalkDir(filepath.Join(testModule(t), "rules"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		text.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range opcheck.Rules() {
		if r.Name == "idempotency" {
			continue // TestIdempotency: its data is the user's
		}
		if !strings.Contains(text.String(), "`"+r.Name+": ") {
			t.Errorf("rule %s: found in no package of testdata/mod/rules", r.Name)
		}
		if r.Name != "allow" && !strings.Contains(text.String(), "//perdure:allow "+r.Name+" ") && !strings.Contains(text.String(), "//perdure:allow "+r.Name+",") {
			t.Errorf("rule %s: allowed in no package of testdata/mod/rules", r.Name)
		}
	}
}
