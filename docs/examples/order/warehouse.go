package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/perdure/perdure/op"
)

// Parcel is a packed item.
type Parcel struct {
	SKU      string `json:"sku"`
	Tracking string `json:"tracking"`
}

// Warehouse packs what was ordered.
type Warehouse struct {
	mu      sync.Mutex
	parcels map[string]Parcel // by idempotency key
}

// Pack packs one item. The warehouse knows idempotency keys: should the step run again after a
// crash, there is still one parcel.
func (w *Warehouse) Pack(ctx context.Context, i Item) (Parcel, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	info, _ := op.InfoFrom(ctx)
	if w.parcels == nil {
		w.parcels = make(map[string]Parcel)
	}
	p := Parcel{SKU: i.SKU, Tracking: "PX-" + short(info.IdempotencyKey)}
	w.parcels[info.IdempotencyKey] = p
	op.LoggerFrom(ctx).InfoContext(ctx, "packed a parcel", slog.Int("pieces", i.Quantity))
	return p, nil
}

// Packed returns the number of parcels.
func (w *Warehouse) Packed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.parcels)
}
