package retry_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/retry"
)

func ExamplePermanent() {
	err := retry.Permanent(errDeclined)

	fmt.Println(err, errors.Is(err, errDeclined))
	retried(retry.Default(), err)
	// Output:
	// declined true
	// declined → false
}

func ExampleAfter() {
	err := retry.After(90*time.Second, errBusy) // the server said so

	d := retry.Decide(retry.Default(), nil, retry.Attempt{Err: err, Number: 1})
	fmt.Println(err, d.After)
	// Output: busy 1m30s
}

func ExampleAgain() {
	const nextPage = 7

	d := retry.Decide(retry.Linear(), nil, retry.Attempt{Err: retry.Again(nextPage), Number: 3})
	fmt.Println(d.Retry, d.After)
	// Output: true 3s
}

func ExampleIsPermanent() {
	fmt.Println(retry.IsPermanent(fmt.Errorf("charge: %w", retry.Permanent(errDeclined))))
	// Output: true
}

func ExampleDelayOf() {
	fmt.Println(retry.DelayOf(fmt.Errorf("charge: %w", retry.After(time.Minute, errBusy))))
	// Output: 1m0s true
}

func ExampleStateOf() {
	fmt.Println(retry.StateOf(retry.Again("page 7")))
	// Output: page 7 true
}

func ExampleStrip() {
	err := retry.Permanent(retry.After(time.Minute, errDeclined))

	fmt.Println(retry.Strip(err) == errDeclined) //nolint:errorlint // the very value, unwrapped
	// Output: true
}
