package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/checkpoint/sqlite"
)

// BenchmarkExecutions runs executions of three steps, one and 64 at a time, in memory and in a
// file. An execution is eight transitions or so. The floor of a file is a write of 4 KiB and its
// fsync.
func BenchmarkExecutions(b *testing.B) {
	step := op.StepFunc("step", func(_ context.Context, n int) (int, error) { return n + 1, nil })
	handler := replay.Handler(func(ctx op.Context, n int) (int, error) {
		var err error
		for i := 0; i < 3 && err == nil; i++ {
			n, err = replay.Run(ctx, step(n).Key(strconv.Itoa(i)))
		}
		return n, err
	})
	stores := map[string]func(b *testing.B) local.Store{
		"memory": func(*testing.B) local.Store { return local.NewMemoryStore() },
		"sqlite": func(b *testing.B) local.Store {
			b.Helper()
			s, err := sqlite.Open(filepath.Join(b.TempDir(), "executions.db"))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = s.Close() }) // the folder goes anyhow
			return s
		},
	}
	for _, name := range []string{"memory", "sqlite"} {
		for _, atOnce := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d", name, atOnce), func(b *testing.B) {
				counted := &countingStore{Store: stores[name](b)}
				service := local.New(local.WithStore(counted))
				defer service.Close()
				if err := service.Host("f", handler); err != nil {
					b.Fatal(err)
				}
				b.SetParallelism(max(1, atOnce/2)) // of two processors
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						e, err := service.Start(b.Context(), "f", "", []byte("1"))
						if err == nil {
							err = e.Wait(b.Context())
						}
						if err != nil || string(e.Result()) != "4" {
							b.Error(string(e.Result()), err)
							return
						}
					}
				})
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "executions/s")
				b.ReportMetric(float64(counted.nanos.Load())/float64(counted.n.Load())/1e3, "µs/commit")
				b.ReportMetric(float64(counted.n.Load())/float64(b.N), "commits/execution")
			})
		}
	}
	b.Run("fsync", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		page := make([]byte, 4096)
		for b.Loop() {
			if _, err := f.WriteAt(page, int64(b.N%1024)*4096); err != nil {
				b.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// countingStore measures commits.
type countingStore struct {
	local.Store

	n, nanos atomic.Int64
}

func (c *countingStore) Commit(t local.Transition) error {
	begin := time.Now()
	err := c.Store.Commit(t)
	c.nanos.Add(int64(time.Since(begin)))
	c.n.Add(1)
	return err
}
