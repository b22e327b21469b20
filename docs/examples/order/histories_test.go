package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// processing is the function of the program, with a warehouse, a stock and a bank of its own.
func processing() *replay.Function[Order, Receipt] {
	var stock Stock
	var cards Cards
	var warehouse Warehouse
	orders := NewOrders(&stock, nil, &cards, &warehouse)
	orders.ask = func(context.Context, Order, string) error { return nil }
	return replay.Handler(orders.Process, replay.WithLogHandler(slog.DiscardHandler))
}

// TestCompatible: orders that are being processed, by the code of each version that is kept in
// testdata/histories, go on with the code of today. PERDURE_RECORD_HISTORIES is the name of a
// version to record.
func TestCompatible(t *testing.T) {
	t.Parallel()
	if version := os.Getenv("PERDURE_RECORD_HISTORIES"); version != "" {
		for _, name := range shipped() {
			writeHistory(t, filepath.Join("testdata", "histories", version, name+".json"), shippedOrder(t, name))
		}
	}
	histories, err := replaytest.ReadHistories(os.DirFS("testdata/histories"), "*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	replaytest.Compatible(t, processing(), histories)
}

// writeHistory processes an order and writes what happened into a file.
func writeHistory(t *testing.T, file string, o Order) {
	t.Helper()
	clock := local.NewVirtualClock(time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC))
	svc := local.New(local.WithClock(clock))
	defer svc.Close()
	input, err := json.Marshal(o)
	if err == nil {
		err = svc.Host("order", processing())
	}
	if err != nil {
		t.Fatal(err)
	}
	e, err := svc.Start(t.Context(), "order", "", input)
	if err != nil {
		t.Fatal(err)
	}
	answers := manager(o)
	for !e.Status().Terminal() {
		if err := e.RunUntilSuspended(t.Context()); err != nil {
			t.Fatal(err)
		}
		answered := 0
		for _, callback := range e.Operations() {
			if callback.Kind != checkpoint.KindCallback || callback.Status != checkpoint.StatusStarted {
				continue
			}
			answer, _ := answers(callback, 0, clock.Now())
			if clock.AdvanceTo(answer.At); answer.Failure != nil {
				err = svc.FailCallback(callback.CallbackID, *answer.Failure)
			} else {
				err = svc.CompleteCallback(callback.CallbackID, answer.Result)
			}
			if err != nil {
				t.Fatal(err)
			}
			answered++
		}
		if at, ok := clock.Next(); ok && answered == 0 {
			svc.Advance(at.Sub(clock.Now()))
		}
	}
	text, err := json.MarshalIndent(replaytest.HistoryOf(e), "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(file, append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
