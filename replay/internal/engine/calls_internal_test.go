package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
)

// clerk is a service whose calls take time, and whose answers are given.
type clerk struct {
	took    time.Duration
	answers []answer // of the calls, in order; after that, each gives the next token
	calls   []string
	states  []string
	pages   map[string]page
	flying  int
	most    int // calls in flight at once
}

type answer struct {
	out checkpoint.CheckpointOutput
	err error
}

type page struct {
	out checkpoint.StateOutput
	err error
}

func (c *clerk) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	c.flying++
	c.most = max(c.most, c.flying)
	defer func() { c.flying-- }()
	ids := make([]string, len(in.Updates))
	for i, u := range in.Updates {
		ids[i] = u.ID
	}
	c.calls = append(c.calls, in.ARN+" "+in.Token+" "+strings.Join(ids, "+"))
	select {
	case <-time.After(c.took):
	case <-ctx.Done():
		return checkpoint.CheckpointOutput{}, ctx.Err()
	}
	n := len(c.calls)
	if n <= len(c.answers) {
		return c.answers[n-1].out, c.answers[n-1].err
	}
	return checkpoint.CheckpointOutput{Token: fmt.Sprint("t", n)}, nil
}

func (c *clerk) State(_ context.Context, in checkpoint.StateInput) (checkpoint.StateOutput, error) {
	c.states = append(c.states, in.ARN+" "+in.Token+" "+in.Marker)
	return c.pages[in.Marker].out, c.pages[in.Marker].err
}

func operations(ids ...string) []checkpoint.Operation {
	ops := make([]checkpoint.Operation, len(ids))
	for i, id := range ids {
		ops[i] = checkpoint.Operation{ID: id}
	}
	return ops
}

// replies are what a sender has been answered.
type replies []*reply

// send has a sender make calls with one update each, one after the other.
func send(t *testing.T, c *clerk, ids ...string) replies {
	t.Helper()
	var got replies
	answered := make(chan struct{})
	s := &sender{
		client: c, clock: checkpoint.ClockFrom(t.Context()), arn: "arn", token: "t0",
		replied: func(r *reply) { got = append(got, r); answered <- struct{}{} },
	}
	defer s.close()
	for _, id := range ids {
		var us []checkpoint.Update
		if id != "" {
			us = append(us, checkpoint.Update{ID: id})
		}
		s.begin(t.Context(), us)
		<-answered
	}
	return got
}

func TestCheckpointTokenIsThatOfTheAnswerBefore(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	tests := []struct {
		reason  string
		answers []answer
		ids     []string
		calls   []string
		ended   []bool
		failed  []bool
	}{
		{
			"each call has the token of the answer before", nil,
			[]string{"a", "b", "c"},
			[]string{"arn t0 a", "arn t1 b", "arn t2 c"},
			[]bool{false, false, false},
			[]bool{false, false, false},
		},
		{
			"a poll takes part", nil,
			[]string{"a", "", "c"},
			[]string{"arn t0 a", "arn t1 ", "arn t2 c"},
			[]bool{false, false, false},
			[]bool{false, false, false},
		},
		{
			"a call that was refused has not used its token up",
			[]answer{{out: checkpoint.CheckpointOutput{Token: "x"}}, {out: checkpoint.CheckpointOutput{Token: "no"}, err: refused}},
			[]string{"a", "b", "c"},
			[]string{"arn t0 a", "arn x b", "arn x c"},
			[]bool{false, false, false},
			[]bool{false, true, false},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &clerk{answers: tt.answers}
				got := send(t, c, tt.ids...)
				if diff := cmp.Diff(tt.calls, c.calls); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				for i, r := range got {
					if r.ended != tt.ended[i] || (r.err != nil) != tt.failed[i] {
						t.Errorf("reply %d: ended %t, error %v", i, r.ended, r.err)
					}
					if r.err != nil && !errors.Is(r.err, refused) {
						t.Errorf("reply %d has the error %v", i, r.err)
					}
					if id := tt.ids[i]; id == "" && len(r.updates) != 0 || id != "" && r.updates[0].ID != id {
						t.Errorf("reply %d has the updates %v", i, r.updates)
					}
				}
				if c.most > 1 {
					t.Errorf("%d calls in flight at once", c.most)
				}
			})
		})
	}
}

// All pages of an answer are read, with the new token, before it is passed on.
func TestReplyHasAllPages(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	first := answer{out: checkpoint.CheckpointOutput{Token: "new", NextMarker: "m1", Operations: operations("a")}}
	tests := []struct {
		reason string
		first  answer
		pages  map[string]page
		states []string
		ids    []string
		ended  bool
		err    error
		next   string // token of the next call
	}{
		{
			"one page",
			answer{out: checkpoint.CheckpointOutput{Token: "new", Operations: operations("a")}},
			nil, nil,
			[]string{"a"},
			false, nil, "new",
		},
		{
			"three pages", first,
			map[string]page{
				"m1": {out: checkpoint.StateOutput{Operations: operations("b", "c"), NextMarker: "m2"}},
				"m2": {out: checkpoint.StateOutput{Operations: operations("d")}},
			},
			[]string{"arn new m1", "arn new m2"},
			[]string{"a", "b", "c", "d"},
			false, nil, "new",
		},
		{
			"an empty page between", first,
			map[string]page{
				"m1": {out: checkpoint.StateOutput{NextMarker: "m2"}},
				"m2": {out: checkpoint.StateOutput{Operations: operations("d")}},
			},
			[]string{"arn new m1", "arn new m2"},
			[]string{"a", "d"},
			false, nil, "new",
		},
		{
			"no token, with which pages could be read",
			answer{out: checkpoint.CheckpointOutput{NextMarker: "m1", Operations: operations("a")}},
			nil, nil,
			[]string{"a"},
			true, nil, "",
		},
		{
			"a page that cannot be read", first,
			map[string]page{"m1": {err: broken}},
			[]string{"arn new m1"},
			nil, false, broken, "t0",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &clerk{answers: []answer{tt.first}, pages: tt.pages}
				r := send(t, c, "u", "v")[0]
				var ids []string
				for i := range r.operations {
					ids = append(ids, r.operations[i].ID)
				}
				if !errors.Is(r.err, tt.err) || r.ended != tt.ended {
					t.Errorf("error %v, ended %t", r.err, r.ended)
				}
				if diff := cmp.Diff(tt.ids, ids); diff != "" && tt.err == nil {
					t.Errorf("operations (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.states, c.states); diff != "" {
					t.Errorf("pages read (-want +got):\n%s", diff)
				}
				if want := "arn " + tt.next + " v"; c.calls[1] != want {
					t.Errorf("the next call is %q, want %q", c.calls[1], want)
				}
			})
		})
	}
}

// The time of a call includes that of the pages of its answer.
func TestRoundTripIsMeasured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for i, r := range send(t, &clerk{took: 40 * time.Millisecond}, "a", "b") {
			if r.took != 40*time.Millisecond {
				t.Errorf("call %d took %v", i, r.took)
			}
		}
	})
}

func TestRoundTripAverage(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	tests := []struct {
		reason string
		took   []time.Duration
		want   time.Duration
	}{
		{"before the first call it is assumed", nil, 10 * ms},
		{"the first call counts wholly", []time.Duration{40 * ms}, 40 * ms},
		{"the next one for a quarter", []time.Duration{40 * ms, 80 * ms}, 50 * ms},
		{"and so on", []time.Duration{40 * ms, 80 * ms, 10 * ms}, 40 * ms},
		{"at least a millisecond", []time.Duration{0}, ms},
		{"the least is no part of the average", []time.Duration{0, 4 * ms}, ms},
		{"one slow call after many fast ones", []time.Duration{ms, ms, ms, ms, 400 * ms}, 100*ms + 750*time.Microsecond},
	}
	for _, tt := range tests {
		var average trip
		for _, took := range tt.took {
			average.add(took)
		}
		if got := average.time(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.reason, got, tt.want)
		}
	}
}

// A sender that has made no call has no goroutine; one that is closed in the middle of a call
// passes its answer on and ends.
func TestSenderEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		(&sender{}).close()
		c := &clerk{took: time.Second}
		var got *reply
		s := &sender{client: c, clock: checkpoint.ClockFrom(t.Context()), arn: "arn", token: "t0", replied: func(r *reply) { got = r }}
		s.begin(t.Context(), []checkpoint.Update{{ID: "a"}})
		synctest.Wait()
		s.close()
		s.close()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got == nil || got.err != nil || got.updates[0].ID != "a" {
			t.Errorf("the reply is %+v", got)
		}
	})
}

// When the context of the calls ends, the call in flight does.
func TestCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		var got *reply
		s := &sender{
			client: &clerk{took: time.Hour}, clock: checkpoint.ClockFrom(ctx), arn: "arn", token: "t0",
			replied: func(r *reply) { got = r },
		}
		defer s.close()
		s.begin(ctx, nil)
		synctest.Wait()
		cancel(nil)
		synctest.Wait()
		if got == nil || !errors.Is(got.err, context.Canceled) || got.took != 0 {
			t.Errorf("the reply is %+v", got)
		}
	})
}
