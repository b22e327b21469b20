package conformance

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/perdure/perdure/checkpoint/local"
)

const invocationCompleted = "InvocationCompleted"

// events are the events of a history as the API gives them.
func events(history []local.Event) ([]Object, error) {
	all := make([]Object, len(history))
	for i, e := range history {
		text, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		if all[i], err = ReadObject(text); err != nil {
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
//     first event left aside, and end with the end of an invocation or an event of the execution.
//     Then nothing may follow but, after the end of an invocation, one more of those and one of the
//     execution.
func (v *Vars) History(want, got []Object) []string {
	byID := make(map[int]Object, len(got))
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
		problems = append(problems, v.matchObject(at, w, e)...)
	}
	if !complete(want) {
		return problems
	}
	return append(problems, trailing(want[len(want)-1], got)...)
}

// complete reports whether the expected events are all there are.
func complete(want []Object) bool {
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
func trailing(last Object, got []Object) []string {
	var problems []string
	over := last["EventType"] != invocationCompleted // the execution
	again := false                                   // one more invocation has ended
	for _, e := range got {
		if eventID(e) <= eventID(last) {
			continue
		}
		invocation := e["EventType"] == invocationCompleted
		if !isEnd(e) || over || invocation && again {
			problems = append(problems, fmt.Sprintf("event %d (%v) is not expected: the history ends with event %d",
				eventID(e), e["EventType"], eventID(last)))
		}
		again = again || invocation
		over = over || !invocation
	}
	return problems
}

// isEnd reports whether an event is the end of an invocation or an event of the execution.
func isEnd(e Object) bool {
	kind, _ := e["EventType"].(string)
	return kind == invocationCompleted || strings.HasPrefix(kind, "Execution")
}

// eventID returns the ID of an event, 0 if it has none.
func eventID(e Object) int {
	if id, ok := rational(e["EventId"]); ok && id.IsInt() && id.Num().IsInt64() {
		return int(id.Num().Int64())
	}
	return 0
}

// Outline is a history for people, a line for each event.
func Outline(got []Object) string {
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
