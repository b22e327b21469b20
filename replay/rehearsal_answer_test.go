package replay_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/rehearsal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestAProcessThatRehearses answers what the perdure command asks for, and carries out nothing.
func TestAProcessThatRehearses(t *testing.T) {
	t.Setenv(rehearsal.Variable, "1")
	f := replay.Handler(func(ctx op.Context, _ op.None) (paid, error) {
		return replay.Run(ctx, op.Step("charge", func(context.Context) (paid, error) {
			t.Error("a body runs")
			return paid{}, nil
		}))
	})
	log := func(ops ...checkpoint.Operation) checkpoint.Invocation {
		return checkpoint.Invocation{ARN: tapeARN, Operations: append([]checkpoint.Operation{execution("null")}, ops...)}
	}
	withheld := stepRecord("charge", checkpoint.StatusSucceeded, func(o *checkpoint.Operation) {
		o.Payload = checkpoint.WithheldPayload("truncated")
	})
	for _, tt := range []struct {
		reason string
		log    checkpoint.Invocation
		want   string // the answer begins so
	}{
		{"whether there is an answer", checkpoint.Invocation{}, `{"version":1}`},
		{"nothing is recorded", log(), `{"version":1,"verdict":"fits"}`},
		{"all is recorded", log(stepRecord("charge", checkpoint.StatusSucceeded, withResult(`{"id":"A-1","total":1}`))), `{"version":1,"verdict":"fits","ends":"SUCCEEDED"}`},
		{"a value loses something", log(stepRecord("charge", checkpoint.StatusSucceeded, withResult(`{"id":"A-1","amount":1}`))), `{"version":1,"verdict":"fits","warnings":[{"text":"the result of \"charge\" has recorded members that have no place in replay_test.paid: [.amount]","declare":"op.Replaces(new, op.Transform(old, convert)), in which old is \"charge\" as it was, and new has another name","file":"`},
		{"another operation is recorded", log(stepRecord("pay", checkpoint.StatusSucceeded)), `{"version":1,"verdict":"diverges","diverged":{"reason":"an operation was inserted`},
		{"a payload is not known", log(withheld), `{"version":1,"verdict":"undecided","undecided":[{"text":"a payload of \"charge\" is withheld: truncated"}]`},
		{"no execution", checkpoint.Invocation{ARN: tapeARN}, `{"version":1,"error":"replay: the log has no EXECUTION record`},
	} {
		ask, err := rehearsal.Ask(tt.log)
		if err != nil {
			t.Fatal(err)
		}
		client := &tape{}
		out, err := f.Invoke(onTape(t, client), ask)
		if err != nil || !strings.HasPrefix(string(out), tt.want) || len(client.calls()) > 0 {
			t.Errorf("%s: got %s, %v, calls %v, want %s", tt.reason, out, err, client.calls(), tt.want)
		}
	}
	if out, err := f.Invoke(onTape(t, &tape{}), event(t)); err == nil || !strings.Contains(err.Error(), rehearsal.Variable) {
		t.Errorf("an invocation: %s, %v", out, err)
	}
	if out, err := f.Invoke(onTape(t, &tape{}), []byte(`{"perdureRehearsal":{"version":2}}`)); err == nil || !strings.Contains(err.Error(), "version 2 was asked for, and this build answers those of version 1") {
		t.Errorf("another version: %s, %v", out, err)
	}
	t.Setenv(rehearsal.Variable, "")
	ask, err := json.Marshal(map[string]any{"perdureRehearsal": map[string]any{"version": 1}})
	if err != nil {
		t.Fatal(err)
	}
	usual := replay.Handler(func(op.Context, op.None) (int, error) { return 1, nil })
	if out, err := usual.Invoke(onTape(t, &tape{}), ask); err == nil || !strings.Contains(err.Error(), checkpoint.ErrNotDurable.Error()) {
		t.Errorf("the event without the variable: %s, %v", out, err)
	}
}
