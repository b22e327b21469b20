package local_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// shown describes operations as "id STATUS".
func shown(ops []checkpoint.Operation) []string {
	out := make([]string, 0, len(ops))
	for _, op := range ops {
		id := op.ID
		if op.Kind == checkpoint.KindExecution {
			id = "execution"
		}
		out = append(out, id+" "+string(op.Status))
	}
	return out
}

func want(t *testing.T, what string, got []checkpoint.Operation, ops ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, ops...), shown(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestReplyHoldsWhatTheCallChanged(t *testing.T) {
	t.Parallel()
	inside(t, func(k *talk) string {
		ops := k.must(t, stepStart("a"), waitStart("w", time.Minute), stepSucceed("a", "1"))
		want(t, "the reply", ops, "a SUCCEEDED", "w STARTED")
		if !ops[0].Start.Equal(start) || !ops[0].End.Equal(start) || !ops[1].Due.Equal(start.Add(time.Minute)) {
			t.Errorf("the times are wrong: %+v", ops)
		}
		want(t, "an empty call", k.must(t))
		return ""
	})
}

func TestReplyHoldsTimersThatFiredMeanwhile(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t)
	e := begin(t, s, function(func(k *talk) (string, error) {
		k.must(t, waitStart("w", time.Second), stepRetry("s", 2*time.Second, nil))
		clock.Advance(time.Second)
		want(t, "after a second", k.must(t), "w SUCCEEDED")
		clock.Advance(time.Second)
		want(t, "after two, with what the call changes", k.must(t, stepStart("b")), "s READY", "b STARTED")
		want(t, "nothing is sent twice", k.must(t))
		return succeed(`1`), nil
	}), `{}`)
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestReplyDoesNotRepeatTheEvent(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	e := begin(t, s, function(func(k *talk) (string, error) {
		if k.status("w") == "" {
			k.must(t, waitStart("w", time.Second))
			return pending, nil
		}
		want(t, "the reply", k.must(t, stepStart("a")), "a STARTED")
		return succeed(`1`), nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestReplyIsPaged reads the rest of a reply with the new token.
func TestReplyIsPaged(t *testing.T) {
	t.Parallel()
	inside(t, func(k *talk) string {
		in := checkpoint.CheckpointInput{
			ARN: k.event.DurableExecutionArn, Token: k.token,
			Updates: []checkpoint.Update{stepStart("a"), stepStart("b"), stepStart("c"), stepStart("d"), stepStart("e")},
		}
		out, err := k.client.Checkpoint(k.ctx, in)
		if err != nil {
			t.Error(err)
			return ""
		}
		want(t, "the reply", out.Operations, "a STARTED", "b STARTED")
		_, err = k.client.State(k.ctx, checkpoint.StateInput{ARN: in.ARN, Token: in.Token, Marker: out.NextMarker})
		if message(err) != stale {
			t.Errorf("with the old token: %v", err)
		}
		next := checkpoint.StateInput{ARN: in.ARN, Token: out.Token, Marker: out.NextMarker, MaxItems: 1000}
		for range 2 { // a page can be read again
			page, err := k.client.State(k.ctx, next)
			if err != nil {
				t.Error(err)
			}
			want(t, "the second page", page.Operations, "c STARTED", "d STARTED")
			next.Marker = page.NextMarker
			if page, err = k.client.State(k.ctx, next); err != nil || page.NextMarker != "" {
				t.Errorf("the third page: marker %q, %v", page.NextMarker, err)
			}
			want(t, "the third page", page.Operations, "e STARTED")
			next.Marker = out.NextMarker
		}
		k.token = out.Token
		want(t, "what was read is not sent again", k.must(t))
		return ""
	}, local.WithLimits(local.Limits{PageItems: 2}))
}

func TestReplyPagesNotReadComeWithTheNextReply(t *testing.T) {
	t.Parallel()
	inside(t, func(k *talk) string {
		want(t, "the first reply", k.must(t, stepStart("a"), stepStart("b"), stepStart("c")), "a STARTED", "b STARTED")
		want(t, "the second", k.must(t, stepSucceed("a", "1")), "c STARTED", "a SUCCEEDED")
		return ""
	}, local.WithLimits(local.Limits{PageItems: 2}))
}

// TestStateIsPaged reads the log of an execution with one step too many for the event.
func TestStateIsPaged(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t, local.WithLimits(local.Limits{PageItems: 3}))
	e := begin(t, s, function(func(k *talk) (string, error) {
		if k.event.InitialExecutionState.NextMarker == "" {
			k.must(t, stepStart("a"), stepStart("b"), stepStart("c"))
			k.must(t, waitStart("w", time.Second))
			return pending, nil
		}
		inv, err := checkpoint.DecodeInvocation([]byte(k.payload))
		if err != nil {
			return "", err
		}
		want(t, "the event", inv.Operations, "execution STARTED", "a STARTED", "b STARTED")
		ops, err := checkpoint.LoadState(k.ctx, k.client, inv)
		if err != nil {
			return "", err
		}
		want(t, "all pages", ops, "execution STARTED", "a STARTED", "b STARTED", "c STARTED", "w SUCCEEDED")

		from := checkpoint.StateInput{ARN: inv.ARN, Token: inv.Token}
		page, err := k.client.State(k.ctx, from)
		if err != nil {
			return "", err
		}
		want(t, "without a marker", page.Operations, "execution STARTED", "a STARTED", "b STARTED")
		from.MaxItems = 1
		if page, err = k.client.State(k.ctx, from); err != nil {
			return "", err
		}
		want(t, "one item", page.Operations, "execution STARTED")
		want(t, "what was read is not sent", k.must(t))
		return succeed(`1`), nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestStateRefusesBadPages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason string
		in     checkpoint.StateInput
		want   string
	}{
		{"a page has items", checkpoint.StateInput{MaxItems: -1}, "failed to satisfy constraint"},
		{"a page has at most 1000 items", checkpoint.StateInput{MaxItems: 1001}, "failed to satisfy constraint"},
		{"a marker is the service's", checkpoint.StateInput{Marker: "x"}, "Invalid marker"},
		{"a marker has a position", checkpoint.StateInput{Marker: "log-x"}, "Invalid marker"},
		{"a position is not negative", checkpoint.StateInput{Marker: "log--1"}, "Invalid marker"},
		{"a position exists", checkpoint.StateInput{Marker: "changes-99"}, "Invalid marker"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			inside(t, func(k *talk) string {
				tt.in.ARN, tt.in.Token = k.event.DurableExecutionArn, k.token
				_, err := k.client.State(k.ctx, tt.in)
				if !strings.Contains(message(err), tt.want) {
					t.Errorf("the service says %v, want %q", err, tt.want)
				}
				return ""
			})
		})
	}
}

func TestPagesHoldBytes(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t, local.WithLimits(local.Limits{PageBytes: 1000}))
	first := true
	e := begin(t, s, function(func(k *talk) (string, error) {
		inv, err := checkpoint.DecodeInvocation([]byte(k.payload))
		if err != nil {
			return "", err
		}
		if len(inv.Operations) != 0 {
			t.Errorf("an input of 2000 bytes is in an event of 1000: %v", shown(inv.Operations))
		}
		ops, err := checkpoint.LoadState(k.ctx, k.client, inv)
		if err != nil {
			return "", err
		}
		if first {
			first = false
			want(t, "the state of a new execution", ops, "execution STARTED")
			k.must(t, stepSucceed("a", strings.Repeat("a", 2000)), stepSucceed("b", "1"))
			k.must(t, waitStart("w", time.Second))
			return pending, nil
		}
		want(t, "the state", ops, "execution STARTED", "a SUCCEEDED", "b SUCCEEDED", "w SUCCEEDED")
		return succeed(`1`), nil
	}), `"`+strings.Repeat("a", 2000)+`"`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.Status() != local.StatusSucceeded {
		t.Errorf("the execution is %s: %v", e.Status(), e.Failure())
	}
}

// TestStateOmitsTheChildrenOfFinishedContexts also says that the log keeps them.
func TestStateOmitsTheChildrenOfFinishedContexts(t *testing.T) {
	t.Parallel()
	keep := func(u checkpoint.Update) checkpoint.Update {
		u.ReplayChildren = true
		return u
	}
	for _, tt := range []struct {
		reason  string
		updates []checkpoint.Update
		want    []string
	}{
		{
			"a running context shows its children",
			[]checkpoint.Update{contextStart("c"), below("c", stepStart("s"))},
			[]string{"c STARTED", "s STARTED"},
		},
		{
			"a finished one does not",
			[]checkpoint.Update{contextStart("c"), below("c", stepStart("s")), contextSucceed("c", "1")},
			[]string{"c SUCCEEDED"},
		},
		{
			"unless it keeps them",
			[]checkpoint.Update{contextStart("c"), below("c", stepStart("s")), keep(contextSucceed("c", "1"))},
			[]string{"c SUCCEEDED", "s STARTED"},
		},
		{
			"a finished context hides its children's children",
			[]checkpoint.Update{
				contextStart("c"), below("c", contextStart("d")), below("d", stepStart("s")), contextSucceed("c", "1"),
			},
			[]string{"c SUCCEEDED"},
		},
		{
			"a kept child hides its own",
			[]checkpoint.Update{
				contextStart("c"), below("c", contextStart("d")), below("d", stepStart("s")),
				below("c", contextSucceed("d", "1")), keep(contextSucceed("c", "1")),
			},
			[]string{"c SUCCEEDED", "d SUCCEEDED"},
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, _ := newVirtual(t)
			first := true
			e := begin(t, s, function(func(k *talk) (string, error) {
				if first {
					first = false
					k.must(t, tt.updates...)
					k.must(t, waitStart("w", time.Second))
					return pending, nil
				}
				inv, err := checkpoint.DecodeInvocation([]byte(k.payload))
				if err != nil {
					return "", err
				}
				want(t, "the state", inv.Operations, append(append([]string{"execution STARTED"}, tt.want...), "w SUCCEEDED")...)
				return succeed(`1`), nil
			}), `{}`)
			if err := e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			ids := map[string]bool{}
			for _, u := range tt.updates {
				ids[u.ID] = true
			}
			if got, all := len(e.Operations()), len(ids)+2; got != all {
				t.Errorf("the log holds %d operations of %d", got, all)
			}
		})
	}
}

// TestReplyDoesNotRepeatThePages says that what a page has shown is not reported again, although it
// has changed since the event.
func TestReplyDoesNotRepeatThePages(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t, local.WithLimits(local.Limits{PageItems: 2}))
	first := true
	e := begin(t, s, function(func(k *talk) (string, error) {
		if first {
			first = false
			k.must(t, waitStart("short", time.Second), waitStart("long", 2*time.Second))
			return pending, nil
		}
		clock.Advance(time.Second)
		inv, err := checkpoint.DecodeInvocation([]byte(k.payload))
		if err != nil {
			return "", err
		}
		ops, err := checkpoint.LoadState(k.ctx, k.client, inv)
		want(t, "the pages", ops, "execution STARTED", "short SUCCEEDED", "long SUCCEEDED")
		want(t, "the reply", k.must(t))
		return succeed(`1`), err
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestReplyDoesNotHaveWhatTheEventHides says that what is left out of an event is not news.
func TestReplyDoesNotHaveWhatTheEventHides(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	first := true
	e := begin(t, s, function(func(k *talk) (string, error) {
		if first {
			first = false
			k.must(t, contextStart("c"), below("c", waitStart("w", time.Second)), contextSucceed("c", "1"))
			return pending, nil
		}
		if k.status("w") != "" {
			t.Errorf("the event shows the wait as %s", k.status("w"))
		}
		want(t, "the reply", k.must(t))
		return succeed(`1`), nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestThousandsOfOperationsAreReadInPages(t *testing.T) {
	t.Parallel()
	const n = 2500
	s, _ := newVirtual(t, local.WithLimits(local.Limits{PageItems: 250}))
	first := true
	e := begin(t, s, function(func(k *talk) (string, error) {
		if first {
			first = false
			for i := 0; i < n; i += 250 {
				var updates []checkpoint.Update
				for j := range 250 {
					updates = append(updates, stepSucceed(fmt.Sprintf("s-%d", i+j), "1"))
				}
				k.must(t, updates...)
			}
			k.must(t, waitStart("w", time.Second))
			return pending, nil
		}
		inv, err := checkpoint.DecodeInvocation([]byte(k.payload))
		if err != nil {
			return "", err
		}
		ops, err := checkpoint.LoadState(k.ctx, k.client, inv)
		if len(ops) != n+2 {
			t.Errorf("%d operations were read", len(ops))
		}
		return succeed(`1`), err
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
}
