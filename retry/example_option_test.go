package retry_test

import (
	"time"

	"github.com/perdure/perdure/retry"
)

func ExampleMaxAttempts() {
	schedule(retry.Linear(retry.MaxAttempts(2)))
	// Output: 1s stop after attempt 2
}

func ExampleInitialDelay() {
	schedule(retry.Linear(retry.InitialDelay(5*time.Second), retry.MaxAttempts(3)))
	// Output: 5s 10s stop after attempt 3
}

func ExampleMaxDelay() {
	schedule(retry.Linear(retry.MaxDelay(3 * time.Second)))
	// Output: 1s 2s 3s 3s 3s stop after attempt 6
}

func ExampleRate() {
	schedule(retry.Exponential(retry.Rate(1), retry.NoJitter()))
	// Output: 5s 5s 5s 5s 5s stop after attempt 6
}

func ExampleFullJitter() {
	schedule(retry.Fixed(8*time.Second, retry.FullJitter())) // between 0 s and 8 s, at least 1 s
	// Output: 4s 4s 4s 4s stop after attempt 5
}

func ExampleHalfJitter() {
	schedule(retry.Fixed(8*time.Second, retry.HalfJitter())) // between 4 s and 8 s
	// Output: 6s 6s 6s 6s stop after attempt 5
}

func ExampleNoJitter() {
	schedule(retry.Exponential(retry.NoJitter()))
	// Output: 5s 10s 20s 40s 1m0s stop after attempt 6
}
