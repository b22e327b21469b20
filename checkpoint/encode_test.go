package checkpoint_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/checkpoint"
)

func TestEncodeInvocation(t *testing.T) {
	t.Parallel()
	op := checkpoint.Operation{
		ID: "a", ParentID: "p", Name: "n", SubType: "Step", Kind: checkpoint.KindStep, Status: checkpoint.StatusPending,
		Start: day(), Due: day().Add(time.Second), Attempt: 1,
		Payload: checkpoint.QuotedPayload([]byte(`"\u0041"`)), Failure: &checkpoint.Failure{Type: "T", Stack: []string{"f", "g"}},
		// What does not belong to a step is left out.
		CallbackID: "x", ReplayChildren: true,
	}
	got, err := checkpoint.EncodeInvocation(checkpoint.Invocation{
		ARN: "arn", Token: "token", Operations: []checkpoint.Operation{
			{
				ID: "e", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted,
				Payload: checkpoint.TextPayload(`{"<&>":1}`),
			},
			op,
		}, NextMarker: "m", Updated: []string{"a", "b"}, ForkedFrom: []string{"arn2", "arn1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"DurableExecutionArn":"arn","CheckpointToken":"token","UpdatedOperationIds":["a","b"],` +
		`"PerdureForkedFrom":["arn2","arn1"],` +
		`"InitialExecutionState":{"Operations":[` +
		`{"Id":"e","Type":"EXECUTION","Status":"STARTED","ExecutionDetails":{"InputPayload":"{\"<&>\":1}"}},` +
		`{"Id":"a","ParentId":"p","Name":"n","Type":"STEP","SubType":"Step","Status":"PENDING",` +
		`"StartTimestamp":1767323045678,"StepDetails":{"Attempt":1,"NextAttemptTimestamp":1767323046678,` +
		`"Result":"\u0041","Error":{"ErrorType":"T","StackTrace":["f","g"]}}}],"NextMarker":"m"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInvocationsThatCannotBeEncoded(t *testing.T) {
	t.Parallel()
	valid := checkpoint.Operation{ID: "a", Kind: checkpoint.KindStep, Status: checkpoint.StatusStarted}
	tests := []struct {
		reason string
		change func(inv *checkpoint.Invocation, op *checkpoint.Operation)
	}{
		{"no ARN", func(inv *checkpoint.Invocation, _ *checkpoint.Operation) { inv.ARN = "" }},
		{"no token", func(inv *checkpoint.Invocation, _ *checkpoint.Operation) { inv.Token = "" }},
		{"no ID", func(_ *checkpoint.Invocation, op *checkpoint.Operation) { op.ID = "" }},
		{"unknown kind", func(_ *checkpoint.Invocation, op *checkpoint.Operation) { op.Kind = "TIMER" }},
		{"unknown status", func(_ *checkpoint.Invocation, op *checkpoint.Operation) { op.Status = "" }},
		{"a payload that JSON would change", func(_ *checkpoint.Invocation, op *checkpoint.Operation) {
			op.Payload = checkpoint.TextPayload("\xff")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			op := valid
			inv := checkpoint.Invocation{ARN: "a", Token: "t"}
			tt.change(&inv, &op)
			inv.Operations = []checkpoint.Operation{op}
			if got, err := checkpoint.EncodeInvocation(inv); err == nil {
				t.Errorf("no error, but %s", got)
			}
		})
	}
}

// randomOperation returns a record that uses all that its kind has.
func randomOperation(r *rand.Rand) checkpoint.Operation {
	runes := []rune("ab \"\\\n\t\x01é€😀\u2028<>&/")
	text := func() string {
		var b strings.Builder
		for range r.IntN(12) {
			b.WriteRune(runes[r.IntN(len(runes))])
		}
		return b.String()
	}
	at := func() time.Time {
		if r.IntN(3) == 0 {
			return time.Time{}
		}
		return time.UnixMilli(r.Int64N(4e12) - 1e12).UTC()
	}
	payload := func() checkpoint.Payload {
		switch r.IntN(4) {
		case 0:
			return checkpoint.Payload{}
		case 1:
			return checkpoint.QuotedPayload([]byte(`"a\u00e9\n\"\ud83d\ude00"`))
		default:
			return checkpoint.TextPayload(text())
		}
	}
	failure := func() *checkpoint.Failure {
		if r.IntN(2) == 0 {
			return nil
		}
		f := &checkpoint.Failure{Type: text(), Message: text(), Data: text()}
		for range r.IntN(3) {
			f.Stack = append(f.Stack, text())
		}
		return f
	}
	kinds := []checkpoint.Kind{
		checkpoint.KindExecution, checkpoint.KindContext, checkpoint.KindStep,
		checkpoint.KindWait, checkpoint.KindCallback, checkpoint.KindChainedInvoke,
	}
	statuses := []checkpoint.Status{
		checkpoint.StatusStarted, checkpoint.StatusPending, checkpoint.StatusReady, checkpoint.StatusSucceeded,
		checkpoint.StatusFailed, checkpoint.StatusCancelled, checkpoint.StatusTimedOut, checkpoint.StatusStopped,
	}
	op := checkpoint.Operation{
		ID: "id" + text(), ParentID: text(), Name: text(), SubType: text(),
		Kind: kinds[r.IntN(len(kinds))], Status: statuses[r.IntN(len(statuses))],
		Start: at(), End: at(),
	}
	if op.Kind != checkpoint.KindWait {
		op.Payload = payload()
	}
	switch op.Kind {
	case checkpoint.KindExecution:
		return op
	case checkpoint.KindWait:
		op.Due = at()
		return op
	case checkpoint.KindStep:
		op.Attempt, op.Due = r.IntN(3), at()
	case checkpoint.KindCallback:
		op.CallbackID = text()
	case checkpoint.KindContext:
		op.ReplayChildren = r.IntN(2) == 0
	case checkpoint.KindChainedInvoke:
	}
	op.Failure = failure()
	return op
}

func TestDecodingInvertsEncoding(t *testing.T) {
	t.Parallel()
	p := properties(500)
	p.Property("Decode(Encode(x)) == x", prop.ForAll(func(seed uint64, name string, updated []string, marker string) string {
		r := rand.New(rand.NewPCG(seed, 0))
		want := checkpoint.Invocation{
			ARN: "arn/" + name, Token: token, NextMarker: marker, Updated: updated,
		}
		for range r.IntN(6) {
			want.Operations = append(want.Operations, randomOperation(r))
		}
		event, err := checkpoint.EncodeInvocation(want)
		if err != nil {
			return err.Error()
		}
		got, err := checkpoint.DecodeInvocation(event)
		if err != nil {
			return fmt.Sprintf("%v, of %s", err, event)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			return fmt.Sprintf("(-want +got):\n%s\nof %s", diff, event)
		}
		oracle, err := oracleDecode(event)
		if err != nil {
			return fmt.Sprintf("encoding/json: %v, of %s", err, event)
		}
		return cmp.Diff(oracle, got, cmpopts.EquateEmpty())
	}, gen.UInt64(), gen.AlphaString(), gen.SliceOf(gen.AlphaString()), gen.AlphaString()))
	p.TestingRun(t)
}
