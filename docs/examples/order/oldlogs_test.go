package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oldlogs"
	"github.com/perdure/perdure/replay"
)

// TestOldLogs: orders that an earlier engine has begun are processed to their end.
func TestOldLogs(t *testing.T) {
	t.Parallel()
	var programs []oldlogs.Program
	for _, name := range shipped() {
		o := shippedOrder(t, name)
		input, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, oldlogs.Program{
			Name: name,
			New: func(oldlogs.World) oldlogs.Functions {
				var stock Stock
				var cards Cards
				var warehouse Warehouse
				orders := NewOrders(&stock, nil, &cards, &warehouse)
				orders.ask = func(context.Context, Order, string) error { return nil }
				return oldlogs.Functions{Function: replay.Handler(orders.Process, replay.WithLogHandler(slog.DiscardHandler))}
			},
			Prepare: func() ([]byte, oldlogs.Outside) { return input, manager(o) },
		})
	}
	oldlogs.Test(t, "testdata/oldlogs", programs, oldlogs.Expected{
		Logs:      85,
		Envelopes: "they hold the identities of named branches by now",
		Names:     "their names are kept apart from those of registrations by now",
		Callbacks: "errors of groups name the callback that failed inside by now",
	})
}

// manager answers as the one of the program does.
func manager(o Order) oldlogs.Outside {
	return func(callback checkpoint.Operation, number int, _ time.Time) (oldlogs.Answer, bool) {
		a := oldlogs.Answer{At: callback.Start.Add(thinking), Result: []byte(`{"by":"manager"}`)}
		if o.Total() > budget {
			a.Failure = &checkpoint.Failure{Type: refusal, Message: ErrRefused.Error()}
		}
		return a, number == 0
	}
}
