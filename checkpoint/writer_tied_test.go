package checkpoint_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/checkpoint"
)

// unit is what a test adds to a writer: one update of a payload of so many bytes, or two that are tied, the
// second of which has the payload.
type unit struct {
	bytes int
	tied  bool
}

// sent adds the units while a call is in flight and returns the IDs of the updates of each later call. Those of
// a pair are "n-" and "n+".
func sent(t *testing.T, units []unit) [][]string {
	t.Helper()
	var calls [][]string
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, time.Millisecond)
		d.do(func() {
			d.AddWait(startOf("first"))
			for i, u := range units {
				if u.tied {
					d.AddBoth(startOf(strconv.Itoa(i)+"-"), sized(strconv.Itoa(i)+"+", u.bytes), 0)
				} else {
					d.AddWait(sized(strconv.Itoa(i), u.bytes))
				}
			}
		})
		time.Sleep(time.Hour)
		d.Join()
		for _, r := range d.replies[1:] {
			var ids []string
			for _, u := range r.Updates {
				ids = append(ids, u.ID)
			}
			calls = append(calls, ids)
		}
	})
	return calls
}

func TestTiedUpdatesTravelTogether(t *testing.T) {
	t.Parallel()
	const kib = 1 << 10
	many := func(n int, last unit) []unit { return append(make([]unit, n), last) }
	tests := []struct {
		reason string
		units  []unit
		last   []string // the updates of the last call
		calls  int
	}{
		{"a pair that fits", []unit{{10, true}}, []string{"0-", "0+"}, 1},
		{"a pair whose second update is larger than a call", []unit{{800 * kib, true}}, []string{"0-", "0+"}, 1},
		{"a pair that is larger than a call only together", []unit{{750*kib - 300, true}}, []string{"0-", "0+"}, 1},
		{"what is before a large pair goes before", []unit{{bytes: 10}, {800 * kib, true}}, []string{"1-", "1+"}, 2},
		{"what is behind a large pair goes behind", []unit{{800 * kib, true}, {bytes: 10}}, []string{"1"}, 2},
		{"two large pairs", []unit{{800 * kib, true}, {800 * kib, true}}, []string{"1-", "1+"}, 2},
		{"a pair that the bytes of a call would split", []unit{{bytes: 700 * kib}, {100 * kib, true}}, []string{"1-", "1+"}, 2},
		{"a pair that the number of updates would split", many(249, unit{0, true}), []string{"249-", "249+"}, 2},
		{"a pair at the end of a full call", many(248, unit{0, true}), nil, 1},
		{"a pair behind a full call", many(250, unit{0, true}), []string{"250-", "250+"}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			calls := sent(t, tt.units)
			if len(calls) != tt.calls {
				t.Fatalf("%d calls, want %d", len(calls), tt.calls)
			}
			if diff := cmp.Diff(tt.last, calls[len(calls)-1]); tt.last != nil && diff != "" {
				t.Errorf("the last call (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNoCallSplitsWhatIsTied: whatever is queued, both updates of a pair are in one call, the order stays, and a
// call keeps to its limits unless it is a single update or pair.
func TestNoCallSplitsWhatIsTied(t *testing.T) {
	t.Parallel()
	const most = checkpoint.MaxBatchBytes
	sizes := gen.OneConstOf(0, 100, most/300, most/3, most/2, most-500, most-250, most-201, most-200, most, most+1, most+200<<10)
	p := properties(t, 60)
	p.Property("calls", prop.ForAll(func(bytes []int, tied []bool, small int) string {
		all := make([]unit, small, small+len(bytes)) // small ones bring a call to the end of its updates
		for i, n := range bytes {
			all = append(all, unit{n, i < len(tied) && tied[i]})
		}
		return wrongCalls(all, sent(t, all))
	}, gen.SliceOf(sizes), gen.SliceOf(gen.Bool()), gen.IntRange(0, 260)))
	p.TestingRun(t, gopter.ConsoleReporter(false))
}

// wrongCalls says what is wrong with the calls that the units were sent in; empty if nothing is.
func wrongCalls(units []unit, calls [][]string) string {
	var want []string
	for i, u := range units {
		if u.tied {
			want = append(want, strconv.Itoa(i)+"-", strconv.Itoa(i)+"+")
		} else {
			want = append(want, strconv.Itoa(i))
		}
	}
	if got := slices.Concat(calls...); !slices.Equal(want, got) {
		return "updates are missing or out of order: " + cmp.Diff(want, got)
	}
	for n, ids := range calls {
		bytes, together := 0, 0
		for i, id := range ids {
			if strings.HasSuffix(id, "-") {
				if i+1 == len(ids) {
					return fmt.Sprintf("call %d splits the pair of %s", n, id)
				}
				continue
			}
			at, _ := strconv.Atoi(strings.TrimRight(id, "+"))
			bytes += units[at].bytes
			together++
		}
		if together > 1 && (len(ids) > checkpoint.MaxBatchUpdates || bytes > checkpoint.MaxBatchBytes) {
			return fmt.Sprintf("call %d has %d updates and %d bytes of payloads", n, len(ids), bytes)
		}
	}
	return ""
}
