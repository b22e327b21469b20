package replay_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/op"
)

// TestDeclarationsLeaveNothingInTheLog compares what an execution writes with declared changes and
// without: the same operations with the same payloads. A declaration costs no operation and no
// byte.
func TestDeclarationsLeaveNothingInTheLog(t *testing.T) {
	t.Parallel()
	a, b, c := says("a"), says("b"), says("c")
	batch := func(o op.Op[string]) op.Op[string] { return allOf([]op.Op[string]{a, o}) }
	type line struct{ ID, Name, Payload string }
	written := func(v version) (lines []line) {
		for _, o := range drive(t, v.handler(), "null").Operations() {
			lines = append(lines, line{o.ID, o.Name, o.Payload.String()})
		}
		return lines
	}
	plain := written(stepwise(a, b, batch(c), op.Transform(op.Wait("w", time.Hour), func(op.None) (string, error) { return "", nil })))
	declared := written(stepwise(op.Added(a, ""), op.Replaces(b, inline(says("x"), says("y"))), removed(says("z")), batch(op.Replaces(c, says("d"))), hourly("w")))
	if diff := cmp.Diff(plain, declared); diff != "" || len(plain) < 5 {
		t.Errorf("the log without declarations and with them (-without +with):\n%s", diff)
	}
}
