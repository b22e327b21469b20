package retry_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/retry"
)

// schedule prints what a policy decides after each attempt.
func schedule(p retry.Policy) {
	for n := 1; ; n++ {
		d := retry.Decide(p, nil, retry.Attempt{Err: errBusy, Number: n})
		if !d.Retry {
			fmt.Println("stop after attempt", n)
			return
		}

		fmt.Print(d.After, " ")
	}
}

func ExampleDefault() {
	schedule(retry.Default()) // without a source of jitter: the middle of the range
	// Output: 3s 5s 10s 20s 30s stop after attempt 6
}

func ExampleExponential() {
	schedule(retry.Exponential(retry.MaxAttempts(4), retry.InitialDelay(2*time.Second), retry.Rate(3), retry.NoJitter()))
	// Output: 2s 6s 18s stop after attempt 4
}

func ExampleLinear() {
	schedule(retry.Linear(retry.InitialDelay(10 * time.Second)))
	// Output: 10s 20s 30s 40s 50s stop after attempt 6
}

func ExampleFixed() {
	schedule(retry.Fixed(30*time.Second, retry.MaxAttempts(3)))
	// Output: 30s 30s stop after attempt 3
}

func ExamplePolling() {
	schedule(retry.Polling(retry.MaxAttempts(5), retry.NoJitter()))
	// Output: 5s 8s 11s 17s stop after attempt 5
}

func ExampleNever() {
	schedule(retry.Never())
	// Output: stop after attempt 1
}

func ExamplePolicy() {
	overnight := retry.Policy(func(a retry.Attempt) retry.Decision {
		if a.Elapsed > 8*time.Hour {
			return retry.Decision{}
		}

		return retry.Decision{Retry: true, After: 30 * time.Minute}
	})

	fmt.Println(retry.Decide(overnight, nil, retry.Attempt{Err: errBusy, Number: 3, Elapsed: time.Hour}).After)
	// Output: 30m0s
}

func ExampleDecide() {
	busyOnly := []retry.Filter{retry.OnIs(errBusy)}

	d := retry.Decide(retry.Default(), busyOnly, retry.Attempt{Err: retry.After(90*time.Second, errBusy), Number: 1})
	fmt.Println(d.Retry, d.After)

	d = retry.Decide(retry.Default(), busyOnly, retry.Attempt{Err: errDeclined, Number: 1})
	fmt.Println(d.Retry, d.After)
	// Output:
	// true 1m30s
	// false 0s
}

func ExampleValidate() {
	err := retry.Validate(retry.Exponential(retry.MaxAttempts(0)))

	fmt.Println(err)
	fmt.Println(errors.Is(err, retry.ErrInvalid))
	// Output:
	// retry: invalid policy: Exponential: MaxAttempts is 0: use 1 or more, the first attempt included
	// true
}

func ExampleRand() {
	first := retry.Rand("arn:1", "charge", 1)
	again := retry.Rand("arn:1", "charge", 1)
	other := retry.Rand("arn:2", "charge", 1)

	a, b, c := first(), again(), other()
	fmt.Println(a == b, a == c)
	// Output: true false
}
