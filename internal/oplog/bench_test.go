package oplog_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/perdure/perdure/internal/oplog"
)

// records is the size of the log in the benchmarks: the most operations an execution may have
// (AWS quotas: 3,000 durable operations per execution).
const records = 3000

// perRecord reports the time of one record of a log of the usual size.
func perRecord(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
}

func BenchmarkLog(b *testing.B) {
	ops := steps(records)
	keys := make([]string, len(ops))
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			oplog.NewLog(ops)
		}
		perRecord(b)
	})
	b.Run("new-and-claim", func(b *testing.B) {
		b.ReportAllocs()
		scope := oplog.NewScope("")
		for b.Loop() {
			log := oplog.NewLog(ops)
			var buf [64]byte
			for _, key := range keys {
				if op, _, first := log.Claim(scope.AppendID(buf[:0], "charge-card", key, 0)); op == nil || !first {
					b.Fatal("the record was not found")
				}
			}
		}
		perRecord(b)
	})
	b.Run("claim-without-records", func(b *testing.B) {
		b.ReportAllocs()
		scope := oplog.NewScope("")
		for b.Loop() {
			log := oplog.NewLog(nil)
			var buf [64]byte
			for _, key := range keys {
				log.Claim(scope.AppendID(buf[:0], "charge-card", key, 0))
			}
		}
		perRecord(b)
	})
	b.Run("merge", func(b *testing.B) {
		b.ReportAllocs()
		log := oplog.NewLog(slices.Clone(ops))
		for b.Loop() {
			log.Merge(ops)
		}
		perRecord(b)
	})
}

func BenchmarkScope(b *testing.B) {
	b.Run("AppendID", func(b *testing.B) {
		b.ReportAllocs()
		scope := oplog.NewScope(oplog.ID("", "ship", "SKU-1", 0))
		var buf [64]byte
		for b.Loop() {
			scope.AppendID(buf[:0], "charge-card", "key", 1)
		}
	})
	b.Run("NewScope", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			oplog.NewScope("ship-0748d7a5326c-854f6517190c4c9e")
		}
	})
}
