package replaytest_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// slowStore takes 30 ms for each object, and notes when it was read.
type slowStore struct {
	store

	mu    sync.Mutex
	reads [][2]time.Time
}

func (s *slowStore) Get(ctx context.Context, k offload.Key, n int64) ([]byte, error) {
	began := time.Now()
	time.Sleep(30 * time.Millisecond) // of the bubble
	s.mu.Lock()
	s.reads = append(s.reads, [2]time.Time{began, time.Now()})
	s.mu.Unlock()
	return s.store.Get(ctx, k, n)
}

// A replay reads the hundred results of a map from a store in the time of four reads, and each of
// them once.
func TestResultsOfABatchAreReadBesideEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slowStore{}
		var spans []time.Duration
		var counts []int
		f := replay.Handler(func(ctx op.Context, n int) (string, error) {
			s.mu.Lock()
			s.reads = nil
			s.mu.Unlock()
			b, err := replay.Run(ctx, op.Map("all", make([]int, n), op.StepFunc("each", func(context.Context, int) (string, error) {
				return "a result", nil
			})))
			if err != nil {
				return "", err
			}
			s.mu.Lock()
			counts = append(counts, len(s.reads))
			spans = append(spans, s.reads[len(s.reads)-1][1].Sub(s.reads[0][0]))
			s.mu.Unlock()
			return strconv.Itoa(len(b.Values())), pause(ctx)
		}, replay.WithCodec(codec.Chain(codec.JSON(), offload.New(s, offload.WithThreshold(0)))))
		r := replaytest.Run(t, f, 100, replaytest.WithTimeLimit(0))
		if r.Err != nil || r.Value != "100" {
			t.Fatalf("it ends as %q, %v", r.Value, r.Err)
		}
		if n := len(spans); n < 2 || counts[n-1] != 100 || spans[n-1] > 120*time.Millisecond {
			t.Errorf("the replays read %v objects in %v, want 100 in at most 4 times 30 ms", counts, spans)
		}
		t.Logf("reads %v in %v", counts, spans)
	})
}
