package replay

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/perdure/perdure/op/node"
)

// The keys of the attributes of our own log records.
const (
	keyARN           = "executionArn"
	keyOperationID   = "operationId"
	keyOperationName = "operationName"
	keyAttempt       = "attempt"
	keyPath          = "path"
	keyError         = "error"
	keyPanic         = "panic"
	keyCount         = "count"
	keyStack         = "stack"
)

func pathAttr(path string) slog.Attr { return slog.String(keyPath, path) }
func errorAttr(err error) slog.Attr  { return slog.Any(keyError, err) }
func panicAttr(v any) slog.Attr      { return slog.String(keyPanic, fmt.Sprint(v)) }

func countAttr(n int) slog.Attr    { return slog.Int(keyCount, n) }
func stackAttr(b []byte) slog.Attr { return slog.String(keyStack, string(b)) }

// handler is what records are written to. The execution's loggers know where they belong without
// the help of a [LogHandler].
func (set *settings) handler() slog.Handler {
	h := set.logs
	if h == nil {
		h = slog.Default().Handler()
	}
	if aware, ok := h.(*logHandler); ok {
		h = aware.inner
	}
	return h
}

// logger returns the logger of the invocation, which is never silent.
func (inv *invocation) logger() *slog.Logger { return slog.New(inv.set.handler().WithAttrs(inv.attrs)) }

// say has write log without the lock, because the handler of log records is user code and may block:
// on a goroutine of its own, which the invocation waits for as for the others. Called with the lock
// held, before the outcome is decided.
func (inv *invocation) say(write func(l *slog.Logger)) {
	inv.tasks.Add(1)
	go func() {
		defer inv.leave()
		write(inv.logger())
	}()
}

// scopeLogger returns the logger of a scope.
func (inv *invocation) scopeLogger(s *scope) *slog.Logger {
	return slog.New(&scopeHandler{Handler: inv.set.handler().WithAttrs(inv.attrs), s: s})
}

// bodyLogger returns the logger of a body.
func (inv *invocation) bodyLogger(b *node.BodyInfo) *slog.Logger {
	return slog.New(inv.set.handler().WithAttrs(slices.Concat(inv.attrs, bodyAttrs(b))))
}

// scopeHandler drops records while its scope is replayed.
type scopeHandler struct {
	slog.Handler

	s *scope
}

// Enabled reports whether a record comes out.
func (h *scopeHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(ctx, level) && !h.s.silent(level)
}

// silent reports whether a record of this level is dropped because the scope is replayed, or only looked at:
// a look-ahead is not heard.
func (s *scope) silent(level slog.Level) bool {
	least := s.inv.set.replayLogs
	return s.probe != nil || (least == nil || level < least.Level()) && s.isReplaying()
}

// WithAttrs keeps the scope.
func (h *scopeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &scopeHandler{Handler: h.Handler.WithAttrs(attrs), s: h.s}
}

// WithGroup keeps the scope.
func (h *scopeHandler) WithGroup(name string) slog.Handler {
	return &scopeHandler{Handler: h.Handler.WithGroup(name), s: h.s}
}
