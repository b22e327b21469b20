package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// Earlier answers to a callback are looked for in that many of the last executions of the function
// that have succeeded, and no answer that is longer is shown.
const (
	lastAnswers = 3
	longAnswer  = 200
)

// sealedMark begins what a chain of codecs has written: it is no example of anything.
const sealedMark = "~perdure1:"

// earlier says what a callback like the one that an execution waits for was answered with in
// another execution: no record has the type of a callback. It is empty if there is none, or if who
// asks may not read it.
func (a *app) earlier(ctx context.Context, e *described, h *view.History) string {
	if local.Status(e.Status).Terminal() {
		return ""
	}
	open := h.OpenCallback()
	if open == nil {
		return ""
	}
	found, _, err := a.executions(ctx, functionOf(aws.ToString(e.DurableExecutionArn)), selection{statuses: []string{"SUCCEEDED"}, limit: lastAnswers})
	if err != nil {
		return ""
	}
	for i := range found {
		arn := aws.ToString(found[i].DurableExecutionArn)
		events, err := a.events(ctx, arn, 0)
		if err != nil {
			return ""
		}
		for _, o := range view.Read(events).All {
			if o.Kind != "callback" || o.Path() != open.Path() || o.Result == nil || len(*o.Result) > longAnswer || strings.Contains(*o.Result, sealedMark) {
				continue
			}
			as := view.Quoted(*o.Result)
			if !json.Valid([]byte(*o.Result)) {
				as = "--text " + as
			}
			return fmt.Sprintf("such a callback was answered in %s, with: %s", checkpoint.ExecutionName(arn), as)
		}
	}
	return ""
}
