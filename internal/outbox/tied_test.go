package outbox_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/internal/outbox"
)

// unit is what a test adds to a queue: updates that are tied, of which the last has a payload of
// that many bytes.
type unit struct {
	bytes int
	tied  int // to how many it is tied that are before it
	alone bool
}

// queue adds the units to a queue and returns the IDs of their updates. Those of a chain end with
// "-", but for the last, which ends with "+" if it is not the only one.
func (d *desk) queue(units []unit) []string {
	var ids []string
	for i, u := range units {
		id := strconv.Itoa(i)
		for range u.tied {
			d.AddTied(startOf(id+"-"), time.Time{})
			ids = append(ids, id+"-")
		}
		if u.tied > 0 {
			id += "+"
		}
		if u.alone {
			d.AddAlone(sized(id, u.bytes))
		} else {
			d.Add(sized(id, u.bytes), time.Time{})
		}
		ids = append(ids, id)
	}
	return ids
}

func (d *desk) callIDs() [][]string {
	calls := make([][]string, len(d.calls))
	at := 0
	for i, n := range d.sizes {
		calls[i] = d.ids[at : at+n]
		at += n
	}
	return calls
}

func TestTiedUpdatesTravelTogether(t *testing.T) {
	t.Parallel()
	const kib = 1 << 10
	many := func(n int, last unit) []unit { return append(make([]unit, n), last) }
	pair := func(bytes int) unit { return unit{bytes: bytes, tied: 1} }
	tests := []struct {
		reason string
		units  []unit
		last   []string // the updates of the last call; nil if they do not matter
		calls  int
	}{
		{"a pair that fits", []unit{pair(10)}, []string{"0-", "0+"}, 1},
		{"a pair whose second update is larger than a call", []unit{pair(800 * kib)}, []string{"0-", "0+"}, 1},
		{"a pair that is larger than a call only together", []unit{pair(750*kib - 300)}, []string{"0-", "0+"}, 1},
		{"what is before a large pair goes before", []unit{{bytes: 10}, pair(800 * kib)}, []string{"1-", "1+"}, 2},
		{"what is behind a large pair goes behind", []unit{pair(800 * kib), {bytes: 10}}, []string{"1"}, 2},
		{"two large pairs", []unit{pair(800 * kib), pair(800 * kib)}, []string{"1-", "1+"}, 2},
		{"a pair that the bytes of a call would split", []unit{{bytes: 700 * kib}, pair(100 * kib)}, []string{"1-", "1+"}, 2},
		{"a pair that the number of updates would split", many(249, pair(0)), []string{"249-", "249+"}, 2},
		{"a pair at the end of a full call", many(248, pair(0)), nil, 1},
		{"a pair behind a full call", many(250, pair(0)), []string{"250-", "250+"}, 2},
		{"a chain of three that the number would split", many(248, unit{tied: 2}), []string{"248-", "248-", "248+"}, 2},
		{"a chain longer than a call, which the service may refuse", []unit{{tied: 300}}, nil, 1},
		{"a chain longer than a call between others", []unit{{}, {tied: 300}, {}}, []string{"2"}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			d.queue(tt.units)
			d.drain()
			calls := d.callIDs()
			if len(calls) != tt.calls {
				t.Fatalf("%d calls, want %d", len(calls), tt.calls)
			}
			if diff := cmp.Diff(tt.last, calls[len(calls)-1]); tt.last != nil && diff != "" {
				t.Errorf("the last call (-want +got):\n%s", diff)
			}
		})
	}
}

// An update that is tied to one that has not been added yet does not travel without it: the engine
// adds both before it gives the turn away, so the queue is never asked in between.
func TestTiedUpdateAtTheEnd(t *testing.T) {
	t.Parallel()
	d := newDesk()
	n := d.AddTied(startOf("a"), time.Time{})
	if d.Withdraw(n) {
		t.Error("half of a pair was withdrawn")
	}
	d.add("b")
	d.drain()
	if diff := cmp.Diff([]string{"0s a+b"}, d.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func properties(n int) *gopter.Properties {
	parameters := gopter.DefaultTestParameters()
	parameters.MinSuccessfulTests = draws.Count(n)
	return gopter.NewProperties(parameters)
}

// Whatever is queued, what is tied is in one call, the order stays, and a call keeps to its limits
// unless it is a single update or chain. What travels alone does.
func TestCallsKeepTheLaws(t *testing.T) {
	t.Parallel()
	const most = outbox.MaxBytes
	sizes := gen.OneConstOf(0, 100, most/300, most/3, most/2, most-500, most-250, most-201, most-200, most, most+1, most+200<<10)
	kinds := gen.OneConstOf(0, 0, 0, 1, 2, 30, -1)
	p := properties(60)
	p.Property("calls", prop.ForAll(func(bytes, kind []int, small int) string {
		all := make([]unit, small, small+len(bytes)) // small ones bring a call to the end of its updates
		for i, n := range bytes {
			u := unit{bytes: n}
			if i < len(kind) {
				u.tied, u.alone = max(kind[i], 0), kind[i] < 0
			}
			all = append(all, u)
		}
		d := newDesk()
		want := d.queue(all)
		d.drain()
		if !slices.Equal(want, d.ids) {
			return "updates are missing or out of order: " + cmp.Diff(want, d.ids)
		}
		return wrongCalls(all, d.callIDs())
	}, gen.SliceOf(sizes), gen.SliceOf(kinds), gen.IntRange(0, 260)))
	p.TestingRun(t, gopter.ConsoleReporter(false))
}

// wrongCalls says what is wrong with the calls that the units were sent in; empty if nothing is.
func wrongCalls(units []unit, calls [][]string) string {
	for n, ids := range calls {
		bytes, together := 0, 0
		for i, id := range ids {
			if strings.HasSuffix(id, "-") {
				if i+1 == len(ids) {
					return fmt.Sprintf("call %d splits what is tied: %s", n, id)
				}
				continue
			}
			at, _ := strconv.Atoi(strings.TrimRight(id, "+"))
			if units[at].alone && len(ids) > units[at].tied+1 {
				return fmt.Sprintf("%s does not travel alone in call %d", id, n)
			}
			bytes += units[at].bytes
			together++
		}
		if together > 1 && (len(ids) > outbox.MaxUpdates || bytes > outbox.MaxBytes) {
			return fmt.Sprintf("call %d has %d updates and %d bytes of payloads", n, len(ids), bytes)
		}
	}
	return ""
}

// Whatever is added, held, withdrawn, flushed, polled and answered in whatever order: what was not
// withdrawn is sent once, in the order it was added; numbers grow; a call is made as soon as one is
// due, and not before.
func TestQueueKeepsTheLaws(t *testing.T) {
	t.Parallel()
	p := properties(2_000)
	p.Property("acts", prop.ForAll(playQueue, gen.SliceOf(gen.IntRange(0, 1<<20))))
	p.TestingRun(t, gopter.ConsoleReporter(false))
}

// ledger is what a test knows of a queue.
type ledger struct {
	d       *desk
	want    []string             // that were added and not withdrawn
	numbers map[string]uint64    // of all that were added
	due     map[string]time.Time // of what is queued
	tied    map[string]bool      // to another
	last    uint64
	open    bool // the last one is tied to the next
}

// playQueue does what the numbers say, and says what is wrong.
func playQueue(acts []int) string {
	l := &ledger{d: newDesk(), numbers: map[string]uint64{}, due: map[string]time.Time{}, tied: map[string]bool{}}
	for i, n := range acts {
		if problem := firstOf(l.act(strconv.Itoa(i), n), l.check()); problem != "" {
			return fmt.Sprintf("act %d: %s; calls %q", i, problem, l.d.calls)
		}
	}
	if l.open {
		l.add("z", 0)
	}
	l.d.Answered(true)
	l.d.drain()
	if !slices.Equal(l.want, l.d.ids) {
		return "sent: " + cmp.Diff(l.want, l.d.ids)
	}
	if l.d.Acked() < l.d.Last() || l.d.Len() > 0 {
		return fmt.Sprintf("accepted %d of %d, %d queued", l.d.Acked(), l.d.Last(), l.d.Len())
	}
	return ""
}

func firstOf(problems ...string) string {
	for _, p := range problems {
		if p != "" {
			return p
		}
	}
	return ""
}

// add adds an update with this ID, held back for some milliseconds; zero is not at all.
func (l *ledger) add(id string, hold int) {
	due := time.Time{}
	if hold > 0 {
		due = l.d.in(time.Duration(hold) * time.Millisecond)
	}
	l.note(id, due, l.d.Add(startOf(id), due), false)
}

func (l *ledger) note(id string, due time.Time, number uint64, ties bool) {
	l.want = append(l.want, id)
	l.numbers[id], l.due[id] = number, due
	l.tied[id] = l.open || ties
	l.open = ties
}

func (l *ledger) act(id string, n int) string {
	hold := n >> 4 & 15
	switch kind := n & 15; {
	case kind < 6 || l.open:
		l.add(id, hold)
	case kind == 6:
		l.note(id, time.Time{}, l.d.AddTied(startOf(id), time.Time{}), true)
	case kind == 7:
		l.note(id, time.Time{}, l.d.AddAlone(startOf(id)), false)
	case kind == 8:
		l.d.Flush()
		for id := range l.due {
			l.due[id] = time.Time{}
		}
	case kind < 11:
		return l.withdraw(n >> 4)
	case kind == 11:
		l.d.Answered(true)
	default:
		l.d.now = l.d.now.Add(time.Duration(hold) * time.Millisecond)
		return l.call()
	}
	if number, ok := l.numbers[id]; ok {
		if number <= l.last {
			return fmt.Sprintf("%s has the number %d, which is not above %d", id, number, l.last)
		}
		l.last = number
	}
	return ""
}

func (l *ledger) withdraw(n int) string {
	if len(l.want) == 0 {
		return ""
	}
	at := n % len(l.want)
	id := l.want[at]
	_, queued := l.due[id]
	if can := queued && !l.tied[id]; l.d.Withdraw(l.numbers[id]) != can {
		return fmt.Sprintf("%s can be withdrawn: %t", id, !can)
	} else if can {
		l.want = slices.Delete(l.want, at, at+1)
		delete(l.due, id)
	}
	return ""
}

// call makes a call if one is due, which is known without the queue.
func (l *ledger) call() string {
	due := false
	for _, at := range l.due {
		due = due || !at.After(l.d.now)
	}
	due = due && !l.d.InFlight()
	before := len(l.d.ids)
	if _, made := l.d.call(); made != due {
		return fmt.Sprintf("a call was made: %t", made)
	}
	for _, id := range l.d.ids[before:] {
		delete(l.due, id)
	}
	return ""
}

// check compares what the queue says of itself with the ledger.
func (l *ledger) check() string {
	if l.d.Len() != len(l.due) {
		return fmt.Sprintf("%d are queued, want %d", l.d.Len(), len(l.due))
	}
	for id := range l.due {
		if l.d.Sent(l.numbers[id]) {
			return id + " counts as sent"
		}
	}
	for _, id := range l.d.ids {
		if !l.d.Sent(l.numbers[id]) {
			return id + " does not count as sent"
		}
	}
	if n := len(l.due); n > 0 && l.d.Last() != l.numbers[l.want[len(l.want)-1]] {
		return fmt.Sprintf("the last has the number %d", l.d.Last())
	}
	return ""
}
