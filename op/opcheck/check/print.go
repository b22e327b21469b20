package check

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/perdure/perdure/op/opcheck"
)

// Formats are the formats that [Print] knows.
func Formats() []string { return []string{"text", "json", "github", "sarif"} }

// Print writes findings in a format: text is for people, json for programs, github makes
// annotations of a workflow, and sarif is SARIF 2.1.0.
func Print(w io.Writer, format string, found []Finding) error {
	switch format {
	case "text", "":
		return text(w, found)
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if found == nil {
			found = []Finding{}
		}
		return enc.Encode(found)
	case "github":
		return github(w, found)
	case "sarif":
		return sarif(w, found)
	}
	return fmt.Errorf("check: format %q: want one of %s", format, strings.Join(Formats(), ", "))
}

func text(w io.Writer, found []Finding) error {
	count := make(map[opcheck.Severity]int)
	for _, f := range found {
		count[f.Severity]++
		if _, err := fmt.Fprintf(w, "%s:%d:%d: %s (%s)\n", f.File, f.Line, f.Column, f.Message, f.Rule); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%d errors, %d warnings, %d notes; perdure check --explain RULE says how to mend one\n",
		count[opcheck.Error], count[opcheck.Warning], count[opcheck.Note])
	return err
}

// github writes workflow commands.
// Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
func github(w io.Writer, found []Finding) error {
	level := map[opcheck.Severity]string{opcheck.Error: "error", opcheck.Warning: "warning", opcheck.Note: "notice"}
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	for _, f := range found {
		_, err := fmt.Fprintf(w, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", level[f.Severity],
			property.Replace(filepath.ToSlash(f.File)), f.Line, f.Column, property.Replace("perdure check: "+f.Rule), message.Replace(f.Message))
		if err != nil {
			return err
		}
	}
	return nil
}

// The parts of SARIF 2.1.0 that are written.
// Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Columns string        `json:"columnKind"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		URI   string      `json:"informationUri"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string       `json:"id"`
		Short   sarifMessage `json:"shortDescription"`
		Help    sarifMessage `json:"help"`
		HelpURI string       `json:"helpUri"`
		Default sarifLevel   `json:"defaultConfiguration"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifMessage struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId,omitempty"`
	}
	sarifRegion struct {
		Line   int `json:"startLine"`
		Column int `json:"startColumn,omitempty"`
	}
)

func sarif(w io.Writer, found []Finding) error {
	run := sarifRun{Columns: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "perdure check", URI: "https://github.com/perdure/perdure"}
	rules := opcheck.Rules()
	for _, r := range rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: r.Name, Short: sarifMessage{Text: r.Title}, HelpURI: r.URL(),
			Help: sarifMessage{Text: r.Title + ": see " + r.URL(), Markdown: r.Page()}, Default: sarifLevel{string(r.Severity)},
		})
	}
	for _, f := range found {
		artifact := sarifArtifact{URI: filepath.ToSlash(f.File), Base: "%SRCROOT%"}
		if filepath.IsAbs(f.File) {
			artifact = sarifArtifact{URI: "file://" + filepath.ToSlash(f.File)}
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: f.Rule, RuleIndex: slices.IndexFunc(rules, func(r opcheck.Rule) bool { return r.Name == f.Rule }),
			Level: string(f.Severity), Message: sarifMessage{Text: f.Message},
			Locations: []sarifLocation{{sarifPhysical{artifact, sarifRegion{max(f.Line, 1), f.Column}}}},
		})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}
