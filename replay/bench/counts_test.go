package bench_test

import (
	"testing"

	"github.com/perdure/perdure/replay/bench"
)

// TestCountedGoals holds what does not depend on how busy the machine is.
//
//nolint:paralleltest // counts the goroutines of the whole process
func TestCountedGoals(t *testing.T) {
	counted := map[string][]string{
		"Relaxed":          {"calls/step", "missing-starts/step"},
		"Map":              {"calls"},
		"Suspend/branches": {"goroutines-left"},
	}
	size := bench.Quick()
	size.Steps = 1000
	for _, row := range bench.Rows() {
		units := counted[row.Name]
		if units == nil {
			continue
		}
		delete(counted, row.Name)
		metrics, err := row.Measure(t.Context(), size)
		if err != nil {
			t.Fatalf("%s: %v", row.Name, err)
		}
		for _, unit := range units {
			if m, ok := find(metrics, unit); !ok || m.Most == 0 || !m.Held() {
				t.Errorf("%s (%s): %g %s, at most %g are allowed", row.Name, row.Means, m.Value, unit, m.Most)
			}
		}
	}
	for name := range counted {
		t.Errorf("there is no row %s", name)
	}
}

func find(metrics []bench.Metric, unit string) (bench.Metric, bool) {
	for _, m := range metrics {
		if m.Unit == unit {
			return m, true
		}
	}
	return bench.Metric{}, false
}

// TestLimits: a number passes up to its limit, which is never below its goal, and one without a
// limit passes.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason string
		m      bench.Metric
		want   bool
	}{
		{"no limit", bench.Metric{Value: 1e9, Most: 1}, true},
		{"above the goal, within the limit", bench.Metric{Value: 1.4, Most: 1, Limit: 1.5}, true},
		{"at the limit", bench.Metric{Value: 1.5, Limit: 1.5}, true},
		{"above the limit", bench.Metric{Value: 1.6, Most: 1, Limit: 1.5}, false},
	} {
		if got := tt.m.Passes(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.reason, got, tt.want)
		}
	}
}
