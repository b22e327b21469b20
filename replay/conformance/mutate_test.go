package conformance_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/perdure/perdure/replay/conformance"
)

// TestMutantsAreNoticed: whatever of an execution a requirement speaks of, a change of it is
// noticed, and nothing else is. What each requirement's own execution has left behind is changed in
// every such place, one at a time; a second reading of the rules, in oracle_test.go, says whether
// the change matters.
func TestMutantsAreNoticed(t *testing.T) {
	t.Parallel()
	var count mutants
	t.Cleanup(func() { t.Log("\n" + count.String()) })
	for _, q := range requirements(t) {
		t.Run(q.Suite+"/"+q.ID, func(t *testing.T) {
			t.Parallel()
			if why := notJudged(q); q.Err != nil || why != "" {
				t.Skip(why, q.Err)
			}
			problems, o, err := conformance.Judge(t.Context(), conformance.InProcess{}, q, seed)
			if err != nil || len(problems) > 0 {
				t.Fatalf("the requirement is not met: %v %q", err, problems)
			}
			if len(o.Spans) > 0 {
				// The spans have the IDs of the history, which would not be judged alone.
				alone := *q
				alone.Telemetry = nil
				q = &alone
			}
			rules := newOracle(t, q, o)
			for _, m := range slices.Concat(rules.historyMutants(), resultMutants(q, o), rules.logMutants()) {
				vars, err := conformance.NewVars(q.Variables, seed)
				if err != nil {
					t.Fatal(err)
				}
				noticed := vars.Compare(q, m.seen)
				bad := m.bad || !rules.meets(m.seen)
				switch {
				case bad && len(noticed) == 0:
					t.Errorf("%s, %s: not noticed", m.kind, m.what)
				case !bad && len(noticed) > 0:
					t.Errorf("%s, %s: noticed, though the rules allow it: %q", m.kind, m.what, noticed)
				case !bad && m.why == "":
					t.Errorf("%s, %s: allowed, and no rule says why", m.kind, m.what)
				}
				count.add(m, bad)
			}
		})
	}
}

// mutant is an observation with one change.
type mutant struct {
	kind, what string
	seen       *conformance.Observation
	// bad says that the result is wrong; of histories and logs the oracle says it.
	bad bool
	// why is the rule that allows the change, if it is allowed.
	why string
}

// historyMutants are all histories that differ from one in a place that the requirement speaks of.
func (r *oracle) historyMutants() []mutant {
	q, o := r.q, r.seen
	var all []mutant
	add := func(kind, what, why string, change func(h []conformance.Object) []conformance.Object) {
		seen := *o
		seen.History = change(clone(o.History))
		all = append(all, mutant{kind: kind, what: what, why: why, seen: &seen})
	}
	for n, w := range q.History {
		at := position(o.History, w)
		event := fmt.Sprintf("event %v", w["EventId"])
		add("event missing", event, "", func(h []conformance.Object) []conformance.Object { return slices.Delete(h, at, at+1) })
		for _, p := range places(w, nil) {
			if slices.Equal(p.keys, []string{"EventId"}) {
				continue // it is how the event is found
			}
			where := event + ", " + strings.Join(p.keys, ".")
			add("key missing", where, "", func(h []conformance.Object) []conformance.Object {
				delete(parent(h[at], p.keys), p.keys[len(p.keys)-1])
				return h
			})
			for what, other := range others(p.want) {
				add("value changed", where+" "+what, r.why(p), func(h []conformance.Object) []conformance.Object {
					parent(h[at], p.keys)[p.keys[len(p.keys)-1]] = other
					return h
				})
			}
		}
		if n > 0 {
			before := position(o.History, q.History[n-1])
			add("events swapped", event+" and the one before", "each is one that the other's place takes", func(h []conformance.Object) []conformance.Object {
				h[at]["EventId"], h[before]["EventId"] = h[before]["EventId"], h[at]["EventId"]
				return h
			})
		}
	}
	for _, kind := range []string{"StepStarted", "InvocationCompleted", "ExecutionSucceeded"} {
		add("event added", kind+" after the last", "the list has gaps, or one end may follow", func(h []conformance.Object) []conformance.Object {
			id := fmt.Sprintf(`{"EventType": %q, "EventId": %d, %q: {}}`, kind, len(h)+1, kind+"Details")
			e, err := conformance.ReadObject([]byte(id))
			if err != nil {
				panic(err)
			}
			return append(h, e)
		})
	}
	return all
}

// others are values that differ from one that is expected, each in its way.
func others(want any) map[string]any {
	all := map[string]any{"is another": "another \x00", "is null": nil, "is an empty object": map[string]any{}}
	if text, ok := want.(string); ok {
		all["is longer"] = text + "x"
	}
	return all
}

// resultMutants are outcomes that differ from one in a place that the requirement speaks of.
func resultMutants(q *conformance.Requirement, o *conformance.Observation) []mutant {
	if q.Result == nil {
		return nil
	}
	var all []mutant
	add := func(kind, status, result, why string) {
		seen := *o
		seen.Status, seen.Result = status, []byte(result)
		all = append(all, mutant{kind: kind, what: status + " " + result, seen: &seen, bad: why == "", why: why})
	}
	for _, status := range []string{"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "RUNNING"} {
		if status != o.Status {
			add("status changed", status, string(o.Result), "")
		}
	}
	why := ""
	if q.Result.Value.Kind == 0 || o.Status != "SUCCEEDED" {
		why = "no result is demanded"
	}
	for _, other := range []string{`"another"`, `{"more": 1}`, `[1]`, `not JSON`, `1.5`} {
		add("result changed", o.Status, other, why)
	}
	for _, other := range changedJSON(string(o.Result)) {
		add("result changed", o.Status, other, why)
	}
	return all
}

// changedJSON are JSON texts that differ from one in a letter or a digit.
func changedJSON(text string) []string {
	var all []string
	for i, c := range []byte(text) {
		if c >= 'a' && c <= 'y' || c >= '0' && c <= '8' {
			all = append(all, text[:i]+string(c+1)+text[i+1:])
		}
	}
	return all
}

// mutants counts.
type mutants struct {
	mu      sync.Mutex
	all     map[string]int
	noticed map[string]int
	allowed map[string]int // by kind and reason
}

func (c *mutants) add(m mutant, bad bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all, c.noticed, c.allowed = make(map[string]int), make(map[string]int), make(map[string]int)
	}
	c.all[m.kind]++
	if bad {
		c.noticed[m.kind]++
		return
	}
	c.allowed[m.kind+"\t"+m.why]++
}

func (c *mutants) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "mutants\tall\tto be noticed\tallowed\tbecause")
	all, noticed := 0, 0
	for _, kind := range slices.Sorted(maps.Keys(c.all)) {
		fmt.Fprintf(w, "%s\t%d\t%d\t\t\n", kind, c.all[kind], c.noticed[kind])
		all, noticed = all+c.all[kind], noticed+c.noticed[kind]
		for _, row := range slices.Sorted(maps.Keys(c.allowed)) {
			if why, ok := strings.CutPrefix(row, kind+"\t"); ok {
				fmt.Fprintf(w, "\t\t\t%d\t%s\n", c.allowed[row], why)
			}
		}
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%d\t\n", all, noticed, all-noticed)
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return b.String()
}
