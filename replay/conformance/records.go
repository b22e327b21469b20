package conformance

import (
	"errors"
	"fmt"
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

// recordType is what distinguishes the record of an execution from other lines of a log.
const recordType = "DurableExecutionTelemetry"

// Records compares the records of executions that a function has written, those lines of its log
// that have their recordType, with the demands of a requirement, and returns a sentence for each
// that is not met. There are as many as are expected, in their order, and each names the execution
// with the ARN.
func (v *Vars) Records(a *Assertions, arn string, logs []Record) (problems []string) {
	if a == nil || a.records == nil {
		return nil
	}
	var got []map[string]any
	for _, l := range logs {
		if l.Fields["recordType"] == recordType && l.Fields["executionArn"] == arn {
			got = append(got, l.Fields)
		}
	}
	if len(got) != len(a.records) {
		return []string{fmt.Sprintf("%d records of executions, want %d", len(got), len(a.records))}
	}
	for i, want := range a.records {
		at := fmt.Sprintf("record %d", i)
		problems = append(problems, v.record(at, want, got[i])...)
		problems = append(problems, v.integers(at, partsOf(arn), got[i])...)
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
	operations, given := want["operations_by_name"].(map[string]any)
	if !given {
		return problems
	}
	all, _ := got["operationsByName"].(map[string]any)
	for _, name := range sortedKeys(all) {
		if _, ok := operations[name]; !ok {
			problems = append(problems, fmt.Sprintf("%s: operations named %s are not expected", at, name))
		}
	}
	for _, name := range sortedKeys(operations) {
		expected, _ := operations[name].(map[string]any)
		o, ok := all[name].(map[string]any)
		if !ok {
			problems = append(problems, fmt.Sprintf("%s: it has no operations named %s", at, name))
			continue
		}
		problems = append(problems, v.integers(at+", "+name, expected, o)...)
		if _, ok := o["error"]; ok {
			problems = append(problems, fmt.Sprintf("%s, %s: it has the member error", at, name))
		}
	}
	return problems
}

// partsOf returns the members of a record that are parts of the ARN of its execution.
func partsOf(arn string) map[string]any {
	function, execution, _ := strings.Cut(arn, "/durable-execution/")
	name, _, _ := strings.Cut(execution, "/")
	parts := append(strings.Split(function, ":"), make([]string, 8)...)
	return map[string]any{
		"executionName": name, "functionName": parts[6], "functionQualifier": parts[7], "region": parts[3], "accountId": parts[4],
	}
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
