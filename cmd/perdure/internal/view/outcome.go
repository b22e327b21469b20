package view

import (
	"encoding/json"
	"fmt"
	"strings"

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
