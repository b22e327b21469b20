package plugin_test

import (
	"slices"
	"testing"

	"github.com/golangci/plugin-module-register/register"
	"golang.org/x/tools/go/analysis"

	"github.com/perdure/perdure/op/opcheck"
	"github.com/perdure/perdure/op/opcheck/plugin"
)

// golangci-lint finds the plugin by its name, and its settings choose rules.
func TestPlugin(t *testing.T) {
	t.Parallel()
	newPlugin, err := register.GetPlugin("perdure")
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlugin(map[string]any{"disable": []string{"clock"}, "enable": []string{"unresolved"}})
	if err != nil {
		t.Fatal(err)
	}
	if mode := p.GetLoadMode(); mode != register.LoadModeTypesInfo {
		t.Errorf("load mode %q: facts need types", mode)
	}
	all, err := p.BuildAnalyzers()
	if err != nil {
		t.Fatal(err)
	}
	if err := analysis.Validate(all); err != nil {
		t.Fatal(err)
	}
	if len(all) != len(opcheck.Rules()) { // one for the facts, less one
		t.Errorf("got %d analyzers of %d rules", len(all), len(opcheck.Rules()))
	}
	for _, a := range all {
		if a.Name == "clock" {
			t.Error("clock is disabled, and there")
		}
		if on := a.Flags.Lookup("on"); on != nil && (on.Value.String() == "true") != (a.Name == "unresolved") {
			t.Errorf("%s is on: %s", a.Name, on.Value)
		}
	}
	for _, settings := range []any{
		map[string]any{"disable": []string{"clocks"}}, map[string]any{"enable": []string{"x"}}, map[string]any{"rules": []string{"clock"}},
	} {
		if _, err := plugin.New(settings); err == nil {
			t.Errorf("settings %v are not refused", settings)
		}
	}
}

// The analyzers are valid for any driver, and each rule has one.
func TestAnalyzers(t *testing.T) {
	t.Parallel()
	all := opcheck.Analyzers()
	if err := analysis.Validate(all); err != nil {
		t.Fatal(err)
	}
	for _, r := range opcheck.Rules() {
		if !slices.ContainsFunc(all, func(a *analysis.Analyzer) bool { return a.Name == r.Name && a.URL == r.URL() }) {
			t.Errorf("rule %s has no analyzer", r.Name)
		}
	}
}
