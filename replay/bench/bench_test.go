package bench_test

import (
	"testing"

	"github.com/perdure/perdure/replay/bench"
)

// BenchmarkRows measures each row. A single iteration (-benchtime=1x) only shows that it runs; the
// figures of the documentation come from the report.
func BenchmarkRows(b *testing.B) {
	for _, row := range bench.Rows() {
		b.Run(row.Name, func(b *testing.B) {
			size := bench.Quick()
			for b.Loop() {
				metrics, err := row.Measure(b.Context(), size)
				if err != nil {
					b.Fatal(err)
				}
				for _, m := range metrics {
					b.ReportMetric(m.Value, m.Unit)
				}
			}
		})
	}
}
