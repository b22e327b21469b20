package turn_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/perdure/perdure/internal/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.Check(m.Run)) }

// times multiplies the counts of heavy tests by PERDURE_CHECKS.
func times(n int) int {
	if f, err := strconv.Atoi(os.Getenv("PERDURE_CHECKS")); err == nil && f > 0 {
		return n * f
	}
	return n
}
