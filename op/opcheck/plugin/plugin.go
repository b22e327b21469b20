// Package plugin makes the rules of opcheck a module plugin of golangci-lint v2: name this package
// in .custom-gcl.yml, run golangci-lint custom, and enable the linter perdure.
package plugin

import (
	"fmt"
	"slices"

	"github.com/golangci/plugin-module-register/register"
	"golang.org/x/tools/go/analysis"

	"github.com/perdure/perdure/op/opcheck"
)

func init() { //nolint:gochecknoinits // golangci-lint finds plugins so
	register.Plugin("perdure", New)
}

// Settings are those of the linter in .golangci.yml.
type Settings struct {
	// Disable lists rules that do not report, Enable opt-in rules that do.
	Disable []string `json:"disable"`
	Enable  []string `json:"enable"`
	// Summaries is a file with further summaries of functions; the default is none.
	Summaries string `json:"summaries"`
}

// New makes the linter from its settings. The error says that a rule does not exist.
func New(settings any) (register.LinterPlugin, error) {
	s, err := register.DecodeSettings[Settings](settings)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Concat(s.Disable, s.Enable) {
		if !slices.ContainsFunc(opcheck.Rules(), func(r opcheck.Rule) bool { return r.Name == name }) {
			return nil, fmt.Errorf("perdure: rule %q does not exist", name)
		}
	}
	return plugin{s}, nil
}

type plugin struct{ Settings }

// GetLoadMode asks for types.
func (plugin) GetLoadMode() string { return register.LoadModeTypesInfo }

// BuildAnalyzers returns the analyzers of the rules that report.
func (p plugin) BuildAnalyzers() ([]*analysis.Analyzer, error) {
	all := opcheck.Analyzers()
	if p.Summaries != "" {
		if err := all[0].Flags.Set("summaries", p.Summaries); err != nil {
			return nil, err
		}
	}
	for _, a := range all[1:] {
		if a.Flags.Lookup("on") != nil && slices.Contains(p.Enable, a.Name) {
			if err := a.Flags.Set("on", "true"); err != nil {
				return nil, err
			}
		}
	}
	return slices.DeleteFunc(all, func(a *analysis.Analyzer) bool { return slices.Contains(p.Disable, a.Name) }), nil
}
