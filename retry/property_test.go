package retry_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/retry"
)

// parameters runs each law 200 times, multiplied by PERDURE_CHECKS.
func parameters() *gopter.TestParameters {
	p := gopter.DefaultTestParameters()
	p.MinSuccessfulTests = draws.Count(200)

	return p
}

const manyAttempts = 1 << 40

func anyDelay() gopter.Gen {
	return gen.OneGenOf(gen.Int64Range(0, int64(time.Hour)), gen.Int64Range(0, math.MaxInt64)).
		Map(func(n int64) time.Duration { return time.Duration(n) })
}

func anyRate() gopter.Gen {
	return gen.OneGenOf(gen.Float64Range(1, 10), gen.Float64Range(1, math.MaxFloat64))
}

func anyNumber() gopter.Gen {
	return gen.OneGenOf(gen.IntRange(1, 10), gen.IntRange(1, manyAttempts-1))
}

func anyDraw() gopter.Gen {
	return gen.Float64Range(0, 1)
}

// shapes returns the policies of every preset that grow from initial to ceiling without an end in
// sight.
func shapes(initial, ceiling time.Duration, rate float64, jitter retry.Option) []retry.Policy {
	o := []retry.Option{retry.MaxAttempts(manyAttempts), retry.MaxDelay(ceiling), jitter}
	from := slices.Concat(o, []retry.Option{retry.InitialDelay(initial)})
	growing := slices.Concat(from, []retry.Option{retry.Rate(rate)})

	return []retry.Policy{
		retry.Fixed(initial, o...),
		retry.Linear(from...),
		retry.Exponential(growing...),
		retry.Polling(growing...),
	}
}

func decide(p retry.Policy, n int, draw func() float64) time.Duration {
	d := retry.Decide(p, nil, retry.Attempt{Err: errBusy, Number: n, Rand: draw})
	if !d.Retry || d.Err != nil {
		return -1
	}

	return d.After
}

// rounded is the rule for every computed delay: to the nearest second, at least one.
func rounded(d time.Duration) time.Duration {
	return max(d.Round(time.Second), time.Second)
}

func TestDelayLaws(t *testing.T) {
	t.Parallel()

	laws := gopter.NewProperties(parameters())

	laws.Property("every delay is in whole seconds, from one second to the limit and to the max delay", prop.ForAll(
		func(initial, ceiling time.Duration, rate float64, n int, draw float64) bool {
			for _, jitter := range []retry.Option{retry.NoJitter(), retry.HalfJitter(), retry.FullJitter()} {
				for _, p := range shapes(initial, ceiling, rate, jitter) {
					d := decide(p, n, drawing(draw))
					if d < time.Second || d > limit || d%time.Second != 0 || d > rounded(min(ceiling, limit)) {
						return false
					}
				}
			}

			return true
		}, anyDelay(), anyDelay(), anyRate(), anyNumber(), anyDraw()))

	laws.Property("without jitter the draw does not matter", prop.ForAll(
		func(initial, ceiling time.Duration, rate float64, n int, draw float64) bool {
			for _, p := range shapes(initial, ceiling, rate, retry.NoJitter()) {
				if decide(p, n, drawing(draw)) != decide(p, n, nil) {
					return false
				}
			}

			return true
		}, anyDelay(), anyDelay(), anyRate(), anyNumber(), anyDraw()))

	laws.Property("without jitter the delay is initial·rate^(n−1), initial·n or initial, up to the max delay", prop.ForAll(
		func(seconds, ceiling, rate, n int) bool {
			initial, top := time.Duration(seconds)*time.Second, time.Duration(ceiling)*time.Second
			p := shapes(initial, top, float64(rate), retry.NoJitter())
			exponential := float64(seconds) * math.Pow(float64(rate), float64(n-1))

			return decide(p[0], n, nil) == rounded(min(initial, top)) &&
				decide(p[1], n, nil) == rounded(min(initial*time.Duration(n), top)) &&
				decide(p[2], n, nil) == rounded(time.Duration(min(exponential, float64(ceiling)))*time.Second)
		}, gen.IntRange(0, 100), gen.IntRange(0, 10000), gen.IntRange(1, 5), gen.IntRange(1, 50)))

	laws.Property("full jitter is between nothing and the whole, half jitter between half and the whole", prop.ForAll(
		func(initial, ceiling time.Duration, rate float64, n int, draw float64) bool {
			whole := shapes(initial, ceiling, rate, retry.NoJitter())
			half := shapes(initial, ceiling, rate, retry.HalfJitter())
			full := shapes(initial, ceiling, rate, retry.FullJitter())

			for i := range whole {
				most := decide(whole[i], n, nil)
				least := max(most/2-time.Second, time.Second) // both ends are rounded
				h, f := decide(half[i], n, drawing(draw)), decide(full[i], n, drawing(draw))

				if f > most || h > most || h < least {
					return false
				}
			}

			return true
		}, anyDelay(), anyDelay(), anyRate(), anyNumber(), anyDraw()))

	laws.Property("jitter grows with the draw and reaches both ends", prop.ForAll(
		func(initial, ceiling time.Duration, rate float64, n int, a, b float64) bool {
			whole := shapes(initial, ceiling, rate, retry.NoJitter())

			for _, jitter := range []retry.Option{retry.HalfJitter(), retry.FullJitter()} {
				for i, p := range shapes(initial, ceiling, rate, jitter) {
					if decide(p, n, drawing(min(a, b))) > decide(p, n, drawing(max(a, b))) ||
						decide(p, n, drawing(1)) != decide(whole[i], n, nil) {
						return false
					}
				}
			}

			return true
		}, anyDelay(), anyDelay(), anyRate(), anyNumber(), anyDraw(), anyDraw()))

	laws.Property("a later attempt does not wait less", prop.ForAll(
		func(initial, ceiling time.Duration, rate float64, n int) bool {
			for _, p := range shapes(initial, ceiling, rate, retry.NoJitter()) {
				if n > 1 && decide(p, n-1, nil) > decide(p, n, nil) {
					return false
				}
			}

			return true
		}, anyDelay(), anyDelay(), anyRate(), anyNumber()))

	laws.TestingRun(t)
}

func TestAttemptLaws(t *testing.T) {
	t.Parallel()

	laws := gopter.NewProperties(parameters())

	laws.Property("attempts from the last one on are not repeated, earlier ones are", prop.ForAll(
		func(most, n int) bool {
			for _, p := range []retry.Policy{
				retry.Exponential(retry.MaxAttempts(most)), retry.Linear(retry.MaxAttempts(most)),
				retry.Fixed(1, retry.MaxAttempts(most)), retry.Polling(retry.MaxAttempts(most)),
			} {
				for _, err := range []error{nil, errBusy, retry.Again(n), retry.After(1, errBusy)} {
					if d := retry.Decide(p, nil, retry.Attempt{Err: err, Number: n}); d.Retry != (n < most) || d.Err != nil {
						return false
					}
				}
			}

			return true
		}, gen.IntRange(1, 20), gen.IntRange(1, 20)))

	laws.Property("what filters of the operation refuse ends the retries, whatever the policy", prop.ForAll(
		func(n int, after int64, again bool) bool {
			p := func(retry.Attempt) retry.Decision { return retry.Decision{Retry: again, After: time.Duration(after)} }
			refuses := []retry.Filter{retry.OnIs(errDeclined), retry.If(func(error) bool { return false })}

			return retry.Decide(p, refuses, retry.Attempt{Err: errBusy, Number: n}) == retry.Decision{}
		}, gen.Int(), gen.Int64(), gen.Bool()))

	laws.Property("what is permanent ends the retries, whatever the policy", prop.ForAll(
		func(n int, after int64, again bool) bool {
			p := func(retry.Attempt) retry.Decision { return retry.Decision{Retry: again, After: time.Duration(after)} }

			return retry.Decide(p, nil, retry.Attempt{Err: retry.Permanent(errBusy), Number: n}) == retry.Decision{}
		}, gen.Int(), gen.Int64(), gen.Bool()))

	laws.Property("any answer becomes a delay that the service takes, or an error", prop.ForAll(
		func(n int, after int64, mark int64, marked bool) bool {
			err := errBusy
			if marked {
				err = retry.After(time.Duration(mark), errBusy)
			}

			p := func(retry.Attempt) retry.Decision { return retry.Decision{Retry: true, After: time.Duration(after)} }
			d := retry.Decide(p, nil, retry.Attempt{Err: err, Number: n})

			if after < 0 {
				return !d.Retry && d.Err != nil
			}

			asked := time.Duration(after)
			if marked {
				asked = time.Duration(mark)
			}

			return d.Retry && d.Err == nil && d.After%time.Second == 0 && d.After >= time.Second && d.After <= limit &&
				(d.After >= asked || d.After == limit) && (d.After == time.Second || d.After-asked < time.Second)
		}, gen.Int(), gen.Int64(), gen.Int64(), gen.Bool()))

	laws.TestingRun(t)
}
