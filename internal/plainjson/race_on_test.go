//go:build race

package plainjson_test

// allowed are allocations: with the race detector, pools drop what they are given at random.
const allowed = 12.0
