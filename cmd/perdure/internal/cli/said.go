package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/perdure/perdure/checkpoint"
)

// logged is a record that the library of a function has logged as JSON (replay.JSONLogs).
type logged struct {
	Message string `json:"message"`
	ARN     string `json:"executionArn"`
	Path    string `json:"path"`
	Attempt int    `json:"attempt"`
	Error   string `json:"errorMessage"`
	Stack   string `json:"stack"`
}

// saidMembers are those of a record that a line of the narrator, and a stack below it, replace.
func saidMembers() []string {
	return []string{
		"timestamp", "level", "message", "executionArn", "requestId", "tenantId", "path", "operationId", "operationName",
		"attempt", "nextAttempt", "errorType", "errorMessage", "error", "stack",
	}
}

// saidOf is how much of an error the narrator has said, in characters, when the function has logged
// one of these messages; zero for all of it.
func saidOf() map[string]int {
	return map[string]int{
		"an attempt failed":                                                              0,
		"an attempt failed, and it was the last one":                                     0,
		"the handler asks that the invocation be repeated":                               0,
		"a call of the service failed: the invocation fails, and the service repeats it": 0,
		"the execution failed":                                                           5 * endColumns,
		"the execution is paused, because its code is not the code that wrote the log: deploy code that fits, and resume it": mostReason,
	}
}

// mostReason is how long the reason of a pause is (internal/limits).
const mostReason = 1024

// fold reads a line that a function has written. ok says that the narrator says in a line of its
// own what it holds; then the rest, a stack, is to be printed in its place, empty for nothing. A
// record that has more than what is said, an attribute of the user's or a longer error, is not
// folded.
func fold(line string) (rest []string, ok bool) {
	if !strings.HasPrefix(line, "{") {
		return nil, false
	}
	var r logged
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(line), &r) != nil || json.Unmarshal([]byte(line), &members) != nil || r.ARN == "" {
		return nil, false
	}
	most, said := saidOf()[r.Message]
	if !said || most > 0 && utf8.RuneCountInString(r.Error) > most {
		return nil, false
	}
	for name := range members {
		if !slices.Contains(saidMembers(), name) {
			return nil, false
		}
	}
	if r.Stack == "" {
		return nil, true
	}
	what := "the handler"
	if r.Path != "" {
		what = fmt.Sprintf("%q", r.Path)
	}
	if r.Attempt > 0 {
		what = fmt.Sprintf("attempt %d of %s", r.Attempt, what)
	}
	rest = []string{checkpoint.ExecutionName(r.ARN) + ": where " + what + " panicked:"}
	for frame := range strings.SplitSeq(strings.TrimSpace(r.Stack), "\n") {
		rest = append(rest, "    "+frame)
	}
	return rest, true
}
