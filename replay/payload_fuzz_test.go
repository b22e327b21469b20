package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// FuzzRecordedPayloads replays a batch and two steps whose records hold anything: the outcome of
// the batch, the data of an error, and the state of an attempt. Whatever that is, the invocation
// answers.
func FuzzRecordedPayloads(f *testing.F) {
	for _, seed := range []string{
		"", "null", "{}", `{"perdure":null}`, `{"perdure":{"reason":"ALL_COMPLETED","winner":-1,"status":"SF","items":[{"payload":"1"},{"error":{"type":"E"}}]}}`,
		`{"perdure":{"status":"SSSSSSSS","winner":99}}`, `{"perdure":{"status":"S","items":[{},{},{}]}}`, `{"perdure":{"known":[{"name":"declined"}],"state":"7","cuts":-1}}`,
		`{"perdure":{"known":[{"name":"declined","data":"{"}],"state":null}}`, `{"perdure":`,
	} {
		f.Add(seed, seed, seed)
	}
	item := op.StepFunc("item", func(_ context.Context, n int) (int, error) { return n, nil })
	h := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		b, err := replay.Run(ctx, op.Map("ship", []int{1, 2}, item))
		text := ""
		if err != nil {
			text = err.Error()
		}
		text += fmt.Sprint(b.Values(), b.Err(), b.Started(), b.Failed())
		charge := op.Step("charge", func(context.Context) (int, error) { return 0, nil }, op.WithErrors(codec.Sentinel("declined", errDeclined)))
		if _, err := replay.Run(ctx, charge); err != nil {
			text += err.Error()
		}
		n, err := replay.Run(ctx, op.Step("page", func(ctx context.Context) (int, error) {
			n, _, err := op.StateFrom[int](ctx)
			return n, err
		}))
		if err != nil {
			return "", err
		}
		return text + string(rune('a'+n%26)), nil
	})
	f.Fuzz(func(t *testing.T, outcome, data, state string) {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		text := checkpoint.TextPayload
		event, err := checkpoint.EncodeInvocation(checkpoint.Invocation{ARN: "arn:x", Token: "t", Operations: []checkpoint.Operation{
			{ID: "e", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted, Start: at, Payload: text("{}")},
			{
				ID: oplog.ID("", "ship", "", 0), Kind: checkpoint.KindContext, SubType: "Map", Name: "ship",
				Status: checkpoint.StatusSucceeded, Start: at, End: at, Payload: text(outcome),
			},
			{
				ID: oplog.ID("", "charge", "", 0), Kind: checkpoint.KindStep, SubType: "Step", Name: "charge", Attempt: 1,
				Status: checkpoint.StatusFailed, Start: at, End: at, Failure: &checkpoint.Failure{Type: "E", Message: "no", Data: data},
			},
			{
				ID: oplog.ID("", "page", "", 0), Kind: checkpoint.KindStep, SubType: "Step", Name: "page", Attempt: 1,
				Status: checkpoint.StatusReady, Start: at, Payload: text(state),
			},
		}})
		if err != nil {
			t.Skip("no event holds this text")
		}
		out, err := h.Invoke(checkpoint.WithClient(t.Context(), new(acceptor)), event)
		var answer struct{ Status string }
		if err == nil {
			err = json.Unmarshal(out, &answer)
		}
		if err != nil || answer.Status != "SUCCEEDED" && answer.Status != "FAILED" && answer.Status != "PENDING" {
			t.Errorf("answer %s, %v", out, err)
		}
	})
}
