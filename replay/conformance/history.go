package conformance

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/perdure/perdure/checkpoint/local"
)

const invocationCompleted = "InvocationCompleted"

// events are the events of a history as the API gives them.
func events(history []local.Event) ([]map[string]any, error) {
	all := make([]map[string]any, len(history))
	for i, e := range history {
		text, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// History compares the events of an execution with those of the requirement and returns a
// sentence for each difference.
//
//  1. Each expected event is the one with its EventId, and nothing else decides which. The keys
//     that are expected are compared.
//  2. Events that are not expected are no difference, unless the expected ones have no gap, the
//     first event left aside, and end with the end of an invocation or of the execution: then
//     nothing but one more of each may follow.
func (v *Vars) History(want, got []map[string]any) []string {
	byID := make(map[int]map[string]any, len(got))
	for _, e := range got {
		byID[eventID(e)] = e
	}
	var problems []string
	for _, w := range want {
		id := eventID(w)
		at := fmt.Sprintf("event %d (%v)", id, w["EventType"])
		e, ok := byID[id]
		if !ok {
			problems = append(problems, at+": there is no such event")
			continue
		}
		expected, _ := normal(w).(map[string]any)
		problems = append(problems, v.matchObject(at, expected, e)...)
	}
	if !complete(want) {
		return problems
	}
	return append(problems, trailing(eventID(want[len(want)-1]), got)...)
}

// complete reports whether the expected events are all there are.
func complete(want []map[string]any) bool {
	if len(want) == 0 || eventID(want[0]) > 2 {
		return false
	}
	for i, w := range want {
		if eventID(w) != eventID(want[0])+i {
			return false
		}
	}
	return isEnd(want[len(want)-1])
}

// trailing says which events after the last expected one are too many.
func trailing(last int, got []map[string]any) []string {
	var problems []string
	ends := map[bool]int{} // by whether it is the end of an invocation
	for _, e := range got {
		if eventID(e) <= last {
			continue
		}
		invocation := e["EventType"] == invocationCompleted
		ends[invocation]++
		if !isEnd(e) || ends[invocation] > 1 || invocation && ends[false] > 0 {
			problems = append(problems, fmt.Sprintf("event %d (%v) is not expected: the history ends with event %d",
				eventID(e), e["EventType"], last))
		}
	}
	return problems
}

// isEnd reports whether an event is the end of an invocation or an event of the execution.
func isEnd(e map[string]any) bool {
	kind, _ := e["EventType"].(string)
	return kind == invocationCompleted || strings.HasPrefix(kind, "Execution")
}

func eventID(e map[string]any) int {
	id, _ := normal(e["EventId"]).(float64)
	return int(id)
}

// Outline is a history for people, a line for each event.
func Outline(got []map[string]any) string {
	var b strings.Builder
	for _, e := range got {
		details, err := json.Marshal(e[fmt.Sprint(e["EventType"])+"Details"])
		if err != nil {
			details = []byte(err.Error())
		}
		if len(details) > 240 {
			details = append(details[:240], "…"...)
		}
		fmt.Fprintf(&b, "%3d %-22v %-18v %-26v %s\n", eventID(e), e["EventType"], or(e["SubType"]), or(e["Name"]), details)
	}
	return b.String()
}

func or(x any) any {
	if x == nil {
		return "-"
	}
	return x
}
