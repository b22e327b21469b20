package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Record is a line of a log.
type Record struct {
	// Time is when it was written, in milliseconds; Arrival orders lines of one time.
	Time, Arrival int64
	Fields        map[string]any
}

// NewRecord reads a line: the members of a JSON object, else a message.
func NewRecord(time, arrival int64, line string) Record {
	r := Record{Time: time, Arrival: arrival}
	if json.Unmarshal([]byte(line), &r.Fields) != nil || r.Fields == nil {
		r.Fields = map[string]any{"message": line}
	}
	return r
}

// Logs compares the lines of a function with the demands of a requirement and returns a sentence
// for each that is not met. A line is one that a demand is about if it has all of the demand's
// fields: texts are equal but for the space around them, or found if they stand between slashes,
// which takes any value for its text; other values are equal.
func (v *Vars) Logs(want []Line, got []Record) []string {
	var problems []string
	for _, w := range want {
		mine, err := v.find(w.Match, got)
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		at := "log " + show(v.expandAll(normal(w.Match)))
		problems = append(problems, w.count(at, len(mine))...)
		for _, anchor := range w.Before {
			problems = append(problems, v.order(at, "before", mine, anchor, got)...)
		}
		for _, anchor := range w.After {
			problems = append(problems, v.order(at, "after", mine, anchor, got)...)
		}
	}
	return problems
}

// count says whether n lines are too few or too many.
func (w Line) count(at string, n int) []string {
	var problems []string
	check := func(ok bool, what string, want int) {
		if !ok {
			problems = append(problems, fmt.Sprintf("%s: want %s %d, got %d", at, what, want, n))
		}
	}
	if w.Count != nil {
		check(n == *w.Count, "exactly", *w.Count)
	}
	if w.Min != nil {
		check(n >= *w.Min, "at least", *w.Min)
	}
	if w.Max != nil {
		check(n <= *w.Max, "at most", *w.Max)
	}
	if w.Count == nil && w.Min == nil && w.Max == nil {
		check(n >= 1, "at least", 1)
	}
	return problems
}

// order says whether lines come before, or after, all lines that an anchor is about.
func (v *Vars) order(at, relation string, mine []Record, anchor map[string]any, got []Record) []string {
	anchors, err := v.find(anchor, got)
	if err != nil {
		return []string{err.Error()}
	}
	if len(anchors) == 0 {
		return []string{fmt.Sprintf("%s: there is no line %s that it could come %s", at, show(v.expandAll(normal(anchor))), relation)}
	}
	for _, m := range mine {
		for _, a := range anchors {
			first, second := m, a
			if relation == "after" {
				first, second = a, m
			}
			if first.Time > second.Time || first.Time == second.Time && first.Arrival > second.Arrival {
				return []string{fmt.Sprintf("%s: does not come %s %s", at, relation, show(v.expandAll(normal(anchor))))}
			}
		}
	}
	return nil
}

// find returns the lines that have all the fields.
func (v *Vars) find(fields map[string]any, got []Record) ([]Record, error) {
	var found []Record
	for _, r := range got {
		ok, err := v.has(r, fields)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, r)
		}
	}
	return found, nil
}

func (v *Vars) has(r Record, fields map[string]any) (bool, error) {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		value, ok := r.Fields[key]
		if !ok {
			return false, nil
		}
		ok, err := v.field(normal(fields[key]), value)
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (v *Vars) field(want, got any) (bool, error) {
	text, ok := want.(string)
	if !ok {
		return equal(want, got), nil
	}
	text = strings.TrimSpace(v.Expand(text))
	if len(text) > 2 && strings.HasPrefix(text, "/") && strings.HasSuffix(text, "/") {
		return search(text[1:len(text)-1], got)
	}
	if s, ok := got.(string); ok {
		got = strings.TrimSpace(s)
	}
	return equal(text, got), nil
}
