package conformance_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/replay/conformance"
)

// TestMutatedHistoriesFail: whatever of a history a requirement speaks of, a change of it is
// noticed. Each requirement's own history is changed in every such place.
func TestMutatedHistoriesFail(t *testing.T) {
	t.Parallel()
	for _, q := range requirements(t) {
		t.Run(q.Suite+"/"+q.ID, func(t *testing.T) {
			t.Parallel()
			problems, o, err := conformance.Judge(t.Context(), conformance.InProcess{}, q, seed)
			if err != nil || len(problems) > 0 {
				t.Skipf("the requirement is not met: %v %q", err, problems)
			}
			for _, m := range mutations(q, o.History) {
				vars, err := conformance.NewVars(q.Variables, seed)
				if err != nil {
					t.Fatal(err)
				}
				if len(vars.History(q.History, m.history)) == 0 {
					t.Errorf("not noticed: %s", m.what)
				}
			}
		})
	}
}

type mutation struct {
	what    string
	history []map[string]any
}

// mutations are all histories that differ from one in a place that the requirement speaks of.
func mutations(q *conformance.Requirement, history []map[string]any) []mutation {
	var all []mutation
	add := func(what string, change func(h []map[string]any) []map[string]any) {
		all = append(all, mutation{what: what, history: change(clone(history))})
	}
	uses := countVariables(q)
	for _, w := range q.History {
		id, _ := w["EventId"].(int)
		at := slices.IndexFunc(history, func(e map[string]any) bool { return e["EventId"] == float64(id) })
		add(fmt.Sprintf("event %d is missing", id), func(h []map[string]any) []map[string]any {
			return slices.Delete(h, at, at+1)
		})
		for _, path := range places(w, nil) {
			if len(path.keys) == 1 && path.keys[0] == "EventId" {
				continue
			}
			where := fmt.Sprintf("event %d, %s", id, strings.Join(path.keys, "."))
			add(where+" is missing", func(h []map[string]any) []map[string]any {
				delete(parent(h[at], path.keys), path.keys[len(path.keys)-1])
				return h
			})
			if path.decides(uses) {
				add(where+" is another", func(h []map[string]any) []map[string]any {
					parent(h[at], path.keys)[path.keys[len(path.keys)-1]] = "another \x00"
					return h
				})
			}
		}
	}
	last := q.History[len(q.History)-1]
	kind, _ := last["EventType"].(string)
	if id, _ := last["EventId"].(int); id == len(q.History)+1 && (kind == "InvocationCompleted" || strings.HasPrefix(kind, "Execution")) {
		add("an operation after the last event", func(h []map[string]any) []map[string]any {
			return append(h, map[string]any{"EventType": "StepStarted", "EventId": float64(len(h) + 1), "StepStartedDetails": map[string]any{}})
		})
	}
	return all
}

// place is something that a requirement says of an event.
type place struct {
	keys []string
	want any
}

func places(w map[string]any, above []string) []place {
	var all []place
	for _, key := range slices.Sorted(maps.Keys(w)) {
		keys := append(slices.Clone(above), key)
		all = append(all, place{keys: keys, want: w[key]})
		if in, ok := w[key].(map[string]any); ok {
			all = append(all, places(in, keys)...)
		}
	}
	return all
}

// decides reports whether the requirement tells one value from another there. A variable that is
// bound there and used nowhere else takes any.
func (p place) decides(uses map[string]int) bool {
	switch want := p.want.(type) {
	case map[string]any:
		return len(want) > 0
	case string:
		return want != "*" && uses[want] != 1
	}
	return true
}

// countVariables counts where variables that are not declared stand for a whole value.
func countVariables(q *conformance.Requirement) map[string]int {
	uses := make(map[string]int)
	for _, w := range q.History {
		for _, p := range places(w, nil) {
			text, ok := p.want.(string)
			name := strings.TrimSuffix(strings.TrimPrefix(text, "${"), "}")
			if _, declared := q.Variables[name]; ok && !declared && strings.HasPrefix(text, "${") && !strings.HasPrefix(text, "${/") {
				uses[text]++
			}
		}
	}
	return uses
}

func parent(e map[string]any, keys []string) map[string]any {
	for _, key := range keys[:len(keys)-1] {
		e, _ = e[key].(map[string]any)
	}
	return e
}

// clone copies a history.
func clone(history []map[string]any) []map[string]any {
	c := make([]map[string]any, len(history))
	for i, e := range history {
		c[i] = cloneObject(e)
	}
	return c
}

func cloneObject(m map[string]any) map[string]any {
	c := maps.Clone(m)
	for k, v := range c {
		if in, ok := v.(map[string]any); ok {
			c[k] = cloneObject(in)
		}
	}
	return c
}
