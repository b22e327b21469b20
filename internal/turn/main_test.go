package turn_test

import (
	"os"
	"testing"

	"github.com/perdure/perdure/internal/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.Check(m.Run)) }
