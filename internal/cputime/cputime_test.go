package cputime_test

import (
	"testing"
	"time"

	"github.com/perdure/perdure/internal/cputime"
)

// TestWaitingCostsNothing: a goroutine that waits has no processor, one that computes has.
func TestWaitingCostsNothing(t *testing.T) {
	t.Parallel()
	computed := cputime.Of(func() {
		for began := time.Now(); time.Since(began) < 20*time.Millisecond; {
			continue
		}
	})
	if computed <= 0 {
		t.Errorf("computing took %v", computed)
	}
	waited := cputime.Of(func() { <-time.After(20 * time.Millisecond) })
	if waited >= 20*time.Millisecond {
		t.Errorf("waiting took %v", waited)
	}
}
