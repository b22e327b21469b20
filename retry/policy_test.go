package retry_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/retry"
)

var (
	errBusy     = errors.New("busy")
	errDeclined = errors.New("declined")
)

const limit = 31_622_400 * time.Second

// drawing returns a source that always draws r.
func drawing(r float64) func() float64 { return func() float64 { return r } }

// delays returns the delays of a policy until it stops, in seconds.
func delays(p retry.Policy, r float64, most int) []int {
	var all []int

	for n := 1; n <= most; n++ {
		d := retry.Decide(p, nil, retry.Attempt{Err: errBusy, Number: n, Rand: drawing(r)})
		if !d.Retry {
			break
		}

		all = append(all, int(d.After/time.Second))
	}

	return all
}

func TestPresetsWaitAsDocumented(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason string
		policy retry.Policy
		rand   float64
		want   []int
	}{
		{reason: "Never is one attempt", policy: retry.Never()},
		{reason: "Default, the largest draw", policy: retry.Default(), rand: 1, want: []int{5, 10, 20, 40, 60}},
		{reason: "Default, the middle", policy: retry.Default(), rand: 0.5, want: []int{3, 5, 10, 20, 30}},
		{reason: "Default, the smallest draw", policy: retry.Default(), rand: 0, want: []int{1, 1, 1, 1, 1}},
		{reason: "Exponential without options is Default", policy: retry.Exponential(), rand: 1, want: []int{5, 10, 20, 40, 60}},
		{
			reason: "a rate of 3 without jitter",
			policy: retry.Exponential(retry.MaxAttempts(3), retry.InitialDelay(2*time.Second), retry.Rate(3), retry.NoJitter()),
			want:   []int{2, 6},
		},
		{reason: "Exponential, half jitter, the smallest draw", policy: retry.Exponential(retry.HalfJitter()), rand: 0, want: []int{3, 5, 10, 20, 30}},
		{reason: "Exponential, half jitter, the largest draw", policy: retry.Exponential(retry.HalfJitter()), rand: 1, want: []int{5, 10, 20, 40, 60}},
		{reason: "the last option wins", policy: retry.Exponential(retry.MaxAttempts(9), retry.MaxAttempts(2), retry.FullJitter(), retry.NoJitter()), want: []int{5}},
		{
			reason: "an initial delay above the max delay is cut to it",
			policy: retry.Exponential(retry.InitialDelay(2*time.Minute), retry.NoJitter()),
			want:   []int{60, 60, 60, 60, 60},
		},
		{
			reason: "no initial delay is one second, whatever the rate",
			policy: retry.Exponential(retry.InitialDelay(0), retry.Rate(math.MaxFloat64), retry.NoJitter()),
			want:   []int{1, 1, 1, 1, 1},
		},
		{
			reason: "the service's longest delay is the longest",
			policy: retry.Exponential(retry.InitialDelay(math.MaxInt64), retry.MaxDelay(math.MaxInt64), retry.NoJitter(), retry.MaxAttempts(3)),
			want:   []int{31_622_400, 31_622_400},
		},
		{reason: "Linear", policy: retry.Linear(), rand: 0.1, want: []int{1, 2, 3, 4, 5}},
		{
			reason: "Linear grows by its initial delay up to the max delay",
			policy: retry.Linear(retry.InitialDelay(100*time.Second), retry.MaxDelay(250*time.Second)),
			want:   []int{100, 200, 250, 250, 250},
		},
		{
			reason: "Linear grows to 300 s",
			policy: retry.Linear(retry.InitialDelay(200*time.Second), retry.MaxAttempts(4)),
			want:   []int{200, 300, 300},
		},
		{reason: "Fixed", policy: retry.Fixed(7 * time.Second), rand: 0.1, want: []int{7, 7, 7, 7}},
		{reason: "Fixed has no max delay but the service's", policy: retry.Fixed(10*time.Hour, retry.MaxAttempts(2)), want: []int{36000}},
		{reason: "Fixed with a max delay", policy: retry.Fixed(10*time.Hour, retry.MaxAttempts(2), retry.MaxDelay(time.Hour)), want: []int{3600}},
		{reason: "Fixed with full jitter", policy: retry.Fixed(8*time.Second, retry.FullJitter()), rand: 0.25, want: []int{2, 2, 2, 2}},
		{reason: "half a second is rounded up", policy: retry.Fixed(1500 * time.Millisecond), want: []int{2, 2, 2, 2}},
		{reason: "less than half a second is rounded down", policy: retry.Fixed(2499 * time.Millisecond), want: []int{2, 2, 2, 2}},
		{reason: "nothing is below one second", policy: retry.Fixed(0), want: []int{1, 1, 1, 1}},
		{
			reason: "Polling grows to 300 s",
			policy: retry.Polling(retry.MaxAttempts(14)), rand: 1,
			want: []int{5, 8, 11, 17, 25, 38, 57, 85, 128, 192, 288, 300, 300},
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			if err := retry.Validate(tt.policy); err != nil {
				t.Fatalf("Validate = %v", err)
			}

			if diff := cmp.Diff(tt.want, delays(tt.policy, tt.rand, 100)); diff != "" {
				t.Errorf("delays (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPollingChecksSixtyTimes(t *testing.T) {
	t.Parallel()

	for n := 1; n <= 60; n++ { // nothing fails while a condition is not met
		if d := retry.Decide(retry.Polling(), nil, retry.Attempt{Number: n}); d.Retry != (n < 60) || d.Err != nil {
			t.Errorf("after check %d: %+v", n, d)
		}
	}
}

func TestRandomSourcesAreKeptInRange(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason string
		rand   func() float64
		want   time.Duration
	}{
		{reason: "no source draws the middle", rand: nil, want: 4 * time.Second},
		{reason: "a number that is not one draws the middle", rand: drawing(math.NaN()), want: 4 * time.Second},
		{reason: "too large a number", rand: drawing(7), want: 8 * time.Second},
		{reason: "a negative number", rand: drawing(-7), want: time.Second},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			p := retry.Fixed(8*time.Second, retry.FullJitter())
			if got := p(retry.Attempt{Err: errBusy, Number: 1, Rand: tt.rand}).After; got != tt.want {
				t.Errorf("delay = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestValidateReportsBadPolicies(t *testing.T) {
	t.Parallel()

	negative := -time.Second

	tests := []struct {
		reason string
		policy retry.Policy
		want   string
	}{
		{
			reason: "no attempts", policy: retry.Exponential(retry.MaxAttempts(0)),
			want: "retry: invalid policy: Exponential: MaxAttempts is 0: use 1 or more, the first attempt included",
		},
		{
			reason: "a negative initial delay", policy: retry.Linear(retry.InitialDelay(negative)),
			want: "retry: invalid policy: Linear: InitialDelay is -1s: use zero or more",
		},
		{
			reason: "a negative max delay", policy: retry.Polling(retry.MaxDelay(negative)),
			want: "retry: invalid policy: Polling: MaxDelay is -1s: use zero or more",
		},
		{
			reason: "a negative fixed delay", policy: retry.Fixed(negative),
			want: "retry: invalid policy: Fixed: the delay is -1s: use zero or more",
		},
		{
			reason: "a rate that shrinks delays", policy: retry.Exponential(retry.Rate(0.5)),
			want: "retry: invalid policy: Exponential: Rate is 0.5: use a finite number, 1 or more",
		},
		{
			reason: "a rate that is no number", policy: retry.Exponential(retry.Rate(math.NaN())),
			want: "retry: invalid policy: Exponential: Rate is NaN: use a finite number, 1 or more",
		},
		{
			reason: "an infinite rate", policy: retry.Exponential(retry.Rate(math.Inf(1))),
			want: "retry: invalid policy: Exponential: Rate is +Inf: use a finite number, 1 or more",
		},
		{
			reason: "a rate for Linear", policy: retry.Linear(retry.Rate(2)),
			want: "retry: invalid policy: Linear: Rate does not go with it: use Exponential",
		},
		{
			reason: "an initial delay for Fixed", policy: retry.Fixed(1, retry.InitialDelay(1)),
			want: "retry: invalid policy: Fixed: InitialDelay does not go with it: pass the delay as its first argument",
		},
		{
			reason: "no policy", policy: nil,
			want: "retry: invalid policy: it is nil: pass a policy, such as retry.Default() or retry.Never()",
		},
		{
			reason: "a nil option", policy: retry.Exponential(nil),
			want: "retry: invalid policy: Exponential: an option is nil",
		},
		{
			reason: "a nil filter to except", policy: retry.Exponential(retry.Unless(nil)),
			want: "retry: invalid policy: Exponential: a filter is nil",
		},
		{
			reason: "every problem at once", policy: retry.Exponential(retry.MaxAttempts(-1), retry.OnIs()),
			want: "retry: invalid policy: Exponential: MaxAttempts is -1: use 1 or more, the first attempt included\n" +
				"retry: invalid policy: Exponential: OnIs has no target: pass the errors that errors.Is looks for",
		},
		{
			reason: "a policy of the user's that reports an error",
			policy: func(retry.Attempt) retry.Decision { return retry.Decision{Err: errBusy} },
			want:   "retry: invalid policy: busy",
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			decided := retry.Decide(tt.policy, nil, retry.Attempt{Err: errBusy, Number: 1})
			if decided.Retry {
				t.Error("an invalid policy retries")
			}

			for _, err := range []error{retry.Validate(tt.policy), decided.Err} {
				if !errors.Is(err, retry.ErrInvalid) {
					t.Fatalf("error = %v, want ErrInvalid", err)
				}

				if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
					t.Errorf("message (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestValidateTakesPoliciesWrittenByHand(t *testing.T) {
	t.Parallel()

	table := []time.Duration{time.Second, time.Minute}

	tests := []struct {
		reason string
		policy retry.Policy
	}{
		{reason: "one that stops the probe", policy: func(retry.Attempt) retry.Decision { return retry.Decision{} }},
		{
			reason: "one that retries the probe",
			policy: func(retry.Attempt) retry.Decision { return retry.Decision{Retry: true} },
		},
		{
			reason: "one that counts on a number of 1 or more",
			policy: func(a retry.Attempt) retry.Decision {
				return retry.Decision{Retry: a.Number < len(table), After: table[a.Number-1]}
			},
		},
		{
			reason: "one that reads the error and draws",
			policy: func(a retry.Attempt) retry.Decision {
				return retry.Decision{Retry: fmt.Sprint(a.Err.Error(), a.Rand()) != ""}
			},
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			if err := retry.Validate(tt.policy); err != nil {
				t.Errorf("Validate = %v", err)
			}
		})
	}
}
