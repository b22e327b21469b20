package view

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op/node"
)

// OutcomeOf returns a result as people want to see it: of a batch only how its branches ended,
// since they show their results themselves.
func OutcomeOf(result string) string {
	var batch struct {
		Perdure *struct {
			Reason string `json:"reason"`
			Status string `json:"status"`
		} `json:"perdure"`
	}
	if json.Unmarshal([]byte(result), &batch) != nil || batch.Perdure == nil || batch.Perdure.Reason == "" {
		return result
	}
	parts := []string{batch.Perdure.Reason}
	for _, end := range []struct {
		status node.ItemStatus
		name   string
	}{{node.ItemSucceeded, "succeeded"}, {node.ItemFailed, "failed"}, {node.ItemStarted, "not waited for"}} {
		if n := strings.Count(batch.Perdure.Status, string(rune(end.status))); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, end.name))
		}
	}
	return strings.Join(parts, ", ")
}

// About says what an event is about, in a few words.
func About(e *local.Event) string {
	var parts []string
	if e.Attempt > 1 || e.NextAttemptDelay > 0 {
		parts = append(parts, fmt.Sprintf("attempt %d", e.Attempt))
	}
	if e.NextAttemptDelay > 0 {
		parts = append(parts, "next in "+Span(e.NextAttemptDelay))
	}
	switch {
	case e.Failure != nil:
		parts = append(parts, FailureText(e.Failure))
	case e.Result.Present():
		parts = append(parts, OutcomeOf(e.Result.String()))
	case e.Reason != "":
		parts = append(parts, Why(e.Reason))
	case e.Input.Present():
		parts = append(parts, e.Input.String())
	case e.Duration > 0:
		parts = append(parts, Span(e.Duration))
	case e.CallbackID != "":
		parts = append(parts, e.CallbackID)
	}
	return strings.Join(parts, ", ")
}
