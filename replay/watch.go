package replay

import (
	"context"
	"slices"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/replay/internal/engine"
	"github.com/perdure/perdure/replay/internal/hosting"
)

// watched returns the settings with what a host has added in ctx.
func (set *settings) watched(ctx context.Context) *settings {
	w := hosting.WatcherFrom(ctx)
	if w == nil {
		return set
	}
	c := *set
	if i, ok := w.Interceptor.(Interceptor); ok {
		c.interceptors = append(slices.Clip(c.interceptors), i)
	}
	if w.Logs != nil {
		c.logs = w.Logs
	}
	c.Logs.Handler = c.handler
	return &c
}

// durations is where the durations of bodies are kept.
func (c *core) durations(ctx context.Context) *engine.Durations {
	if w := hosting.WatcherFrom(ctx); w != nil {
		return &w.Past
	}
	return &c.past
}

// unwrapped is a Function of any types.
type unwrapped interface{ inner() *core }

func (f *Function[In, Out]) inner() *core {
	if f == nil {
		return nil
	}
	return &f.core
}

func init() { //nolint:gochecknoinits // packages that import each other could not do it otherwise
	hosting.RestorerOf = func(function any) (hosting.Restorer, bool) {
		f, ok := function.(unwrapped)
		if !ok || f.inner() == nil {
			return nil, false
		}
		set := f.inner().set
		if set == nil {
			set = newSettings(nil)
		}
		return set, true
	}
}

// Codec returns the codec of the handler's input and result: JSON, or that of [WithHandlerCodec].
func (f *Function[In, Out]) Codec() codec.Codec {
	if f.core.set == nil {
		return codec.JSON()
	}
	return f.core.set.HandlerCodec
}
