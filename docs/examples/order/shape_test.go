package main

import (
	"testing"

	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// TestShape compares what the program records for an order with testdata/order.shape. No manager is
// asked about it and nothing released, and the file says so.
func TestShape(t *testing.T) {
	t.Parallel()
	f, ok := processing(nil)().(*replay.Function[Order, Receipt])
	if !ok {
		t.Fatal("the program takes something else")
	}
	replaytest.Shape(t, "order.shape", f, []Order{shippedOrder(t, "tea")})
}
