package draws_test

import (
	"testing"

	"github.com/perdure/perdure/internal/draws"
)

func TestCount(t *testing.T) {
	for _, tt := range []struct {
		checks string
		want   int // zero: a panic
	}{
		{"", 200},
		{"1", 200},
		{"10", 2000},
		{"0.5", 100},
		{"0.001", 1},
		{"1e2", 20_000},
		{"0", 0},
		{"-1", 0},
		{"many", 0},
		{"NaN", 0},
		{"Inf", 0},
		{"1e9", 0},
		{" 1", 0},
	} {
		t.Run(tt.checks, func(t *testing.T) {
			t.Setenv("PERDURE_CHECKS", tt.checks)
			defer func() {
				if v := recover(); (v != nil) != (tt.want == 0) {
					t.Errorf("panicked with %v", v)
				}
			}()
			if got := draws.Count(200); got != tt.want {
				t.Errorf("Count(200) = %d, want %d", got, tt.want)
			}
		})
	}
}
