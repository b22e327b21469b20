package replaytest_test

import (
	"os"
	"testing"

	"github.com/perdure/perdure/internal/leaks"
)

// TestMain fails if the tests, all of them together, leave a goroutine behind.
func TestMain(m *testing.M) { os.Exit(leaks.Check(m.Run)) }
