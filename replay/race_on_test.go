//go:build race

package replay_test

// raceDetector: it allocates by itself, so that allocations cannot be counted.
const raceDetector = true
