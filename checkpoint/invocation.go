package checkpoint

import (
	"errors"
	"strings"
)

// ErrNotDurable says that an event is not the invocation of a durable function.
var ErrNotDurable = errors.New("not the event of a durable function")

// Invocation is the event with which the service invokes a durable function.
type Invocation struct {
	// ARN names the execution.
	ARN string
	// Token is the token of the first checkpoint call.
	Token string
	// Operations is the first page of the log. The service may send it empty, without even the
	// record of the execution, when that would make the event too large.
	Operations []Operation
	// NextMarker, unless empty, says that there are more pages: see [LoadState].
	NextMarker string
	// Updated holds the IDs of the operations that the service has changed since the last
	// invocation. It is a hint for logs; it may be missing.
	Updated []string
	// ForkedFrom are the ARNs of the executions that this one was forked from, the last one first.
	// Lambda has no forks; the local service says it.
	ForkedFrom []string
}

// Name returns the name of the execution: see [ExecutionName].
func (inv Invocation) Name() string { return ExecutionName(inv.ARN) }

// ExecutionName returns the name of an execution, which is the last but one segment of its ARN
// (Lambda API: …:function:name:qualifier/durable-execution/executionName/invocationId).
// Text that is not such an ARN is its own name.
func ExecutionName(arn string) string {
	name, _, ok := executionSegments(arn)
	if !ok {
		return arn
	}
	return name
}

// ExecutionID returns the ID of the EXECUTION operation of an execution, which is the last
// segment of its ARN. Text that is not such an ARN is its own ID.
func ExecutionID(arn string) string {
	_, id, ok := executionSegments(arn)
	if !ok {
		return arn
	}
	return id
}

// FunctionARN returns the qualified ARN of the function that an execution runs. It is the whole
// text if that is not the ARN of an execution.
func FunctionARN(arn string) string {
	function, _, _ := strings.Cut(arn, "/")
	return function
}

func executionSegments(arn string) (name, id string, ok bool) {
	rest, id, ok := cutLast(arn, "/")
	if !ok {
		return "", "", false
	}
	if _, last, ok := cutLast(rest, "/"); ok {
		rest = last
	}
	return rest, id, true
}

// cutLast is strings.Cut around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
