package retry_test

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/perdure/perdure/retry"
)

// retried prints whether a first attempt that failed with err is repeated.
func retried(p retry.Policy, err error) {
	fmt.Println(err, "→", retry.Decide(p, nil, retry.Attempt{Err: err, Number: 1}).Retry)
}

func ExampleOnIs() {
	p := retry.Exponential(retry.OnIs(errBusy))

	retried(p, fmt.Errorf("charge: %w", errBusy))
	retried(p, errDeclined)
	// Output:
	// charge: busy → true
	// declined → false
}

func ExampleOnType() {
	p := retry.Exponential(retry.OnType[*throttledError]())

	retried(p, &throttledError{3})
	retried(p, errDeclined)
	// Output:
	// throttled for 3 → true
	// declined → false
}

func ExampleOnMessage() {
	p := retry.Exponential(retry.OnMessage(regexp.MustCompile(`status 5\d\d`)))

	retried(p, errors.New("status 503"))
	retried(p, errors.New("status 404"))
	// Output:
	// status 503 → true
	// status 404 → false
}

func ExampleIf() {
	p := retry.Exponential(retry.If(func(err error) bool {
		e, ok := errors.AsType[*throttledError](err)
		return ok && e.After < 10
	}))

	retried(p, &throttledError{3})
	retried(p, &throttledError{60})
	// Output:
	// throttled for 3 → true
	// throttled for 60 → false
}

func ExampleUnless() {
	p := retry.Exponential(retry.Unless(retry.OnIs(errDeclined)))

	retried(p, errBusy)
	retried(p, errDeclined)
	// Output:
	// busy → true
	// declined → false
}
