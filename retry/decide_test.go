package retry_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/perdure/perdure/retry"
)

// waiting is a policy that always retries after d.
func waiting(d time.Duration) retry.Policy {
	return func(retry.Attempt) retry.Decision { return retry.Decision{Retry: true, After: d} }
}

// panicking is a policy that panics with v.
func panicking(v any) retry.Policy {
	return func(retry.Attempt) retry.Decision { panic(v) }
}

func TestDecideAppliesTheRulesInOrder(t *testing.T) {
	t.Parallel()

	matches := retry.OnIs(errBusy)
	rejects := retry.OnIs(errDeclined)
	panics := retry.If(func(error) bool { panic(errDeclined) })
	yes := func(d time.Duration) retry.Decision { return retry.Decision{Retry: true, After: d} }
	no := retry.Decision{}
	invalid := retry.Decision{Err: retry.ErrInvalid}

	tests := []struct {
		reason string
		policy retry.Policy
		only   []retry.Filter
		err    error
		number int // zero: 1
		want   retry.Decision
	}{
		{reason: "no policy", err: errBusy, want: invalid},
		{reason: "no policy, asked again", err: retry.Again(1), want: invalid},
		{reason: "the policy's delay", policy: waiting(4 * time.Second), err: errBusy, want: yes(4 * time.Second)},

		{reason: "permanent", policy: waiting(0), err: retry.Permanent(errBusy), want: no},
		{reason: "permanent inside", policy: waiting(0), err: fmt.Errorf("x: %w", retry.Permanent(errBusy)), want: no},
		{reason: "permanent wins over Again", policy: waiting(0), err: retry.Permanent(retry.Again(1)), want: no},
		{reason: "permanent asks no filter", policy: waiting(0), only: []retry.Filter{panics}, err: retry.Permanent(errBusy), want: no},

		{reason: "a filter of the operation matches", policy: waiting(0), only: []retry.Filter{rejects, matches}, err: errBusy, want: yes(time.Second)},
		{reason: "no filter of the operation matches", policy: waiting(0), only: []retry.Filter{rejects}, err: errBusy, want: no},
		{
			reason: "the operation narrows the policy's filters", policy: retry.Linear(retry.OnIs(errDeclined)),
			only: []retry.Filter{matches}, err: errBusy, want: no,
		},
		{reason: "the policy is not asked about an error that filters refuse", policy: panicking("x"), only: []retry.Filter{rejects}, err: errBusy, want: no},

		{reason: "Again counts attempts", policy: retry.Linear(), err: retry.Again(1), number: 6, want: no},
		{reason: "Again waits as the policy says", policy: retry.Linear(), err: retry.Again(1), number: 3, want: yes(3 * time.Second)},
		{reason: "Again and After", policy: retry.Linear(), err: retry.After(9*time.Second, retry.Again(1)), want: yes(9 * time.Second)},

		{reason: "After replaces the policy's delay", policy: waiting(time.Hour), err: retry.After(2*time.Second, errBusy), want: yes(2 * time.Second)},
		{reason: "After inside", policy: waiting(time.Hour), err: fmt.Errorf("x: %w", retry.After(2*time.Second, errBusy)), want: yes(2 * time.Second)},
		{reason: "After does not add attempts", policy: retry.Linear(), err: retry.After(2*time.Second, errBusy), number: 6, want: no},
		{reason: "After does not pass filters", policy: retry.Linear(retry.OnIs(errDeclined)), err: retry.After(time.Second, errBusy), want: no},
		{reason: "After a time that has passed", policy: waiting(time.Hour), err: retry.After(-time.Minute, errBusy), want: yes(time.Second)},
		{reason: "After is rounded up", policy: waiting(0), err: retry.After(2*time.Second+1, errBusy), want: yes(3 * time.Second)},
		{reason: "After has the service's limit", policy: waiting(0), err: retry.After(math.MaxInt64, errBusy), want: yes(limit)},

		{reason: "no delay is one second", policy: waiting(0), err: errBusy, want: yes(time.Second)},
		{reason: "a delay is rounded up", policy: waiting(1001 * time.Millisecond), err: errBusy, want: yes(2 * time.Second)},
		{reason: "a delay at the limit", policy: waiting(limit), err: errBusy, want: yes(limit)},
		{reason: "a delay beyond the limit", policy: waiting(math.MaxInt64), err: errBusy, want: yes(limit)},
		{reason: "a delay of a policy that stops is dropped", policy: func(retry.Attempt) retry.Decision { return retry.Decision{After: -1} }, err: errBusy, want: no},

		{reason: "a negative delay", policy: waiting(-1), err: errBusy, want: invalid},
		{reason: "a negative delay under After", policy: waiting(-1), err: retry.After(time.Second, errBusy), want: invalid},
		{reason: "a panic of the policy", policy: panicking("no table"), err: errBusy, want: invalid},
		{reason: "a panic of the policy with an error", policy: panicking(errDeclined), err: errBusy, want: retry.Decision{Err: errDeclined}},
		{reason: "a panic of a filter of the policy", policy: retry.Linear(panics), err: errBusy, want: retry.Decision{Err: errDeclined}},
		{reason: "a panic of a filter of the operation", policy: waiting(0), only: []retry.Filter{panics}, err: errBusy, want: retry.Decision{Err: errDeclined}},
		{
			reason: "an error of the policy wins over Retry",
			policy: func(retry.Attempt) retry.Decision { return retry.Decision{Retry: true, After: 1, Err: errDeclined} },
			err:    errBusy, want: retry.Decision{Err: errDeclined},
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			got := retry.Decide(tt.policy, tt.only, retry.Attempt{Err: tt.err, Number: max(tt.number, 1)})
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}

			if got.Err != nil && !errors.Is(got.Err, retry.ErrInvalid) {
				t.Errorf("errors.Is(%v, ErrInvalid) = false", got.Err)
			}
		})
	}
}

func TestDecideExplainsWhatIsInvalid(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason string
		policy retry.Policy
		want   string
	}{
		{
			reason: "a negative delay", policy: waiting(-time.Second),
			want: "retry: invalid policy: its delay after attempt 3 is -1s: use zero or more",
		},
		{reason: "a panic", policy: panicking("no table"), want: "retry: invalid policy: it panicked: no table"},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			got := retry.Decide(tt.policy, nil, retry.Attempt{Err: errBusy, Number: 3})
			if diff := cmp.Diff(tt.want, got.Err.Error()); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPoliciesSeeTheErrorOfTheBody(t *testing.T) {
	t.Parallel()

	again := retry.Again(1)

	tests := []struct {
		reason string
		err    error
		want   error
	}{
		{reason: "without marks", err: retry.After(time.Second, errBusy), want: errBusy},
		{reason: "Again as it is", err: again, want: again},
		{reason: "none", err: nil, want: nil},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			var seen retry.Attempt

			want := retry.Attempt{Err: tt.want, Number: 2, Elapsed: time.Minute, Context: t.Context()}
			retry.Decide(func(a retry.Attempt) retry.Decision {
				seen = a
				return retry.Decision{}
			}, nil, retry.Attempt{Err: tt.err, Number: 2, Elapsed: time.Minute, Context: t.Context()})

			sameContext := cmp.Comparer(func(a, b context.Context) bool { return a == b })
			if diff := cmp.Diff(want, seen, cmpopts.EquateErrors(), sameContext); diff != "" {
				t.Errorf("attempt (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPoliciesAlwaysHaveAContext: a policy that logs to its context need not ask whether there is
// one.
func TestPoliciesAlwaysHaveAContext(t *testing.T) {
	t.Parallel()

	var seen []context.Context

	policy := func(a retry.Attempt) retry.Decision {
		seen = append(seen, a.Context)
		return retry.Decision{}
	}
	if err := retry.Validate(policy); err != nil {
		t.Error(err)
	}

	retry.Decide(policy, nil, retry.Attempt{Number: 1})

	want := []context.Context{context.Background(), context.Background()}
	if !slices.Equal(want, seen) {
		t.Errorf("the contexts are %v, want %v", seen, want)
	}
}
