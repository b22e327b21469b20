package seal

import (
	"slices"
	"strconv"
	"strings"

	"github.com/perdure/perdure/codec"
)

// Origin is the place that a payload was sealed for. It is recorded with the payload, in plain
// text.
type Origin struct {
	// Execution is the ARN of the execution that sealed it.
	Execution string
	// Function is the function that it is the input of, by name or ARN; empty for what stays in the
	// execution.
	Function string
	// Operation is the ID of the operation's record; empty for the input and the result of the
	// handler.
	Operation string
	// Part is the part of the operation.
	Part codec.Part
}

// OriginOf returns the origin of payloads that are sealed at m.
func OriginOf(m codec.Meta) Origin {
	return Origin{Execution: m.ExecutionARN, Function: m.Function, Operation: m.OperationID, Part: m.Part}
}

// String returns the origin for people: result of operation 1f2e… of arn:….
func (o Origin) String() string {
	var b strings.Builder

	b.WriteString(o.Part.String())

	switch {
	case o.Function != "":
		b.WriteString(" of function " + strconv.Quote(o.Function) + " from")
	case o.Operation == "":
		b.WriteString(" of the handler of")
	default:
		b.WriteString(" of")
	}

	if o.Operation != "" {
		b.WriteString(" operation " + strconv.Quote(o.Operation) + " of")
	}

	if o.Execution == "" {
		b.WriteString(" no execution")
	} else {
		b.WriteString(" execution " + strconv.Quote(o.Execution))
	}

	return b.String()
}

// Fits reports whether a payload of this origin may stand at place:
//
//   - what was sealed for the very place: the same execution, function, operation and part;
//   - in an execution that was forked, what was sealed for this place in an execution that it was
//     forked from;
//   - as input of a handler, what was sealed as input of its function, by an invoke or by a
//     predecessor;
//   - as result or failure of an invoke, what was sealed as that of the handler, by an execution of
//     the function.
//
// Functions are compared by name, and by account and region where both have them. A place that
// names no execution takes nothing.
func (o Origin) Fits(place codec.Meta) bool {
	own := OriginOf(place)
	if own.Execution == "" || o.Execution == "" {
		return false
	}

	if o == own || o.forked(own, place.ForkedFrom) {
		return true
	}

	switch {
	case place.Part == codec.PartInput && place.OperationID == "":
		return o.Part == codec.PartInput && sameFunction(o.Function, place.ExecutionARN)
	case place.Function != "" && place.Part != codec.PartInput:
		return o.Part == place.Part && o.Operation == "" && o.Function == "" && sameFunction(place.Function, o.Execution)
	}

	return false
}

// forked reports whether o is the same place in one of the executions.
func (o Origin) forked(own Origin, from []string) bool {
	if !slices.Contains(from, o.Execution) {
		return false
	}

	own.Execution = o.Execution

	return o == own
}

// function is what identifies a function. Account and region are empty where they are not said.
type function struct {
	region, account, name string
}

// sameFunction reports whether two names, ARNs, or ARNs of executions mean the same function. No
// name is none.
func sameFunction(a, b string) bool {
	f, g := parseFunction(a), parseFunction(b)

	return f.name != "" && f.name == g.name && agree(f.account, g.account) && agree(f.region, g.region)
}

func agree(a, b string) bool {
	return a == "" || b == "" || a == b
}

// parseFunction reads "name", "name:qualifier", "account:function:name",
// "arn:aws:lambda:region:account:function:name", and what begins so (Lambda API, FunctionName and
// DurableExecutionArn).
func parseFunction(s string) function {
	f := function{name: s}

	if before, after, ok := strings.Cut(s, "function:"); ok {
		f.name = after
		before = strings.TrimSuffix(before, ":")

		if parts := strings.Split(before, ":"); parts[0] != "arn" {
			f.account = before
		} else if len(parts) == 5 {
			f.region, f.account = parts[3], parts[4]
		}
	}

	f.name, _, _ = strings.Cut(f.name, ":")

	return f
}
