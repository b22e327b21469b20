package check_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perdure/perdure/op/opcheck"
	"github.com/perdure/perdure/op/opcheck/check"
)

func findings() []check.Finding {
	return []check.Finding{
		{Rule: "clock", File: "a.go", Line: 3, Column: 4, Message: "50% of, this: x", Severity: opcheck.Error},
		{Rule: "allow", File: "b,c.go", Line: 1, Column: 2, Message: "two\nlines", Severity: opcheck.Warning},
		{Rule: "unresolved", File: "c.go", Line: 1, Column: 2, Message: "not followed", Severity: opcheck.Note},
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	tests := []struct{ format, reason, want string }{
		{"text", "for people, with a count", "a.go:3:4: 50% of, this: x (clock)\nb,c.go:1:2: two\nlines (allow)\nc.go:1:2: not followed (unresolved)\n1 errors, 1 warnings, 1 notes"},
		{"github", "what means something in a workflow command is escaped", "::error file=a.go,line=3,col=4,title=perdure check%3A clock::50%25 of, this: x\n" +
			"::warning file=b%2Cc.go,line=1,col=2,title=perdure check%3A allow::two%0Alines\n::notice file=c.go"},
		{"json", "for programs", `"severity": "note"`},
	}
	for _, tt := range tests {
		t.Run(tt.format, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := check.Print(&b, tt.format, findings()); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(b.String(), tt.want) {
				t.Errorf("%s: got %q, want %q in it", tt.reason, b.String(), tt.want)
			}
		})
	}
	if err := check.Print(&bytes.Buffer{}, "xml", nil); err == nil {
		t.Error("an unknown format is not refused")
	}
}

// What viewers of SARIF 2.1.0 need is there: each result names a rule of the driver by its place.
func TestSARIF(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := check.Print(&b, "sarif", findings()); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID   string
						Help struct{ Text, Markdown string }
					}
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if log.Version != "2.1.0" || len(run.Results) != 3 || len(run.Tool.Driver.Rules) != len(opcheck.Rules()) {
		t.Fatalf("got version %s, %d results, %d rules", log.Version, len(run.Results), len(run.Tool.Driver.Rules))
	}
	for i, f := range findings() {
		r := run.Results[i]
		rule := run.Tool.Driver.Rules[r.RuleIndex]
		at := r.Locations[0].PhysicalLocation
		if r.RuleID != f.Rule || rule.ID != f.Rule || rule.Help.Markdown == "" || r.Level != string(f.Severity) ||
			at.ArtifactLocation.URI != f.File || at.Region.StartLine != f.Line || at.Region.StartColumn != f.Column {
			t.Errorf("got %+v with rule %s, want %+v", r, rule.ID, f)
		}
	}
}

func TestFailed(t *testing.T) {
	t.Parallel()
	if all := findings(); !check.Failed(all) || check.Failed(all[2:]) || check.Failed(nil) {
		t.Error("errors and warnings fail, notes do not")
	}
}

// A main function finds out whether go vet calls it.
func TestIsTool(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		args   []string
		want   bool
	}{
		{"go vet asks for the version", []string{"-V=full"}, true},
		{"go vet asks for the flags", []string{"-flags"}, true},
		{"go vet has a package checked", []string{"-json", "-clock=false", "/tmp/b001/vet.cfg"}, true},
		{"without flags", []string{filepath.Join(os.TempDir(), "b001", "vet.cfg")}, true},
		{"a user runs the program", []string{"check", "./..."}, false},
		{"a user names a file", []string{"start", "order", "x.cfg"}, false},
		{"no arguments", nil, false},
	}
	for _, tt := range tests {
		if got := check.IsTool(tt.args); got != tt.want {
			t.Errorf("%s: IsTool(%q) = %v, want %v", tt.reason, tt.args, got, tt.want)
		}
	}
}
