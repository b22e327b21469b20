package replaytest_test

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// seed is PERDURE_SEED, 1 unless set.
func seed(tb testing.TB) uint64 {
	tb.Helper()
	n, err := strconv.ParseUint(cmp.Or(os.Getenv("PERDURE_SEED"), "1"), 10, 64)
	if err != nil {
		tb.Fatalf("PERDURE_SEED: %v", err)
	}
	return n
}

// tally adds up what the proof has done.
type tally struct {
	mu     sync.Mutex // guards what follows
	total  replaytest.Report
	count  int
	failed bool
}

func (c *tally) add(r *replaytest.Report, failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	c.failed = c.failed || failed
	c.total.Singles += r.Singles
	c.total.Pairs += r.Pairs
	c.total.Triples += r.Triples
	c.total.Interruptions += r.Interruptions
	c.total.States += r.States
	c.total.Interrupted += r.Interrupted
}

func (c *tally) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// TestEngineProof explores programs of all operations, and raises no alarm. PERDURE_CHECKS
// multiplies the pairs and triples of interruptions, PERDURE_SEED chooses them; PERDURE_SCHEDULE is
// one schedule to run in place of all, for one program chosen with -run. Broken engines are put
// under it by package replay's own tests, which read the line that it ends with.
func TestEngineProof(t *testing.T) {
	t.Parallel()
	programs := corpus()
	more := draws.Count(8)
	if testing.Short() {
		more = 0
	}
	var c tally
	t.Cleanup(func() {
		t.Logf("proof: %d programs, %d schedules, %d interruptions, %d states, %d results that an interruption may change",
			c.count, c.total.Schedules(), c.total.Interruptions, c.total.States, c.total.Interrupted)
	})
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.over() {
				t.Skip("another program has failed")
			}
			opts := append(slices.Clip(programs[name].opts), replaytest.WithSchedules(more), replaytest.WithSeed(seed(t)))
			if line := os.Getenv("PERDURE_SCHEDULE"); line != "" {
				opts = append(opts, replaytest.WithSchedule(line))
			}
			if want := programs[name].want; want != "" {
				f := replay.Handler(programs[name].run, programs[name].set...)
				if r := replaytest.Run(t, f, 0, programs[name].plain()...); r.Err != nil || r.Value != want {
					t.Fatalf("proof: got %q, %v, want %q", r.Value, r.Err, want)
				}
			}
			r := replaytest.Explore(t, replay.Handler(programs[name].run, programs[name].set...), 1, opts...)
			c.add(r, t.Failed())
		})
	}
}
