package local_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
)

// TestInvokeAgain: who has mended a function does not wait for the pause after its failure.
func TestInvokeAgain(t *testing.T) {
	t.Parallel()
	mended := false
	s := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	err := s.Host("order", local.HandlerFunc(func(context.Context, []byte) ([]byte, error) {
		if mended {
			return []byte(`{"Status":"SUCCEEDED","Result":"1"}`), nil
		}
		return nil, errors.New("diverged")
	}))
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Start(t.Context(), "order", "A-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	again := func(want bool) {
		t.Helper()
		if paused, err := s.InvokeAgain(e.ARN()); err != nil || paused != want {
			t.Fatalf("InvokeAgain = %t, %v, want %t", paused, err, want)
		}
	}
	settle(t, e)
	again(true)
	settle(t, e)
	expectStatus(t, e, local.StatusRunning, 2)
	mended = true
	again(true)
	settle(t, e)
	expectStatus(t, e, local.StatusSucceeded, 3)
	again(false)
	s.Advance(time.Hour)
	expectStatus(t, e, local.StatusSucceeded, 3)
	if _, err := s.InvokeAgain("arn:none"); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("InvokeAgain of no execution = %v", err)
	}
}
