package oplog_test

import (
	"strconv"
	"time"

	"github.com/leanovate/gopter"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/internal/oplog"
)

// properties returns an empty set of properties, each of which is to hold n times PERDURE_CHECKS.
func properties(n int) *gopter.Properties {
	p := gopter.DefaultTestParameters()
	p.MinSuccessfulTests = draws.Count(n)
	p.MaxSize = 30
	return gopter.NewProperties(p)
}

// day is a time within the life of the service.
func day() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC) }

// steps returns the records of n finished steps of the root scope, keyed "0" and up.
func steps(n int) []checkpoint.Operation {
	scope := oplog.NewScope("")
	ops := make([]checkpoint.Operation, n)
	for i := range ops {
		start := day().Add(time.Duration(i) * 10 * time.Millisecond)
		ops[i] = checkpoint.Operation{
			ID:      string(scope.AppendID(nil, "charge-card", strconv.Itoa(i), 0)),
			Name:    oplog.WireName("charge-card", strconv.Itoa(i)),
			SubType: "Step",
			Kind:    checkpoint.KindStep,
			Status:  checkpoint.StatusSucceeded,
			Start:   start,
			End:     start.Add(7 * time.Millisecond),
			Attempt: 1,
			Payload: checkpoint.TextPayload(`{"text":"paid"}`),
		}
	}
	return ops
}
