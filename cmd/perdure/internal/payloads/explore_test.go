package payloads_test

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// combination is a program, and the way of its payloads.
type combination struct {
	program, codec string
	fails          bool
}

// combinations are all, those that differ in each regard beside each other.
func combinations() (list []combination) {
	names, ways := slices.Sorted(maps.Keys(programs())), slices.Sorted(maps.Keys(codecs()))
	for shift := range ways {
		for i, p := range names {
			for _, fails := range []bool{false, true} {
				c := combination{p, ways[(i+shift)%len(ways)], fails}
				if fails && c.codec == "JSON" {
					continue // it waits for nothing
				}
				list = append(list, c)
			}
		}
	}
	return list
}

// TestExploreEveryCodec: handlers end as they do without a codec, wherever they are interrupted,
// with each codec, and while keys and stores fail now and then. PERDURE_CHECKS multiplies the
// combinations; five times are all.
func TestExploreEveryCodec(t *testing.T) {
	t.Parallel()
	all := combinations()
	most := min(draws.Count((len(all)+4)/5), len(all))
	var schedules, failures atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d of %d handlers with a codec, %d schedules; %d calls failed for now", most, len(all), schedules.Load(), failures.Load())
	})
	for i := range most {
		c := all[i*len(all)/most]
		t.Run(fmt.Sprintf("%s, %s, failing %v", c.program, c.codec, c.fails), func(t *testing.T) {
			t.Parallel()
			p := programs()[c.program]
			var m *moods
			if c.fails {
				m = &moods{every: 7}
			}
			with := options(codec.Chain(codec.JSON(), codecs()[c.codec](t, m)...))
			plain := options(codec.JSON())
			kit := func(with []replay.HandlerOption) (runs []replaytest.Option, explores []replaytest.ExploreOption) {
				if p.opts == nil {
					return nil, nil
				}
				for _, o := range p.opts(with) {
					runs, explores = append(runs, o), append(explores, o)
				}
				return runs, explores
			}
			f := replay.Handler(p.run, with...)
			runs, explores := kit(with)
			plainRuns, _ := kit(plain)
			want := replaytest.Run(t, replay.Handler(p.run, plain...), 1, plainRuns...)
			got := replaytest.Run(t, f, 1, runs...)
			if got.Value != want.Value || got.Status != want.Status || fmt.Sprint(got.Err) != fmt.Sprint(want.Err) {
				t.Errorf("it is %s with %q, %v, want %s with %q, %v", got.Status, got.Value, got.Err, want.Status, want.Value, want.Err)
			}
			report := replaytest.Explore(t, f, 1, append(explores, replaytest.WithSchedules(5))...)
			schedules.Add(int64(report.Singles + report.Pairs + report.Triples))
			if m != nil {
				failures.Add(int64(m.calls / m.every))
			}
		})
	}
}
