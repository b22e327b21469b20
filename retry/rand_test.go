package retry_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/retry"
)

// firstDraws returns the first numbers of a source.
func firstDraws(source func() float64) [4]float64 {
	return [4]float64{source(), source(), source(), source()}
}

func TestRandIsFrozen(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason    string
		arn       string
		operation string
		attempt   int
		want      [4]float64
	}{
		{reason: "the first attempt", arn: "arn:1", operation: "charge", attempt: 1, want: [4]float64{0.12753810399547116, 0.8035520687068747, 0.1135948446306051, 0.31023464308214355}},
		{reason: "the second attempt", arn: "arn:1", operation: "charge", attempt: 2, want: [4]float64{0.04973272907574988, 0.4246623921233217, 0.8713988445486675, 0.38726202309847013}},
		{reason: "another execution", arn: "arn:2", operation: "charge", attempt: 1, want: [4]float64{0.891231514831047, 0.724355690037638, 0.924435234713217, 0.46445000217872023}},
		{reason: "nothing given", want: [4]float64{0.9645268832568218, 0.07567948265217705, 0.8764566208372272, 0.6654532845137824}},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			got := firstDraws(retry.Rand(tt.arn, tt.operation, tt.attempt))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("draws (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRandLaws(t *testing.T) {
	t.Parallel()

	laws := gopter.NewProperties(parameters())

	laws.Property("equal arguments draw equal numbers in [0, 1)", prop.ForAll(
		func(arn, operation string, attempt int) bool {
			a := firstDraws(retry.Rand(arn, operation, attempt))
			for _, r := range a {
				if r < 0 || r >= 1 {
					return false
				}
			}

			return a == firstDraws(retry.Rand(arn, operation, attempt))
		}, gen.AnyString(), gen.AnyString(), gen.Int()))

	laws.Property("executions, operations and attempts draw different numbers", prop.ForAll(
		func(arn, operation string, attempt int) bool {
			all := map[[4]float64]bool{}
			for _, source := range []func() float64{
				retry.Rand(arn, operation, attempt),
				retry.Rand(arn+"x", operation, attempt),
				retry.Rand(arn, operation+"x", attempt),
				retry.Rand(arn, operation, attempt+1),
				retry.Rand("Y"+arn, operation, attempt),
			} {
				all[firstDraws(source)] = true
			}

			return len(all) == 5
		}, gen.Identifier(), gen.Identifier(), gen.Int()))

	laws.Property("where the ARN ends matters", prop.ForAll(
		func(a, b string) bool {
			return b == "" || firstDraws(retry.Rand(a+b, "", 1)) != firstDraws(retry.Rand(a, b, 1))
		}, gen.AnyString(), gen.AnyString()))

	laws.Property("a decision can be repeated", prop.ForAll(
		func(arn, operation string, n int) bool {
			p := retry.Exponential(retry.MaxAttempts(n + 1))
			again := func() retry.Decision {
				return retry.Decide(p, nil, retry.Attempt{Err: errBusy, Number: n, Rand: retry.Rand(arn, operation, n)})
			}

			return again() == again() && again().Retry
		}, gen.AnyString(), gen.AnyString(), gen.IntRange(1, 100)))

	laws.TestingRun(t)
}

func TestRandSpreadsExecutions(t *testing.T) {
	t.Parallel()

	const executions = 10_000

	var sum, least, most float64 = 0, 1, 0

	for i := range executions {
		r := retry.Rand("arn", "charge", i)()
		sum += r
		least, most = min(least, r), max(most, r)
	}

	if mean := sum / executions; math.Abs(mean-0.5) > 0.02 || least > 0.01 || most < 0.99 {
		t.Errorf("draws from %v to %v, mean %v: want them all over [0, 1)", least, most, mean)
	}
}
