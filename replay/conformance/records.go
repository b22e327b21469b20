package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// checkRecords refuses words of demands on records that are not known.
func checkRecords(list []map[string]any) error {
	if len(list) == 0 {
		return errors.New("want at least one")
	}
	for i, m := range list {
		for _, word := range sortedKeys(m) {
			var err error
			switch word {
			case "record", "operations_by_name":
				_, err = objectOf(m[word])
			case "forbid_fields":
				_, err = textsOf(m[word])
			default:
				err = errors.New("the judge does not know the word")
			}
			if err != nil {
				return fmt.Errorf("%d, %s: %w", i, word, err)
			}
		}
	}
	return nil
}

// Records compares the records of executions that a function has written, those lines of its log
// that have a schemaVersion, with the demands of a requirement, and returns a sentence for each
// that is not met. There are as many as are expected, in their order.
func (v *Vars) Records(a *Assertions, logs []Record) (problems []string) {
	if a == nil || a.records == nil {
		return nil
	}
	var got []map[string]any
	for _, l := range logs {
		if _, ok := l.Fields["schemaVersion"]; ok {
			got = append(got, l.Fields)
		}
	}
	if len(got) != len(a.records) {
		return []string{fmt.Sprintf("%d records of executions, want %d", len(got), len(a.records))}
	}
	for i, want := range a.records {
		problems = append(problems, v.record(fmt.Sprintf("record %d", i), want, got[i])...)
	}
	return problems
}

func (v *Vars) record(at string, want, got map[string]any) (problems []string) {
	fields, _ := want["record"].(map[string]any)
	problems = v.integers(at, fields, got)
	forbidden, _ := textsOf(want["forbid_fields"]) // it was checked
	for _, name := range forbidden {
		if _, ok := got[name]; ok {
			problems = append(problems, fmt.Sprintf("%s: it has the member %s", at, name))
		}
	}
	operations, _ := want["operations_by_name"].(map[string]any)
	list, _ := got["operations"].([]any)
	for _, name := range sortedKeys(operations) {
		i := slices.IndexFunc(list, func(x any) bool {
			o, ok := x.(map[string]any)
			return ok && o["name"] == name
		})
		if i < 0 {
			problems = append(problems, fmt.Sprintf("%s: it has no operations named %s", at, name))
			continue
		}
		expected, _ := operations[name].(map[string]any)
		o, _ := list[i].(map[string]any)
		problems = append(problems, v.integers(at+", "+name, expected, o)...)
	}
	return problems
}

// integers compares the members of an object. Beside the rules of histories there is {$integer:
// {min: n}}: an integer of at least n.
func (v *Vars) integers(at string, want, got map[string]any) (problems []string) {
	for _, key := range sortedKeys(want) {
		value, ok := got[key]
		bounds, isInteger := integerBounds(want[key])
		switch {
		case !ok:
			problems = append(problems, fmt.Sprintf("%s: the key %s is missing", at, key))
		case !isInteger:
			problems = append(problems, v.match(at+"."+key, want[key], value)...)
		default:
			n, number := rational(value)
			least, _ := rational(bounds["min"])
			if _, isBool := value.(bool); !number || isBool || !n.IsInt() || least != nil && n.Cmp(least) < 0 {
				problems = append(problems, fmt.Sprintf("%s.%s: want an integer %s, got %s", at, key, show(bounds), show(value)))
			}
		}
	}
	return problems
}

func integerBounds(x any) (bounds map[string]any, ok bool) {
	m, _ := x.(map[string]any)
	bounds, ok = m["$integer"].(map[string]any)
	for k := range bounds {
		ok = ok && strings.HasPrefix(k, "min")
	}
	return bounds, ok && len(m) == 1
}
