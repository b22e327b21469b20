package outbox_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/outbox"
)

// desk makes the calls of a queue, each of which takes ten milliseconds.
type desk struct {
	outbox.Queue

	now   time.Time
	calls []string // when, and which updates
	sizes []int
	ids   []string
}

const trip = 10 * time.Millisecond

func newDesk() *desk { return &desk{now: epoch} }

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (d *desk) in(hold time.Duration) time.Time { return d.now.Add(hold) }

// call makes a call if one is due. It reports whether it has, and when one will be due.
func (d *desk) call() (next time.Time, made bool) {
	if d.InFlight() {
		return time.Time{}, false
	}
	next, due := d.Due(d.now)
	if !due {
		return next, false
	}
	us := d.Cut()
	ids := make([]string, len(us))
	for i, u := range us {
		ids[i] = u.ID
	}
	d.calls = append(d.calls, fmt.Sprint(d.now.Sub(epoch), " ", strings.Join(ids, "+")))
	d.sizes = append(d.sizes, len(us))
	d.ids = append(d.ids, ids...)
	return time.Time{}, true
}

// drain makes calls until nothing is queued, or there are more of them than any test needs.
func (d *desk) drain() {
	const most = 10_000
	for range most {
		next, made := d.call()
		switch {
		case made || d.InFlight():
			d.now = d.now.Add(trip)
			d.Answered(true)
		case next.IsZero():
			return
		default:
			d.now = next
		}
	}
}

func startOf(id string) checkpoint.Update {
	return checkpoint.Update{ID: id, Kind: checkpoint.KindStep, Action: checkpoint.ActionStart}
}

func sized(id string, size int) checkpoint.Update {
	u := startOf(id)
	u.Payload = checkpoint.NewPayload(text[:size])
	return u
}

var text = bytes.Repeat([]byte("x"), 1<<20)

func (d *desk) add(ids ...string) {
	for _, id := range ids {
		d.Add(startOf(id), time.Time{})
	}
}

func (d *desk) hold(id string, ms int) uint64 {
	return d.Add(startOf(id), d.in(time.Duration(ms)*time.Millisecond))
}

// inFlight begins a call with an update of its own.
func (d *desk) inFlight(id string) {
	d.add(id)
	d.call()
}

func TestWhenCallsAreMade(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		act    func(d *desk)
		want   []string
	}{
		{"nothing is queued", func(*desk) {}, nil},
		{"an update goes at once", func(d *desk) { d.add("a") }, []string{"0s a"}},
		{"an update that is held goes when its time is over", func(d *desk) { d.hold("a", 7) }, []string{"7ms a"}},
		{"its time is over at once", func(d *desk) { d.hold("a", 0) }, []string{"0s a"}},
		{"its time was over before", func(d *desk) { d.hold("a", -7) }, []string{"0s a"}},
		{
			"one that is due takes along what was held before it, in order",
			func(d *desk) { d.hold("a", 7); d.hold("b", 3); d.add("c") },
			[]string{"0s a+b+c"},
		},
		{
			"the first that is due takes along all, due or not",
			func(d *desk) { d.hold("a", 7); d.hold("b", 3); d.hold("c", 3_600_000) },
			[]string{"3ms a+b+c"},
		},
		{"flush makes all due", func(d *desk) { d.hold("a", 1_000); d.hold("b", 1_000); d.Flush() }, []string{"0s a+b"}},
		{
			"flush is for what is queued, not for what comes",
			func(d *desk) { d.Flush(); d.hold("a", 7) },
			[]string{"7ms a"},
		},
		{
			"what comes while a call is in flight goes with the next",
			func(d *desk) { d.inFlight("a"); d.add("b"); d.hold("c", 1_000) },
			[]string{"0s a", "10ms b+c"},
		},
		{
			"what is held while a call is in flight is held until its time is over",
			func(d *desk) { d.inFlight("a"); d.hold("b", 30) },
			[]string{"0s a", "30ms b"},
		},
		{"a poll is a call without updates", func(d *desk) { d.Poll() }, []string{"0s "}},
		{
			"polls while a call is in flight are one",
			func(d *desk) { d.inFlight("a"); d.Poll(); d.Poll() },
			[]string{"0s a", "10ms "},
		},
		{"a poll takes along what is held", func(d *desk) { d.hold("a", 1_000); d.Poll() }, []string{"0s a"}},
		{"a poll that was asked for before a call is made with it", func(d *desk) { d.add("a"); d.Poll() }, []string{"0s a"}},
		{
			"an update that travels alone",
			func(d *desk) { d.hold("a", 1_000); d.AddAlone(startOf("b")); d.add("c", "d") },
			[]string{"0s a", "10ms b", "20ms c+d"},
		},
		{
			"two that travel alone",
			func(d *desk) { d.AddAlone(startOf("a")); d.AddAlone(startOf("b")) },
			[]string{"0s a", "10ms b"},
		},
		{"cleared", func(d *desk) { d.add("a"); d.hold("b", 5); d.Poll(); d.Clear() }, nil},
		{
			"cleared while a call is in flight, and used again",
			func(d *desk) { d.inFlight("a"); d.add("b"); d.Clear(); d.add("c") },
			[]string{"0s a", "10ms c"},
		},
		{
			"the only one that was due is withdrawn", // what is held waits for its own time
			func(d *desk) { d.hold("a", 7); d.Withdraw(d.Add(startOf("b"), time.Time{})) }, []string{"7ms a"},
		},
		{
			"the one that was held the shortest is withdrawn",
			func(d *desk) { d.hold("a", 7); d.Withdraw(d.hold("b", 3)) },
			[]string{"7ms a"},
		},
		{
			"tied ones of which the second is due",
			func(d *desk) { d.AddTied(startOf("a"), d.in(time.Hour)); d.add("b") },
			[]string{"0s a+b"},
		},
		{
			"tied ones of which the first is due",
			func(d *desk) { d.AddTied(startOf("a"), time.Time{}); d.hold("b", 1_000) },
			[]string{"0s a+b"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			tt.act(d)
			d.drain()
			if diff := cmp.Diff(tt.want, d.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if d.Len() != 0 || d.InFlight() || d.Full() {
				t.Errorf("%d left, in flight %t, full %t", d.Len(), d.InFlight(), d.Full())
			}
		})
	}
}

func TestLimitsOfACall(t *testing.T) {
	t.Parallel()
	const kib = 1 << 10
	many := func(n, bytes int) []checkpoint.Update {
		us := make([]checkpoint.Update, n)
		for i := range us {
			us[i] = sized(fmt.Sprint("u", i), bytes)
		}
		return us
	}
	quotes := func(id string) checkpoint.Update {
		u := startOf(id)
		u.Payload = checkpoint.TextPayload(strings.Repeat(`"`, 300*kib))
		return u
	}
	failed := func(id string, f checkpoint.Failure) checkpoint.Update {
		u := startOf(id)
		u.Failure = &f
		return u
	}
	long := strings.Repeat("m", 400*kib)
	tests := []struct {
		reason  string
		updates []checkpoint.Update
		sizes   []int
	}{
		{"one less than 250 updates", many(249, 0), []int{249}},
		{"250 updates", many(250, 0), []int{250}},
		{"251", many(251, 0), []int{250, 1}},
		{"more than twice 250", many(501, 0), []int{250, 250, 1}},
		{"750 KiB", many(5, 300*kib), []int{2, 2, 1}},
		{"an update that is larger than a call", append(many(2, 10), sized("big", 800*kib), startOf("z")), []int{2, 1, 1}},
		{"one that is larger is the first", append(many(1, 800*kib), startOf("z")), []int{1, 1}},
		{"quotes count as what they are on the wire", []checkpoint.Update{quotes("b"), quotes("c")}, []int{1, 1}},
		{
			"so do failures",
			[]checkpoint.Update{
				failed("b", checkpoint.Failure{Message: long}), failed("c", checkpoint.Failure{Data: long}),
				failed("d", checkpoint.Failure{Type: long}), failed("e", checkpoint.Failure{Stack: []string{long}}),
			},
			[]int{1, 1, 1, 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			var want []string
			for _, u := range tt.updates {
				d.Add(u, time.Time{})
				want = append(want, u.ID)
			}
			d.drain()
			if diff := cmp.Diff(tt.sizes, d.sizes); diff != "" {
				t.Errorf("updates of each call (-want +got):\n%s", diff)
			}
			if !slices.Equal(want, d.ids) {
				t.Errorf("updates are missing or out of order: %s", cmp.Diff(want, d.ids))
			}
		})
	}
}

// A call is due when it is full, however long the updates are held.
func TestFullQueueDoesNotWaitForItsTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		bytes  int
		n      int // updates that fill it
		cut    int // those that fit into a call
	}{
		{"250 updates", 0, outbox.MaxUpdates, outbox.MaxUpdates},
		{"750 KiB", outbox.MaxBytes / 3, 3, 2},
		{"one update", outbox.MaxBytes, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			for i := range tt.n {
				if _, due := d.Due(d.now); due || d.Full() {
					t.Errorf("full with %d updates", i)
				}
				d.Add(sized(strconv.Itoa(i), tt.bytes), d.in(time.Hour))
			}
			if _, due := d.Due(d.now); !due || !d.Full() {
				t.Errorf("due %t, full %t", due, d.Full())
			}
			if us := d.Cut(); len(us) != tt.cut || d.Full() {
				t.Errorf("%d updates, full %t afterwards", len(us), d.Full())
			}
		})
	}
}

// The numbers of an accepted call, and all before them, have been accepted.
func TestNumbers(t *testing.T) {
	t.Parallel()
	d := newDesk()
	check := func(when string, last, acked uint64) {
		t.Helper()
		if d.Last() != last || d.Acked() != acked {
			t.Errorf("%s: last %d, accepted %d; want %d and %d", when, d.Last(), d.Acked(), last, acked)
		}
	}
	check("an empty queue", 0, 0)
	a := d.Add(startOf("a"), time.Time{})
	b := d.hold("b", 1_000)
	check("queued", b, 0)
	if a >= b || d.Sent(a) {
		t.Errorf("the numbers are %d and %d, sent %t", a, b, d.Sent(a))
	}
	d.Cut()
	check("in flight", b, 0)
	c := d.AddAlone(startOf("c"))
	if !d.Sent(b) || d.Sent(c) || b >= c || !d.InFlight() {
		t.Errorf("sent: %t and %t, in flight %t", d.Sent(b), d.Sent(c), d.InFlight())
	}
	d.Answered(true)
	check("accepted", c, b)
	d.Cut()
	d.Answered(false)
	check("refused", c, b)
	d.Poll()
	d.Cut()
	check("a poll", c, b)
	d.Answered(true)
	check("a poll that was accepted", c, c)
}

func TestWithdraw(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		// act returns the number of what is withdrawn.
		act       func(d *desk) uint64
		withdrawn bool
		want      []string // calls
	}{
		{"the last one", func(d *desk) uint64 { d.add("a"); return d.hold("b", 5) }, true, []string{"0s a"}},
		{"the first one", func(d *desk) uint64 { n := d.hold("a", 5); d.add("b"); return n }, true, []string{"0s b"}},
		{"the only one", func(d *desk) uint64 { return d.hold("a", 5) }, true, nil},
		{
			"one in the middle",
			func(d *desk) uint64 { d.add("a"); n := d.hold("b", 5); d.add("c"); return n }, true,
			[]string{"0s a+c"},
		},
		{
			"one that was handed over", // the service may have it
			func(d *desk) uint64 { n := d.Add(startOf("a"), time.Time{}); d.call(); d.add("b"); return n }, false,
			[]string{"0s a", "10ms b"},
		},
		{"the first of tied ones", func(d *desk) uint64 {
			n := d.AddTied(startOf("a"), time.Time{})
			d.add("b")
			return n
		}, false, []string{"0s a+b"}},
		{"the second of tied ones", func(d *desk) uint64 {
			d.AddTied(startOf("a"), time.Time{})
			return d.Add(startOf("b"), time.Time{})
		}, false, []string{"0s a+b"}},
		{"one behind tied ones", func(d *desk) uint64 {
			d.AddTied(startOf("a"), time.Time{})
			d.add("b")
			return d.hold("c", 5)
		}, true, []string{"0s a+b"}},
		{"one before tied ones", func(d *desk) uint64 {
			n := d.hold("a", 5)
			d.AddTied(startOf("b"), time.Time{})
			d.add("c")
			return n
		}, true, []string{"0s b+c"}},
		{"one that travels alone", func(d *desk) uint64 { d.add("a"); return d.AddAlone(startOf("b")) }, true, []string{"0s a"}},
		{"one that there never was", func(d *desk) uint64 { d.add("a"); return 7 }, false, []string{"0s a"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			n := tt.act(d)
			if got := d.Withdraw(n); got != tt.withdrawn {
				t.Errorf("withdrawn %t", got)
			}
			if d.Withdraw(n) {
				t.Error("it was withdrawn twice")
			}
			last := d.Last()
			d.drain()
			if diff := cmp.Diff(tt.want, d.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if d.Acked() < last {
				t.Errorf("all was sent, and %d accepted, but the last is %d: who waits for it waits forever", d.Acked(), last)
			}
			if next := d.Add(startOf("z"), time.Time{}); next <= n && n != 7 {
				t.Errorf("the next has the number %d, which is not above %d", next, n)
			}
		})
	}
}

// What is withdrawn does not count: neither its bytes nor that it was due.
func TestWithdrawnUpdatesDoNotFillACall(t *testing.T) {
	t.Parallel()
	d := newDesk()
	n := d.Add(sized("a", outbox.MaxBytes), d.in(time.Hour))
	if !d.Full() || !d.Withdraw(n) || d.Full() || d.Len() != 0 {
		t.Errorf("full %t, %d queued", d.Full(), d.Len())
	}
	if next, due := d.Due(d.now); due || !next.IsZero() {
		t.Errorf("due %t, next at %v", due, next)
	}
}

func TestDueSaysWhen(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.hold("a", 7)
	d.hold("b", 3)
	if next, due := d.Due(d.now); due || !next.Equal(d.in(3*time.Millisecond)) {
		t.Errorf("due %t, next at %v", due, next)
	}
	if _, due := d.Due(d.in(3*time.Millisecond - 1)); due {
		t.Error("due before its time")
	}
	if _, due := d.Due(d.in(3 * time.Millisecond)); !due {
		t.Error("not due at its time")
	}
}
