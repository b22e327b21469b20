package cli_test

import (
	"strings"
	"testing"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		args         []string
		code         int
		out, err     string // parts
	}{
		{name: "rules", reason: "each with its severity", args: []string{"check", "--rules"}, out: "maporder        The order of a map reaches an operation (error)"},
		{name: "explain", reason: "the page of a rule", args: []string{"check", "--explain", "clock"}, out: "## Mend"},
		{name: "explain nothing", reason: "a rule that does not exist", args: []string{"check", "--explain", "clocks"}, code: cli.ExitUsage, err: "--rules lists them"},
		{name: "disable nothing", reason: "a rule that does not exist", args: []string{"check", "--disable", "clocks"}, code: cli.ExitUsage, err: "--rules lists them"},
		{name: "format", reason: "the formats are named", args: []string{"check", "--format", "xml"}, code: cli.ExitUsage, err: "text, json, github, sarif"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := newSite(t).run(tt.args...)
			if got.code != tt.code || !strings.Contains(got.out, tt.out) || !strings.Contains(got.err, tt.err) {
				t.Errorf("%s: got %d, %q, %q; want %d, %q, %q", tt.reason, got.code, got.out, got.err, tt.code, tt.out, tt.err)
			}
		})
	}
}
