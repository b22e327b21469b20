package conformance

import (
	"fmt"
	"strings"
)

// Record is a line of a log.
type Record struct {
	// Time is when it was written, in milliseconds; Arrival orders lines of one time. Lines of one
	// time and arrival are before and after each other.
	Time, Arrival int64
	Fields        Object
}

// NewRecord reads a line: the members of a JSON object, else a message.
func NewRecord(time, arrival int64, line string) Record {
	line = strings.TrimSpace(line)
	fields, err := ReadObject([]byte(line))
	if err != nil {
		fields = Object{"message": line}
	}
	return Record{Time: time, Arrival: arrival, Fields: fields}
}

// Logs compares the lines of a function with the demands of a requirement and returns a sentence
// for each that is not met. A line is one that a demand is about if it has all of the demand's
// fields. What decides of a field is the value that is demanded, once the variables inside texts
// are replaced:
//
//  1. A text between slashes is searched for, as a pattern, in the value as a text.
//  2. Any other text is the value as a text, the space around both left aside.
//  3. A bool is the same bool, and no other value.
//  4. A number has the same value.
//  5. Of everything else the texts are the same.
func (v *Vars) Logs(want []Line, got []Record) []string {
	var problems []string
	for _, w := range want {
		match := v.expandObject(w.Match)
		mine, err := find(match, got)
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		at := "log " + show(match)
		problems = append(problems, w.count(at, len(mine))...)
		for _, anchor := range w.Before {
			problems = append(problems, order(at, "before", mine, v.expandObject(anchor), got)...)
		}
		for _, anchor := range w.After {
			problems = append(problems, order(at, "after", mine, v.expandObject(anchor), got)...)
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
		return problems
	}
	if w.Min != nil {
		check(n >= *w.Min, "at least", *w.Min)
	}
	if w.Max != nil {
		check(n <= *w.Max, "at most", *w.Max)
	}
	if w.Min == nil && w.Max == nil {
		check(n >= 1, "at least", 1)
	}
	return problems
}

// order says whether lines come before, or after, all lines that an anchor is about.
func order(at, relation string, mine []Record, anchor Object, got []Record) []string {
	anchors, err := find(anchor, got)
	if err != nil {
		return []string{err.Error()}
	}
	if len(anchors) == 0 {
		return []string{fmt.Sprintf("%s: there is no line %s that it could come %s", at, show(anchor), relation)}
	}
	for _, m := range mine {
		for _, a := range anchors {
			first, second := m, a
			if relation == "after" {
				first, second = a, m
			}
			if first.Time > second.Time || first.Time == second.Time && first.Arrival > second.Arrival {
				return []string{fmt.Sprintf("%s: does not come %s %s", at, relation, show(anchor))}
			}
		}
	}
	return nil
}

// find returns the lines that have all the fields.
func find(fields Object, got []Record) ([]Record, error) {
	var found []Record
	for _, r := range got {
		ok, err := has(r, fields)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, r)
		}
	}
	return found, nil
}

func has(r Record, fields Object) (bool, error) {
	for _, key := range sortedKeys(fields) {
		value, ok := r.Fields[key]
		if !ok {
			return false, nil
		}
		ok, err := field(fields[key], value)
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func field(want, got any) (bool, error) {
	if text, ok := want.(string); ok {
		value := strings.TrimSpace(str(got))
		if len(text) >= 2 && strings.HasPrefix(text, "/") && strings.HasSuffix(text, "/") {
			return search(text[1:len(text)-1], value)
		}
		return strings.TrimSpace(text) == value, nil
	}
	wantBool, isBool := want.(bool)
	gotBool, hasBool := got.(bool)
	if isBool || hasBool {
		return isBool && hasBool && wantBool == gotBool, nil
	}
	_, isNumber := rational(want)
	_, hasNumber := rational(got)
	if isNumber && hasNumber {
		return equal(want, got), nil
	}
	return str(want) == str(got), nil
}
