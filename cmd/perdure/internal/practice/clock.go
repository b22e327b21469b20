package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// shifted is a clock that stands still while executions are prepared, and follows the machine's
// after that. It hides from the service that it is virtual: so executions run by themselves, and
// one that hangs does not hold up the others.
type shifted struct{ virtual *local.VirtualClock }

var _ checkpoint.Clock = shifted{}

// Now implements [checkpoint.Clock].
func (s shifted) Now() time.Time { return s.virtual.Now() }

// AfterFunc implements [checkpoint.Clock].
func (s shifted) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return s.virtual.AfterFunc(d, f)
}

// machine returns the time of the machine.
func machine() time.Time { return time.Now() } //nolint:forbidigo // what else is to follow it

// follow moves the clock as the machine's goes on, until ctx ends.
func (s shifted) follow(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every) //nolint:forbidigo // as machine
	defer ticker.Stop()
	for {
		s.virtual.AdvanceTo(machine())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// timed gives records the time of a clock, as the histories have it.
type timed struct {
	slog.Handler

	clock checkpoint.Clock
}

// Handle implements [slog.Handler].
func (t timed) Handle(ctx context.Context, r slog.Record) error {
	r.Time = t.clock.Now()
	return t.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (t timed) WithAttrs(attrs []slog.Attr) slog.Handler {
	return timed{t.Handler.WithAttrs(attrs), t.clock}
}

// WithGroup implements [slog.Handler].
func (t timed) WithGroup(name string) slog.Handler { return timed{t.Handler.WithGroup(name), t.clock} }
