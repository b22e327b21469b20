package op_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// policy is a set of completion rules as plain data; -1 stands for a rule that is not given.
type policy struct {
	Count, Percent, Min int
	// Good and Bad are what a predicate asks for: it succeeds when that many have succeeded and
	// fails when that many have failed.
	Good, Bad int
}

func (p policy) rules() []op.Completion {
	var rules []op.Completion
	if p.Min >= 0 {
		rules = append(rules, op.MinSuccessful(p.Min))
	}
	if p.Count >= 0 {
		rules = append(rules, op.Tolerate(p.Count))
	}
	if p.Percent >= 0 {
		rules = append(rules, op.ToleratePercent(p.Percent))
	}
	if p.Good >= 0 {
		rules = append(rules, op.CompleteWhen(func(at op.Progress) op.Verdict {
			switch {
			case at.Succeeded >= p.Good:
				return op.VerdictSucceed
			case at.Failed >= p.Bad:
				return op.VerdictFail
			}
			return op.VerdictContinue
		}))
	}
	return rules
}

// expect says when a batch with these rules ends, from what is documented and not from the code: it
// looks at the share of failures as a fraction, and asks for reasons one by one.
func (p policy) expect(total, succeeded, failed int) node.Verdict {
	share := 0.0
	if total > 0 {
		share = float64(failed) / float64(total)
	}
	strict := p.Count == -1 && p.Percent == -1 && p.Min == -1 && p.Good == -1
	type reason struct {
		holds, fails bool
		name         string
	}
	for _, r := range []reason{
		{strict && failed > 0, true, "FAILURE_TOLERANCE_EXCEEDED"},
		{p.Count != -1 && failed > p.Count, true, "FAILURE_TOLERANCE_EXCEEDED"},
		{p.Percent != -1 && share-float64(p.Percent)/100 > math.SmallestNonzeroFloat32, true, "FAILURE_TOLERANCE_EXCEEDED"},
		{p.Good != -1 && succeeded >= p.Good, false, "CUSTOM_COMPLETION_SUCCEEDED"},
		{p.Good != -1 && failed >= p.Bad, true, "CUSTOM_COMPLETION_FAILED"},
		{total == succeeded+failed, false, "ALL_COMPLETED"},
		{p.Min != -1 && succeeded >= p.Min, false, "MIN_SUCCESSFUL_REACHED"},
	} {
		if r.holds {
			return node.Verdict{Done: true, Reason: r.name, Failed: r.fails}
		}
	}
	return node.Verdict{}
}

// batchOf is a map of n items with these completion rules, without its types.
func batchOf(tb testing.TB, n int, rules ...op.Completion) *node.Batch {
	tb.Helper()
	each := func(int) op.Op[int] { return op.Step("pack", nil2zero) }
	var opts []op.MapOption
	if len(rules) > 0 {
		opts = append(opts, op.WithCompletion(rules...))
	}
	b, ok := op.Map("ship", make([]int, n), each, opts...).Interpret().Node().(*node.Batch)
	if !ok {
		tb.Fatal("a map is no batch")
	}
	return b
}

func TestCompletionRulesEqualAModel(t *testing.T) {
	t.Parallel()
	maybe := func(g gopter.Gen) gopter.Gen {
		return gen.Weighted([]gen.WeightedGen{{Weight: 1, Gen: gen.Const(-1)}, {Weight: 1, Gen: g}})
	}
	params := gopter.DefaultTestParameters()
	params.MinSuccessfulTests = 20_000
	properties := gopter.NewProperties(params)
	properties.Property("the rule ends a batch when and as documented", prop.ForAll(
		func(total, done, failures, count, percent, least, good, bad int) (string, error) {
			done = min(done, total)
			failed := min(failures, done)
			succeeded := done - failed
			p := policy{Count: count, Percent: percent, Min: least, Good: good, Bad: bad}
			if p.Min > total {
				p.Min = -1
			}
			b := batchOf(t, total, p.rules()...)
			if b.Err != nil {
				return "", b.Err
			}
			got := b.Rule(node.Progress{Total: total, Started: done, Succeeded: succeeded, Failed: failed})
			if want := p.expect(total, succeeded, failed); got != want {
				return fmt.Sprintf("%+v, %d of %d succeeded, %d failed: %+v, want %+v", p, succeeded, total, failed, got, want), nil
			}
			return "", nil
		},
		gen.IntRange(0, 12), gen.IntRange(0, 12), gen.IntRange(0, 12),
		maybe(gen.IntRange(0, 5)), maybe(gen.IntRange(0, 100)), maybe(gen.IntRange(1, 6)),
		maybe(gen.IntRange(0, 6)), gen.IntRange(0, 6),
	))
	properties.TestingRun(t)
}

func TestCompletionRulesAreAskedInOrder(t *testing.T) {
	t.Parallel()
	always := func(v op.Verdict) op.Completion { return op.CompleteWhen(func(op.Progress) op.Verdict { return v }) }
	tests := []struct {
		reason string
		rules  []op.Completion
		at     node.Progress
		want   op.Reason
	}{
		{"tolerance before the predicate", []op.Completion{op.Tolerate(0), always(op.VerdictSucceed)}, node.Progress{Total: 1, Failed: 1}, op.ReasonToleranceExceeded},
		{"the predicate before the end of all", []op.Completion{always(op.VerdictFail)}, node.Progress{Total: 1, Succeeded: 1}, op.ReasonCustomFailed},
		{"the end of all before the minimum", []op.Completion{op.MinSuccessful(1)}, node.Progress{Total: 1, Succeeded: 1}, op.ReasonAllCompleted},
		{"the minimum", []op.Completion{op.MinSuccessful(1)}, node.Progress{Total: 2, Succeeded: 1}, op.ReasonMinSuccessful},
		{"a minimum tolerates failures", []op.Completion{op.MinSuccessful(2)}, node.Progress{Total: 4, Failed: 3}, ""},
		{"a quarter of four is not more than 25 percent", []op.Completion{op.ToleratePercent(25)}, node.Progress{Total: 4, Failed: 1}, ""},
		{"two of four are", []op.Completion{op.ToleratePercent(25)}, node.Progress{Total: 4, Failed: 2}, op.ReasonToleranceExceeded},
		{"nothing given: nothing is tolerated", nil, node.Progress{Total: 4, Failed: 1}, op.ReasonToleranceExceeded},
		{"all completed tolerates all", []op.Completion{op.AllCompleted()}, node.Progress{Total: 2, Failed: 2}, op.ReasonAllCompleted},
		{"of rules of one kind the last one counts", []op.Completion{op.Tolerate(0), op.Tolerate(1)}, node.Progress{Total: 3, Failed: 1}, ""},
		{"first successful", []op.Completion{op.FirstSuccessful()}, node.Progress{Total: 3, Succeeded: 1, Failed: 1}, op.ReasonMinSuccessful},
		{"an empty batch is complete", nil, node.Progress{}, op.ReasonAllCompleted},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			b := batchOf(t, tt.at.Total, tt.rules...)
			if b.Err != nil {
				t.Fatal(b.Err)
			}
			if got := b.Rule(tt.at); got.Reason != string(tt.want) || got.Done != (tt.want != "") {
				t.Errorf("%+v, want %q", got, tt.want)
			}
		})
	}
}
