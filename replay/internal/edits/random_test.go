package edits_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/internal/edits"
)

// TestRehearsalIsExactOnRandomPrograms edits random programs at random, deploys the new code in a
// random state, and compares what the rehearsal said of it with what happened. PERDURE_SEED is the
// first seed.
func TestRehearsalIsExactOnRandomPrograms(t *testing.T) {
	t.Parallel()
	first := uint64(1)
	if text := os.Getenv("PERDURE_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first = n
	}
	count := make(map[replay.Verdict]int)
	reality := make(map[edits.Verdict]int)
	bad := 0
	for seed, n := first, draws.Count(150); n > 0 && bad < 20; seed++ {
		e := edits.Random(seed)
		for way := range 3 {
			at := 1 + int((seed*7+uint64(way)*3)%5)
			s, ok, err := e.State(t.Context(), way, at, e.After)
			if err != nil {
				bad++
				t.Errorf("%v\n%s", err, e.Name)
			}
			if !ok || err != nil {
				continue
			}
			n--
			count[s.Rehearsal.Verdict]++
			if reality[s.Verdict]++; exact(s) != nil {
				bad++
				t.Errorf("%s, %s: %v\n%s", e.ID, s.Where, exact(s), e.Name)
			}
		}
	}
	t.Logf("verdicts %v; %d diverged", count, reality[edits.Diverged])
	if count[replay.VerdictFits] == 0 || count[replay.VerdictDiverges] == 0 {
		t.Errorf("the programs do not reach both verdicts: %v", count)
	}
}
