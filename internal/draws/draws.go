// Package draws says how often random tests draw. It is for tests alone.
package draws

import (
	"fmt"
	"os"
	"strconv"
)

// variable is the environment variable that multiplies all counts.
const variable = "PERDURE_CHECKS"

// Count returns n times PERDURE_CHECKS, which is 1 unless set, and at least 1. A fraction makes
// quick runs. It panics if the variable is not a positive number: a run that draws less than it was
// asked to would show nothing.
func Count(n int) int {
	text := os.Getenv(variable)
	if text == "" {
		return n
	}
	factor, err := strconv.ParseFloat(text, 64)
	if err != nil || !(factor > 0 && factor <= 1e6) {
		panic(fmt.Sprintf( //nolint:forbidigo // a test that draws less than it was asked to shows nothing
			"%s is %q, want a positive number up to a million, such as 10 or 0.1", variable, text))
	}
	return max(1, int(float64(n)*factor))
}
