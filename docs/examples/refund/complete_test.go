package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// tree reads a template without its tags: !GetAtt A.B is the text "A.B".
func tree(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(`(: |- |\[)!(Sub|Ref|GetAtt) `).ReplaceAll(text, []byte("$1"))
	var all map[string]any
	if err := yaml.Unmarshal(plain, &all); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return all
}

// at returns what is below some keys.
func at(t *testing.T, x any, path ...string) any {
	t.Helper()
	for i, key := range path {
		m, ok := x.(map[string]any)
		if !ok || m[key] == nil {
			t.Fatalf("there is no %s", strings.Join(path[:i+1], "."))
		}
		x = m[key]
	}
	return x
}

// TestCompleteIsTheTemplate: the function of complete.yaml is that of template.yaml, and more.
func TestCompleteIsTheTemplate(t *testing.T) {
	t.Parallel()
	simple, _ := at(t, tree(t, "template.yaml"), "Resources", "Refund", "Properties").(map[string]any)
	complete, _ := at(t, tree(t, "complete.yaml"), "Resources", "Refund", "Properties").(map[string]any)
	durable, _ := complete["DurableConfig"].(map[string]any)
	if durable["KMSKeyArn"] != "Key.Arn" {
		t.Errorf("the key is %v", durable["KMSKeyArn"])
	}
	delete(durable, "KMSKeyArn")
	for key, want := range simple {
		if diff := cmp.Diff(want, complete[key]); key != "Policies" && diff != "" {
			t.Errorf("%s differs (-template +complete):\n%s", key, diff)
		}
	}
}

// TestCompleteFitsTheAlarms: what it takes from the stack of alarms is there, and what it shows is
// what alarms.yaml counts. cfn-lint looks into one template at a time, and not into a dashboard.
func TestCompleteFitsTheAlarms(t *testing.T) {
	t.Parallel()
	complete, alarms := tree(t, "complete.yaml"), tree(t, "alarms.yaml")
	text, err := os.ReadFile("complete.yaml")
	if err != nil {
		t.Fatal(err)
	}
	outputs := regexp.MustCompile(`Alarms\.Outputs\.(\w+)`).FindAllStringSubmatch(string(text), -1)
	if len(outputs) != 2 {
		t.Errorf("%d outputs are used, want the log group and the queue", len(outputs))
	}
	for _, o := range outputs {
		at(t, alarms, "Outputs", o[1])
	}
	given, _ := at(t, complete, "Resources", "Alarms", "Properties", "Parameters").(map[string]any)
	wanted, _ := at(t, alarms, "Parameters").(map[string]any)
	for name := range wanted {
		if given[name] == nil {
			t.Errorf("the stack of alarms is not given %s", name)
		}
	}
	function, _ := at(t, complete, "Resources", "Refund", "Properties", "FunctionName").(string)
	if given["FunctionName"] != function {
		t.Errorf("alarms are of %v, and the function is %s", given["FunctionName"], function)
	}

	body, _ := at(t, complete, "Resources", "Dashboard", "Properties", "DashboardBody").(string)
	var dashboard struct {
		Widgets []struct {
			Type       string
			X, Y       *int
			Width      int
			Height     int
			Properties struct {
				Title, Query string
				Metrics      [][]any
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &dashboard); err != nil {
		t.Fatalf("the dashboard is no JSON: %v", err)
	}
	counted, err := os.ReadFile("alarms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, w := range dashboard.Widgets {
		if w.X == nil || w.Y == nil || w.Width == 0 || w.Height == 0 || w.Properties.Title == "" || len(w.Properties.Metrics) == 0 && w.Properties.Query == "" {
			t.Errorf("a widget has no place, no title or nothing to show: %+v", w)
		}
		for _, m := range w.Properties.Metrics {
			if m[0] != "Perdure" {
				continue
			}
			shown++
			name, _ := m[1].(string)
			if metric := "MetricName: !Sub \"" + strings.Replace(name, function, "${FunctionName}", 1) + `"`; !strings.Contains(string(counted), metric) {
				t.Errorf("alarms.yaml does not count %s", name)
			}
		}
	}
	if all := strings.Count(string(counted), "Type: AWS::Logs::MetricFilter"); shown != all {
		t.Errorf("the dashboard shows %d of %d metrics of alarms.yaml", shown, all)
	}
}
