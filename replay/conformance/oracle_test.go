package conformance_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dlclark/regexp2"

	"github.com/perdure/perdure/replay/conformance"
)

// oracle is a second, plain reading of the rules by which histories and logs are judged. It knows
// what the variables of a requirement were bound to when it was met.
type oracle struct {
	q      *conformance.Requirement
	seen   *conformance.Observation
	values map[string]any
	uses   map[string]int // of each variable, in all that is expected
	name   *regexp.Regexp
}

func newOracle(t *testing.T, q *conformance.Requirement, seen *conformance.Observation) *oracle {
	t.Helper()
	r := &oracle{
		q: q, seen: seen, values: make(map[string]any), uses: make(map[string]int),
		name: regexp.MustCompile(`\$\{(\w+)\}`),
	}
	vars, err := conformance.NewVars(q.Variables, seed)
	if err != nil {
		t.Fatal(err)
	}
	for name := range q.Variables {
		r.values[name] = vars.Expand("${" + name + "}")
	}
	for _, w := range q.History {
		for _, p := range places(w, nil) {
			text, _ := p.want.(string)
			name := strings.Trim(text, "${}")
			if _, bound := r.values[name]; text == "${"+name+"}" && !bound {
				got := seen.History[position(seen.History, w)]
				r.values[name] = parent(got, p.keys)[p.keys[len(p.keys)-1]]
			}
		}
	}
	for _, part := range []any{q.History, q.Logs} {
		text, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.name.FindAllStringSubmatch(string(text), -1) {
			r.uses[m[1]]++
		}
	}
	return r
}

// free reports whether a text is a variable that is bound where it stands and used nowhere else.
func (r *oracle) free(text string) bool {
	name := strings.Trim(text, "${}")
	_, declared := r.q.Variables[name]
	return text == "${"+name+"}" && !declared && r.uses[name] == 1
}

// meets reports whether an observation meets the demands on history and log.
func (r *oracle) meets(o *conformance.Observation) bool {
	for _, w := range r.q.History {
		at := position(o.History, w)
		if at < 0 || !r.accepts(map[string]any(w), map[string]any(o.History[at])) {
			return false
		}
	}
	return r.endsWell(o.History) && !slices.ContainsFunc(r.q.Logs, func(w conformance.Line) bool { return !r.logged(w, o.Logs) })
}

// accepts reports whether a value is one that is expected.
func (r *oracle) accepts(want, got any) bool {
	switch want := want.(type) {
	case map[string]any:
		in, ok := got.(map[string]any)
		for key, w := range want {
			g, has := in[key]
			ok = ok && has && r.accepts(w, g)
		}
		return ok || len(want) == 0
	case []any:
		in, ok := got.([]any)
		ok = ok && len(in) == len(want)
		for i := range want {
			ok = ok && r.accepts(want[i], in[i])
		}
		return ok
	case string:
		switch {
		case want == "*" || r.free(want):
			return true
		case strings.HasPrefix(want, "${/"):
			return contains(want[3:len(want)-2], spell(got))
		}
		return r.fill(want) == got
	}
	return spell(want) == spell(got)
}

// fill replaces variables.
func (r *oracle) fill(text string) string {
	return r.name.ReplaceAllStringFunc(text, func(s string) string { return spell(r.values[s[2:len(s)-1]]) })
}

// spell is a value as a text.
func spell(x any) string {
	switch x := x.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[x]
	case *big.Int:
		return x.String()
	}
	return fmt.Sprint(x)
}

// endsWell reports whether nothing follows the expected events that must not.
func (r *oracle) endsWell(history []conformance.Object) bool {
	ids := make([]int, len(r.q.History))
	for i, w := range r.q.History {
		ids[i] = number(w)
	}
	if len(ids) == 0 || ids[0] > 2 || ids[len(ids)-1]-ids[0] != len(ids)-1 {
		return true
	}
	kinds := []string{spell(r.q.History[len(ids)-1]["EventType"])}
	for _, e := range history {
		if number(e) > ids[len(ids)-1] {
			kinds = append(kinds, spell(e["EventType"]))
		}
	}
	form := strings.Join(kinds, " ")
	return !regexp.MustCompile(`^(InvocationCompleted|Execution\w+)( |$)`).MatchString(form) ||
		regexp.MustCompile(`^(Execution\w+|InvocationCompleted( InvocationCompleted)?( Execution\w+)?)$`).MatchString(form)
}

// logged reports whether a demand on a log is met.
func (r *oracle) logged(w conformance.Line, lines []conformance.Record) bool {
	mine := r.lines(w.Match, lines)
	least, most := 1, len(lines)
	switch {
	case w.Count != nil:
		least, most = *w.Count, *w.Count
	case w.Min != nil || w.Max != nil:
		least = 0
		if w.Min != nil {
			least = *w.Min
		}
		if w.Max != nil {
			most = *w.Max
		}
	}
	ok := least <= len(mine) && len(mine) <= most
	for _, anchor := range w.After {
		those := r.lines(anchor, lines)
		ok = ok && len(those) > 0 && !slices.ContainsFunc(mine, func(at []int64) bool {
			return slices.Compare(at, slices.MaxFunc(those, slices.Compare[[]int64])) < 0
		})
	}
	for _, anchor := range w.Before {
		those := r.lines(anchor, lines)
		ok = ok && len(those) > 0 && !slices.ContainsFunc(mine, func(at []int64) bool {
			return slices.Compare(at, slices.MinFunc(those, slices.Compare[[]int64])) > 0
		})
	}
	return ok
}

// lines are the times of the lines that have all the fields.
func (r *oracle) lines(fields conformance.Object, lines []conformance.Record) [][]int64 {
	var found [][]int64
	for _, l := range lines {
		ok := true
		for key, want := range fields {
			got, has := l.Fields[key]
			text, isText := want.(string)
			switch {
			case isText && strings.HasPrefix(text, "/"):
				ok = ok && has && contains(strings.Trim(r.fill(text), "/"), spell(got))
			case isText:
				ok = ok && has && strings.TrimSpace(r.fill(text)) == strings.TrimSpace(spell(got))
			default:
				ok = ok && has && fmt.Sprintf("%T", want) == fmt.Sprintf("%T", got) && spell(want) == spell(got)
			}
		}
		if ok {
			found = append(found, []int64{l.Time, l.Arrival})
		}
	}
	return found
}

// logMutants are all logs that differ from one in a place that the requirement speaks of.
func (r *oracle) logMutants() []mutant {
	var all []mutant
	add := func(kind, what string, change func(l []conformance.Record) []conformance.Record) {
		seen := *r.seen
		seen.Logs = slices.Clone(r.seen.Logs)
		for i := range seen.Logs {
			seen.Logs[i].Fields = maps.Clone(seen.Logs[i].Fields)
		}
		seen.Logs = change(seen.Logs)
		all = append(all, mutant{kind: kind, what: what, why: "no demand is about it, or enough are left", seen: &seen})
	}
	if len(r.q.Logs) == 0 {
		return nil
	}
	for i, line := range r.seen.Logs {
		what := fmt.Sprintf("line %d", i)
		add("line missing", what, func(l []conformance.Record) []conformance.Record { return slices.Delete(l, i, i+1) })
		add("line repeated", what, func(l []conformance.Record) []conformance.Record { return append(l, line) })
		if i > 0 {
			add("lines swapped", what+" and the one before", func(l []conformance.Record) []conformance.Record {
				l[i].Time, l[i-1].Time = l[i-1].Time, l[i].Time
				l[i].Arrival, l[i-1].Arrival = l[i-1].Arrival, l[i].Arrival
				return l
			})
		}
		for key := range line.Fields {
			add("field missing", what+", "+key, func(l []conformance.Record) []conformance.Record {
				delete(l[i].Fields, key)
				return l
			})
			for how, other := range others(line.Fields[key]) {
				add("field changed", what+", "+key+" "+how, func(l []conformance.Record) []conformance.Record {
					l[i].Fields[key] = other
					return l
				})
			}
		}
	}
	for n, w := range r.q.Logs {
		fields := conformance.Object{}
		for key, want := range w.Match {
			fields[key] = want
			if text, ok := want.(string); ok {
				fields[key] = strings.NewReplacer("/.*/", "any", "/.+/", "any").Replace(r.fill(text))
			}
		}
		add("line added", fmt.Sprintf("one as demand %d has it", n), func(l []conformance.Record) []conformance.Record {
			return append(l, conformance.Record{Time: l[len(l)-1].Time + 1, Fields: fields})
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

// why names the rule by which a place takes more than one value.
func (r *oracle) why(p place) string {
	text, _ := p.want.(string)
	switch in, isObject := p.want.(map[string]any); {
	case isObject && len(in) == 0:
		return "{} takes any value"
	case text == "*":
		return "* takes any value"
	case strings.HasPrefix(text, "${/"):
		return "the pattern is found"
	case r.free(text):
		return "the variable is bound there, and used nowhere else"
	}
	return ""
}

func number(e conformance.Object) int {
	id, _ := e["EventId"].(*big.Int)
	if id == nil {
		return 0
	}
	return int(id.Int64())
}

// position finds the event that an expected one is about, -1 if there is none.
func position(history []conformance.Object, want conformance.Object) int {
	return slices.IndexFunc(history, func(e conformance.Object) bool { return number(e) == number(want) })
}

// parent returns the object that holds the last key.
func parent(e map[string]any, keys []string) map[string]any {
	for _, key := range keys[:len(keys)-1] {
		e, _ = e[key].(map[string]any)
	}
	return e
}

// clone copies a history.
func clone(history []conformance.Object) []conformance.Object {
	c := make([]conformance.Object, len(history))
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

// contains reports whether a pattern is found in a text; one that looks ahead or behind, too.
func contains(pattern, text string) bool {
	found, err := regexp2.MustCompile(pattern, regexp2.None).MatchString(text)
	return err == nil && found
}
