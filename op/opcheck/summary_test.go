package opcheck_test

import (
	"context"
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
		want, not          string // a rule that is found, and one that is not
	}{
		{name: "none", reason: "without a file the helper's clock is found", want: "clock"},
		{name: "pure", reason: "the user knows better", text: "pure example.test/shop/planted/pricing/...\n", not: "clock"},
		{name: "network", reason: "a function that the checker could not follow", text: "network example.test/shop/planted/pricing.Total\n", want: "network", not: "environ"},
		{
			name: "key", reason: "the opt-in rule asks for the key", enable: []string{"idempotency"},
			text: "keyed example.test/shop/planted/orders.Cards.Charge\n", want: "idempotency",
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
			if tt.text != "" {
				c.Summaries = filepath.Join(t.TempDir(), "summaries.txt")
				write(t, c.Summaries, tt.text)
			}
			found, err := check.Run(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			has := func(rule string) bool {
				return slices.ContainsFunc(found, func(f check.Finding) bool {
					return f.Rule == rule && f.Line < 70 || f.Rule == rule && rule == "idempotency"
				})
			}
			if tt.want != "" && !has(tt.want) || tt.not != "" && has(tt.not) || has("random") {
				t.Errorf("%s: got %v, want %q, not %q, nor random, which is disabled", tt.reason, found, tt.want, tt.not)
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

// Each rule has a page with all sections.
func TestEachRuleHasAPage(t *testing.T) {
	t.Parallel()
	for _, r := range opcheck.Rules() {
		for _, part := range []string{"# " + r.Name + ": ", "## What\n", "## Why\n", "## How it fails\n", "## Mend\n", "## Allow\n", "## What stops it\n"} {
			if !strings.Contains(r.Page(), part) {
				t.Errorf("rule %s: the page has no %q", r.Name, part)
			}
		}
	}
}
