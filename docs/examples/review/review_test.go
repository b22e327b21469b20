package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"

	"github.com/perdure/perdure/docs/examples/internal/demo"
	"github.com/perdure/perdure/docs/examples/internal/golden"
	"github.com/perdure/perdure/docs/examples/internal/histories"
)

var (
	large  = Claim{ID: "C-1", Customer: "Ada Lovelace", Cents: small + 1}
	little = Claim{ID: "C-2", Customer: "Ada Lovelace", Cents: small}
)

// given is an answer of a person, some time after the claim has come in.
type given struct {
	after  time.Duration
	role   string
	answer Answer
}

func TestDecide(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		claim        Claim
		away         []string
		answers      []given
		want         Decision
		took         time.Duration
		calls        string
		operations   int
	}{
		{
			name: "at-once", reason: "no one is reminded", claim: large,
			answers: []given{{time.Hour, "reviewer", Answer{Approve, "fine"}}},
			want:    Decision{Approve, "reviewer", "fine"}, took: time.Hour,
			calls: "assign C-1/reviewer, approve C-1", operations: 6,
		},
		{
			name: "reminded", reason: "a reminder every day", claim: large,
			answers: []given{{49 * time.Hour, "reviewer", Answer{Reject, "no receipt"}}},
			want:    Decision{Reject, "reviewer", "no receipt"}, took: 49 * time.Hour,
			calls: "assign C-1/reviewer, remind C-1/reviewer/1, remind C-1/reviewer/2, reject C-1", operations: 12,
		},
		{
			name: "passed-on", reason: "the manager is asked at once, not after the deadline", claim: large,
			answers: []given{
				{time.Hour, "reviewer", Answer{Escalate, "a friend of mine"}}, {time.Hour, "manager", Answer{Approve, "fine"}},
			},
			want: Decision{Approve, "manager", "fine"}, took: 2 * time.Hour,
			calls: "assign C-1/reviewer, assign C-1/manager, approve C-1", operations: 11,
		},
		{
			name: "not-understood", reason: "what is no verdict decides nothing", claim: large,
			answers: []given{
				{time.Hour, "reviewer", Answer{"maybe", ""}}, {time.Hour, "manager", Answer{Approve, "fine"}},
			},
			want: Decision{Approve, "manager", "fine"}, took: 2 * time.Hour,
			calls: "assign C-1/reviewer, assign C-1/manager, approve C-1", operations: 11,
		},
		{
			name: "away", reason: "no deadline is waited for", claim: large, away: []string{"reviewer"},
			answers: []given{{time.Hour, "manager", Answer{Reject, "no receipt"}}},
			want:    Decision{Reject, "manager", "no receipt"}, took: time.Hour,
			calls: "assign C-1/manager, reject C-1", operations: 9,
		},
		{
			name: "silence", reason: "a claim that is not small is refused", claim: large,
			want: Decision{Reject, "rule", "no one answered, and the claim is not small"}, took: 5 * day,
			calls: "assign C-1/reviewer, remind C-1/reviewer/1, remind C-1/reviewer/2, " +
				"assign C-1/manager, remind C-1/manager/1, remind C-1/manager/2, remind C-1/manager/3, reject C-1", operations: 26,
		},
		{
			name: "silence-little", reason: "a small claim is paid", claim: little, away: []string{"reviewer", "manager"},
			want:  Decision{Approve, "rule", "no one answered, and the claim is small"},
			calls: "approve C-2", operations: 7,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			office := &fakeOffice{away: tt.away}
			e := replaytest.Start(t, replay.Handler(NewReview(office).Decide), tt.claim,
				replaytest.WithBudget(replaytest.Budget{Operations: tt.operations}))
			for _, g := range tt.answers {
				e.Advance(g.after)
				e.Callback("ask[" + g.role + "]/answer").Succeed(g.answer)
			}
			r := e.Result()
			if diff := cmp.Diff(tt.want, r.Value); diff != "" || r.Err != nil || r.Took != tt.took {
				t.Errorf("%s: %v after %v, want %v (-want +got):\n%s", tt.reason, r.Err, r.Took, tt.took, diff)
			}
			if diff := cmp.Diff(tt.calls, strings.Join(office.calls, ", ")); diff != "" {
				t.Errorf("%s: calls (-want +got):\n%s", tt.reason, diff)
			}
			if r.Metered != tt.operations {
				t.Errorf("%s: %d operations, want %d", tt.reason, r.Metered, tt.operations)
			}
			histories.Keep(t, tt.name, r)
		})
	}
}

// TestOutage: a function that is away until the deadline is over reminds once, of what had passed,
// and asks the next person.
func TestOutage(t *testing.T) {
	t.Parallel()
	d := demo.New(io.Discard, monday())
	var office fakeOffice
	service := d.Service
	arn := func() string { return service.Executions()[0].ARN() }
	d.After(time.Hour, func() {
		if err := service.Pause(context.Background(), checkpoint.PauseInput{ARN: arn()}); err != nil {
			t.Error(err)
		}
	})
	d.After(4*day, func() {
		if err := service.Resume(context.Background(), checkpoint.ResumeInput{ARN: arn()}); err != nil {
			t.Error(err)
		}
	})
	decision, err := demo.Run(t.Context(), d, "review", replay.Handler(NewReview(&office).Decide, d.Options()...), large)
	if err != nil || decision.By != "rule" {
		t.Errorf("got %+v, %v", decision, err)
	}
	const want = "assign C-1/reviewer, remind C-1/reviewer/1, " +
		"assign C-1/manager, remind C-1/manager/1, remind C-1/manager/2, remind C-1/manager/3, reject C-1"
	if diff := cmp.Diff(want, strings.Join(office.calls, ", ")); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestAnswerThatIsNone: an inbox that sends something else fails the execution, and so raises an
// alarm. That is no silence.
func TestAnswerThatIsNone(t *testing.T) {
	t.Parallel()
	e := replaytest.Start(t, replay.Handler(NewReview(&fakeOffice{}).Decide), large)
	e.RunUntilSuspended()
	e.Callback("ask[reviewer]/answer").Succeed([]byte("<html>"))
	r := e.Result()
	if _, undecoded := errors.AsType[*codec.Error](r.Err); !undecoded || noAnswer(r.Err) || !strings.Contains(r.Err.Error(), "ask the reviewer: ") {
		t.Errorf("got %+v, %v", r.Value, r.Err)
	}
}

// TestEveryCrash: wherever the function is lost, and whenever the answer comes, the decision is the
// same.
func TestEveryCrash(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		away []string
		opts []replaytest.ExploreOption
	}{
		"passed on": {opts: []replaytest.ExploreOption{
			replaytest.CallbackResult("ask[reviewer]/answer", Answer{Escalate, "a friend of mine"}),
			replaytest.CallbackResult("ask[manager]/answer", Answer{Reject, "no receipt"}),
		}},
		"silence after one is away": {away: []string{"reviewer"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			office := &fakeOffice{away: tt.away}
			replaytest.Explore(t, replay.Handler(NewReview(office).Decide), large,
				append(tt.opts, replaytest.WithReset(office.reset), replaytest.WithSchedules(5))...)
		})
	}
}

// TestCompatible: claims that were begun with the code whose histories are kept go on with this
// one.
func TestCompatible(t *testing.T) {
	t.Parallel()
	histories.Check(t, replay.Handler(NewReview(&fakeOffice{}).Decide))
}

func TestShape(t *testing.T) {
	t.Parallel()
	replaytest.Shape(t, "review.shape", replay.Handler(NewReview(&fakeOffice{}).Decide), []Claim{large})
}

func TestOutput(t *testing.T) {
	t.Parallel()
	golden.Output(t, show)
}
