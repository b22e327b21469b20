package checkpoint_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/leanovate/gopter"

	"github.com/perdure/perdure/checkpoint"
)

// checks multiplies a count by PERDURE_CHECKS, which is 1 unless set.
func checks(tb testing.TB, n int) int {
	tb.Helper()
	s := os.Getenv("PERDURE_CHECKS")
	if s == "" {
		return n
	}
	factor, err := strconv.Atoi(s)
	if err != nil || factor < 1 {
		tb.Fatalf("PERDURE_CHECKS is %q, want a positive integer", s)
	}
	return n * factor
}

// properties returns an empty set of properties, each of which is to hold n times PERDURE_CHECKS.
func properties(tb testing.TB, n int) *gopter.Properties {
	tb.Helper()
	p := gopter.DefaultTestParameters()
	p.MinSuccessfulTests = checks(tb, n)
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
