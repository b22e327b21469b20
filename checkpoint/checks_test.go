package checkpoint_test

import (
	"fmt"
	"time"

	"github.com/leanovate/gopter"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/draws"
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

// steps returns the records of n finished steps of the root scope, with results of size bytes.
func steps(n, size int) []checkpoint.Operation {
	result := make([]byte, 0, size)
	result = append(result, `{"text":"`...)
	for len(result) < size-2 {
		result = append(result, 'a'+byte(len(result)%26))
	}
	result = append(result, `"}`...)
	ops := make([]checkpoint.Operation, n)
	for i := range ops {
		start := day().Add(time.Duration(i) * 10 * time.Millisecond)
		ops[i] = checkpoint.Operation{
			ID:      fmt.Sprintf("charge-card-0748d7a5326c-%016x", i),
			Name:    fmt.Sprintf("charge-card[%d]", i),
			SubType: "Step",
			Kind:    checkpoint.KindStep,
			Status:  checkpoint.StatusSucceeded,
			Start:   start,
			End:     start.Add(7 * time.Millisecond),
			Attempt: 1,
			Payload: checkpoint.NewPayload(result),
		}
	}
	return ops
}
