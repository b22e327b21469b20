package retry

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Rand returns the source of the jitter after one attempt of one operation, for interpreters.
//
// It is a pure function of its arguments: equal ones give equal sequences in every process, so that
// a decision can be repeated, and different executions draw different delays. The numbers are in
// [0, 1), from a PCG generator that is seeded with the SHA-256 of the execution's ARN, the
// operation's ID and the attempt's number. One source must not be used by several goroutines at
// once.
func Rand(arn, operation string, attempt int) func() float64 {
	b := make([]byte, 0, 24+len(arn)+len(operation))
	b = binary.BigEndian.AppendUint64(b, uint64(len(arn)))
	b = append(b, arn...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(operation)))
	b = append(b, operation...)
	b = binary.BigEndian.AppendUint64(b, uint64(attempt)) //nolint:gosec // only its bits matter
	seed := sha256.Sum256(b)

	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(seed[:8]), binary.BigEndian.Uint64(seed[8:16]))).Float64
}
