package main

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

func TestRefund(t *testing.T) {
	t.Parallel()
	approval := func(by string) replaytest.Option { return replaytest.CallbackResult("approval", by) }
	tests := []struct {
		name, reason, approved string
		refund                 Refund
		opts                   []replaytest.Option
		fails                  error
	}{
		{name: "little", reason: "no one is asked", refund: Refund{ID: "R-1", Cents: free}},
		{
			name: "much", reason: "someone is asked, and named in the receipt", approved: "Ann",
			refund: Refund{ID: "R-2", Cents: free + 1}, opts: []replaytest.Option{approval("Ann")},
		},
		{name: "no answer comes", reason: "three days are over", refund: Refund{ID: "R-3", Cents: 2 * free}, fails: op.ErrTimedOut},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := replaytest.Run(t, replay.Handler(process), tt.refund, tt.opts...)
			if !errors.Is(r.Err, tt.fails) || r.Value.Approved != tt.approved {
				t.Errorf("%s: got %+v, %v", tt.reason, r.Value, r.Err)
			}
			if tt.fails == nil && !strings.HasPrefix(r.Value.Payment, "payment of ") {
				t.Errorf("%s: the payment is %q", tt.reason, r.Value.Payment)
			}
		})
	}
}

// Whatever is lost on the way, a refund has the same receipt.
func TestRefundSurvivesCrashes(t *testing.T) {
	t.Parallel()
	replaytest.Explore(t, replay.Handler(process), Refund{ID: "R-1", Cents: 500})
}

// Who has the ID of a callback can answer it: the function does not print it.
func TestNoCallbackIsPrinted(t *testing.T) { //nolint:paralleltest // it reads what the process prints
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = write
	r := replaytest.Run(t, replay.Handler(process), Refund{ID: "R-2", Cents: free + 1}, replaytest.CallbackResult("approval", "Ann"))
	os.Stdout = stdout
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	printed, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	id := r.Op("approval/approval-callback").CallbackID
	if id == "" || !strings.Contains(string(printed), "refund R-2 of 10001 cents is to be approved") || strings.Contains(string(printed), id) {
		t.Errorf("the callback is %q; printed was %q", id, printed)
	}
}
