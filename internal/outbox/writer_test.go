package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/outbox"
)

// desk is a writer with its lock, and a client whose calls take time in a synctest bubble.
type desk struct {
	*outbox.Writer

	mu      sync.Mutex
	trip    time.Duration
	fail    func(n int) error
	reply   func(n int) checkpoint.CheckpointOutput
	onReply func(r outbox.Reply)
	began   time.Time

	calls   []string // when, token, updates
	most    int      // calls in flight at once
	flying  int
	sizes   []int
	replies []outbox.Reply
}

func newDesk(t *testing.T, trip time.Duration) *desk {
	t.Helper()
	d := &desk{trip: trip, began: time.Now()}
	d.Writer = outbox.NewWriter(t.Context(), outbox.WriterConfig{
		Client: d, Clock: checkpoint.ClockFrom(t.Context()), ARN: "arn", Token: "t0", Lock: &d.mu,
		OnReply: func(r outbox.Reply) {
			d.replies = append(d.replies, r)
			if d.onReply != nil {
				d.onReply(r)
			}
		},
	})
	return d
}

func (d *desk) Checkpoint(_ context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	d.mu.Lock()
	d.flying++
	d.most = max(d.most, d.flying)
	ids := make([]string, len(in.Updates))
	for i, u := range in.Updates {
		ids[i] = u.ID
	}
	d.calls = append(d.calls, fmt.Sprintf("%v %s %s", time.Since(d.began), in.Token, strings.Join(ids, "+")))
	d.sizes = append(d.sizes, len(in.Updates))
	n := len(d.calls)
	d.mu.Unlock()
	time.Sleep(d.trip)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flying--
	if d.fail != nil {
		if err := d.fail(n); err != nil {
			return checkpoint.CheckpointOutput{}, err
		}
	}
	if d.reply != nil {
		return d.reply(n), nil
	}
	return checkpoint.CheckpointOutput{Token: fmt.Sprint("t", n)}, nil
}

func (d *desk) State(_ context.Context, in checkpoint.StateInput) (checkpoint.StateOutput, error) {
	return checkpoint.StateOutput{Operations: []checkpoint.Operation{{ID: "page of " + in.Token + " at " + in.Marker}}}, nil
}

// do calls the writer with its lock held.
func (d *desk) do(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

func startOf(id string) checkpoint.Update {
	return checkpoint.Update{ID: id, Kind: checkpoint.KindStep, Action: checkpoint.ActionStart}
}

func sized(id string, bytes int) checkpoint.Update {
	u := startOf(id)
	u.Payload = checkpoint.NewPayload(make([]byte, 0, bytes))
	u.Payload = checkpoint.TextPayload(strings.Repeat("x", bytes))
	return u
}

func TestWriterDecidesWhenCallsAreMade(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	tests := []struct {
		reason string
		act    func(d *desk)
		want   []string
	}{
		{
			reason: "an update that is awaited goes at once",
			act:    func(d *desk) { d.AddWait(startOf("a")) }, want: []string{"0s t0 a"},
		},
		{
			reason: "an update that is held goes when its time is over",
			act:    func(d *desk) { d.Add(startOf("a"), 7*ms) }, want: []string{"7ms t0 a"},
		},
		{
			reason: "an awaited one takes along what was held before it, in order",
			act: func(d *desk) {
				d.Add(startOf("a"), 7*ms)
				d.Add(startOf("b"), 3*ms)
				d.AddWait(startOf("c"))
			},
			want: []string{"0s t0 a+b+c"},
		},
		{
			reason: "the first that is due takes along all, due or not",
			act: func(d *desk) {
				d.Add(startOf("a"), 7*ms)
				d.Add(startOf("b"), 3*ms)
				d.Add(startOf("c"), time.Hour)
			},
			want: []string{"3ms t0 a+b+c"},
		},
		{
			reason: "without a hold it goes at once",
			act:    func(d *desk) { d.Add(startOf("a"), 0) }, want: []string{"0s t0 a"},
		},
		{
			reason: "flush makes all due",
			act: func(d *desk) {
				d.Add(startOf("a"), time.Hour)
				d.Add(startOf("b"), time.Hour)
				d.Flush()
			},
			want: []string{"0s t0 a+b"},
		},
		{
			reason: "what comes while a call is in flight goes with the next, with the new token",
			act: func(d *desk) {
				d.AddWait(startOf("a"))
				d.AddWait(startOf("b"))
				d.Add(startOf("c"), time.Hour)
			},
			want: []string{"0s t0 a", "10ms t1 b+c"},
		},
		{
			reason: "a poll is a call without updates",
			act:    func(d *desk) { d.Poll() }, want: []string{"0s t0 "},
		},
		{
			reason: "polls while a call is in flight are one",
			act: func(d *desk) {
				d.AddWait(startOf("a"))
				d.Poll()
				d.Poll()
			},
			want: []string{"0s t0 a", "10ms t1 "},
		},
		{
			reason: "a poll takes along what is held",
			act: func(d *desk) {
				d.Add(startOf("a"), time.Hour)
				d.Poll()
			},
			want: []string{"0s t0 a"},
		},
		{
			reason: "an update that travels alone",
			act: func(d *desk) {
				d.Add(startOf("a"), time.Hour)
				d.AddAlone(startOf("b"))
				d.AddWait(startOf("c"))
				d.AddWait(startOf("d"))
			},
			want: []string{"0s t0 a", "10ms t1 b", "20ms t2 c+d"},
		},
		{
			reason: "after stop nothing goes",
			act: func(d *desk) {
				d.AddWait(startOf("a"))
				d.AddWait(startOf("b"))
				d.Stop()
				d.AddWait(startOf("c"))
			},
			want: []string{"0s t0 a"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, 10*ms)
				d.do(func() { tt.act(d) })
				time.Sleep(time.Second)
				d.Join()
				if diff := cmp.Diff(tt.want, d.calls); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				if d.most > 1 {
					t.Errorf("%d calls in flight at once", d.most)
				}
			})
		})
	}
}

func TestWriterKeepsTheLimitsOfACall(t *testing.T) {
	t.Parallel()
	const kb = 1 << 10
	many := func(n, bytes int) []checkpoint.Update {
		us := make([]checkpoint.Update, n)
		for i := range us {
			us[i] = sized(fmt.Sprint("u", i), bytes)
		}
		return us
	}
	tests := []struct {
		reason  string
		updates []checkpoint.Update
		sizes   []int
	}{
		{"250 updates", many(251, 0), []int{1, 250}}, // the first one goes at once
		{"more than 250", many(501+1, 0), []int{1, 250, 250, 1}},
		{"750 KiB", many(1+4, 300*kb), []int{1, 2, 2}},
		{"an update that is larger than a call goes alone", append(many(2, 10), sized("big", 800*kb), startOf("z")), []int{1, 1, 1, 1}},
		{"quotes count as what they are on the wire", []checkpoint.Update{
			startOf("a"), {ID: "b", Payload: checkpoint.TextPayload(strings.Repeat(`"`, 300*kb))}, {ID: "c", Payload: checkpoint.TextPayload(strings.Repeat(`"`, 300*kb))},
		}, []int{1, 1, 1}},
		{"so do failures", []checkpoint.Update{
			startOf("a"),
			{ID: "b", Failure: &checkpoint.Failure{Message: strings.Repeat("m", 400*kb)}},
			{ID: "c", Failure: &checkpoint.Failure{Data: strings.Repeat("m", 400*kb)}},
		}, []int{1, 1, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, time.Millisecond)
				d.do(func() {
					for _, u := range tt.updates {
						d.AddWait(u)
					}
				})
				time.Sleep(time.Minute)
				d.Join()
				if diff := cmp.Diff(tt.sizes, d.sizes); diff != "" {
					t.Errorf("updates of each call (-want +got):\n%s", diff)
				}
				var ids []string
				for _, r := range d.replies {
					for _, u := range r.Updates {
						ids = append(ids, u.ID)
					}
				}
				for i, u := range tt.updates {
					if i >= len(ids) || ids[i] != u.ID {
						t.Fatalf("update %d of %d is missing or out of order", i, len(tt.updates))
					}
				}
			})
		})
	}
}

func TestFullQueueDoesNotWaitForItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, time.Millisecond)
		d.do(func() {
			for i := range outbox.MaxBatchUpdates {
				d.Add(startOf(strconv.Itoa(i)), time.Hour)
			}
		})
		synctest.Wait()
		d.Join()
		if diff := cmp.Diff([]int{outbox.MaxBatchUpdates}, d.sizes); diff != "" {
			t.Errorf("updates of each call (-want +got):\n%s", diff)
		}
	})
}

// TestAckedCoversEarlierUpdates: the numbers of Add are in the order of the queue.
func TestAckedCoversEarlierUpdates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, 10*time.Millisecond)
		var a, b, c uint64
		d.do(func() {
			a = d.AddWait(startOf("a"))
			b = d.Add(startOf("b"), time.Hour)
			c = d.AddWait(startOf("c"))
			if d.Acked() >= a || !d.InFlight() || d.Queued() != 2 {
				t.Errorf("acked %d, in flight %t, queued %d", d.Acked(), d.InFlight(), d.Queued())
			}
		})
		time.Sleep(15 * time.Millisecond)
		d.do(func() {
			if got := d.Acked(); got != a {
				t.Errorf("acked %d, want %d", got, a)
			}
		})
		d.Join()
		d.do(func() {
			if d.Acked() != c || a >= b || b >= c || d.InFlight() || d.Queued() != 0 || d.Token() != "t2" || d.Calls() != 2 {
				t.Errorf("acked %d of %d %d %d, in flight %t, queued %d, token %s, calls %d",
					d.Acked(), a, b, c, d.InFlight(), d.Queued(), d.Token(), d.Calls())
			}
		})
	})
}

func TestWriterAfterACallThatFailed(t *testing.T) {
	t.Parallel()
	refusal := errors.New("refused")
	for _, resume := range []bool{false, true} {
		t.Run(fmt.Sprint("resumed ", resume), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, 10*time.Millisecond)
				d.fail = func(n int) error {
					if n == 1 {
						return refusal
					}
					return nil
				}
				d.onReply = func(r outbox.Reply) {
					if r.Err != nil && resume {
						d.Resume()
					}
				}
				var a uint64
				d.do(func() {
					a = d.AddAlone(startOf("a"))
					d.AddWait(startOf("b"))
				})
				time.Sleep(time.Second)
				d.Join()
				want := []string{"0s t0 a"}
				if resume {
					want = append(want, "10ms t0 b") // with the token that was not used up
				}
				if diff := cmp.Diff(want, d.calls); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				if !errors.Is(d.replies[0].Err, refusal) || (d.Acked() >= a) != resume {
					t.Errorf("the reply has the error %v, acked %d", d.replies[0].Err, d.Acked())
				}
			})
		})
	}
}

func TestReplyWithoutATokenEndsTheWriter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, time.Millisecond)
		d.reply = func(int) checkpoint.CheckpointOutput { return checkpoint.CheckpointOutput{} }
		d.do(func() {
			d.AddWait(startOf("a"))
			d.AddWait(startOf("b"))
		})
		time.Sleep(time.Second)
		d.Join()
		if len(d.calls) != 1 || !d.replies[0].Ended {
			t.Errorf("calls %q, ended %t", d.calls, d.replies[0].Ended)
		}
	})
}

// TestReplyHasAllPages: they are read with the new token before anybody is told.
func TestReplyHasAllPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, time.Millisecond)
		d.reply = func(int) checkpoint.CheckpointOutput {
			return checkpoint.CheckpointOutput{Token: "new", NextMarker: "m", Operations: []checkpoint.Operation{{ID: "first"}}}
		}
		d.do(func() { d.AddWait(startOf("a")) })
		time.Sleep(time.Second)
		d.Join()
		var ids []string
		for _, op := range d.replies[0].Operations {
			ids = append(ids, op.ID)
		}
		if diff := cmp.Diff([]string{"first", "page of new at m"}, ids); diff != "" {
			t.Errorf("operations (-want +got):\n%s", diff)
		}
	})
}

func TestRoundTripIsMeasured(t *testing.T) {
	t.Parallel()
	for _, trip := range []time.Duration{0, 2 * time.Millisecond, 40 * time.Millisecond} {
		t.Run(trip.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, trip)
				if got := d.RoundTrip(); got != 10*time.Millisecond {
					t.Errorf("before the first call it is %v", got)
				}
				d.do(func() { d.AddWait(startOf("a")) })
				time.Sleep(time.Second)
				d.Join()
				if got, want := d.RoundTrip(), max(trip, time.Millisecond); got != want {
					t.Errorf("after a call it is %v, want %v", got, want)
				}
			})
		})
	}
}
