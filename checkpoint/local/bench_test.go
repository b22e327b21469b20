package local_test

import (
	"testing"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// BenchmarkExecutions measures whole executions of three invocations each.
func BenchmarkExecutions(b *testing.B) {
	s, _ := newVirtual(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Run(b.Context(), function(order), []byte(`{}`)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "executions/s")
}

// BenchmarkCheckpoint measures one call with a step's START and SUCCEED.
func BenchmarkCheckpoint(b *testing.B) {
	s, _ := newVirtual(b, local.WithLimits(local.Limits{Operations: 1 << 60, DataBytes: 1 << 60}))
	b.ReportAllocs()
	_, err := s.Run(b.Context(), function(func(k *talk) (string, error) {
		id := [...]byte{'s', '-', 0, 0, 0, 0, 0, 0, 0, 0}
		for b.Loop() {
			for i := 2; ; i++ {
				if id[i]++; id[i] < 36 {
					break
				}
				id[i] = 0
			}
			name := string(appendDigits(nil, id[:]))
			if _, err := k.send(stepStart(name), stepSucceed(name, "1")); err != nil {
				return "", err
			}
		}
		return succeed(`1`), nil
	}), nil)
	if err != nil {
		b.Fatal(err)
	}
}

func appendDigits(dst, digits []byte) []byte {
	for _, d := range digits {
		if d < 36 {
			d = "0123456789abcdefghijklmnopqrstuvwxyz"[d]
		}
		dst = append(dst, d)
	}
	return dst
}

var _ checkpoint.Client = (*local.Service)(nil)
