package replayotel

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
)

// flushMargin is how long before the end of the invocation's time the flush ends.
const flushMargin = 50 * time.Millisecond

// flusher is a provider that keeps what is to be exported.
type flusher interface {
	ForceFlush(ctx context.Context) error
}

// flushAll has the providers export, and waits for as long as it may. An exporter that does not
// heed the end of its context is left behind.
func (t *tracer) flushAll(ctx context.Context, r *run) {
	var list []flusher
	if f, ok := t.current().(flusher); ok && r.tracer != nil && r.sampled {
		list = append(list, f)
	}
	if f, ok := t.meters.(flusher); ok {
		list = append(list, f)
	}
	limit := t.flush
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, deadline.Sub(r.clock.Now())-flushMargin)
	}
	if len(list) == 0 || limit <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, f := range list {
			flushOne(ctx, f)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func flushOne(ctx context.Context, f flusher) {
	defer func() {
		if v := recover(); v != nil {
			otel.Handle(fmt.Errorf("replayotel: a flush panicked: %v", v))
		}
	}()
	if err := f.ForceFlush(ctx); err != nil {
		otel.Handle(fmt.Errorf("replayotel: flush: %w", err))
	}
}
