package opcheck_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/op/opcheck"
	"github.com/perdure/perdure/op/opcheck/check"
)

// A user's file of summaries adds functions, takes effects away, and says which APIs take a key.
func TestUserSummaries(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds the tool")
	}
	tests := []struct {
		name, reason, text string
		enable             []string
		want               []string // rules that find something
		not                []string // and rules that do not, although they do without the file: TestPlantedMistakes
	}{
		{
			name: "pure and keyed", reason: "the user knows better, and the opt-in rule asks for the key", enable: []string{"idempotency"},
			text: "pure example.test/shop/planted/pricing/...\nkeyed example.test/shop/planted/orders.Cards.Charge\n",
			want: []string{"idempotency"}, not: []string{"clock"},
		},
		{
			name: "network", reason: "a function that the checker could not follow",
			text: "network example.test/shop/planted/pricing.Total\n", want: []string{"network"}, not: []string{"environ", "idempotency"},
		},
	}
	tool := buildTool(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := check.Config{
				Dir: testModule(t), Patterns: []string{"./planted/orders"}, Tool: tool, Enable: tt.enable,
				Disable: []string{"random"}, Env: append(os.Environ(), "GOWORK=off"), Err: os.Stderr,
			}
			c.Summaries = filepath.Join(t.TempDir(), "summaries.txt")
			write(t, c.Summaries, tt.text)
			found, err := check.Run(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			has := func(rule string) bool {
				return slices.ContainsFunc(found, func(f check.Finding) bool {
					return f.Rule == rule && f.Line < 70 || f.Rule == rule && rule == "idempotency"
				})
			}
			for _, rule := range tt.want {
				if !has(rule) {
					t.Errorf("%s: %s finds nothing: %v", tt.reason, rule, found)
				}
			}
			for _, rule := range append(tt.not, "random") { // random is disabled
				if has(rule) {
					t.Errorf("%s: %s finds something: %v", tt.reason, rule, found)
				}
			}
		})
	}
}

func TestWrongConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		config       check.Config
	}{
		{name: "rule", reason: "a rule that does not exist", config: check.Config{Disable: []string{"clocks"}}},
		{name: "opt-in", reason: "nor can it be enabled", config: check.Config{Enable: []string{"x"}}},
		{name: "summaries", reason: "a file that does not exist", config: check.Config{Summaries: "none.txt"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := check.Run(context.Background(), tt.config); err == nil {
				t.Errorf("%s: got no error", tt.reason)
			}
		})
	}
}

// Each rule has a page with all sections, and docs/determinism.md has the last one, what stops the
// mistake, in its table.
func TestEachRuleHasAPage(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile(filepath.Join("..", "..", "docs", "determinism.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range opcheck.Rules() {
		for _, part := range []string{"# " + r.Name + ": ", "## What\n", "## Why\n", "## How it fails\n", "## Mend\n", "## Allow\n", "## What stops it\n"} {
			if !strings.Contains(r.Page(), part) {
				t.Errorf("rule %s: the page has no %q", r.Name, part)
			}
		}
		page := strings.TrimSpace(r.Page())
		stops := page[strings.LastIndex(page, "\n")+1:]
		if strings.Count(stops, " | ") != 3 {
			t.Errorf("rule %s: the page ends with %q, want a row for compiler, checker, test kit and engine", r.Name, stops)
		}
		row := fmt.Sprintf("| %s | [%s](../op/opcheck/docs/%s.md) %s\n", r.Title, r.Name, r.Name, stops)
		if !strings.Contains(string(table), row) {
			t.Errorf("rule %s: docs/determinism.md does not have the row\n%s", r.Name, row)
		}
	}
}
