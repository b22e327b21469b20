//go:build !race

package plainjson_test

// allowed are allocations.
const allowed = 0.0
