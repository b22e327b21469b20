package replay

import (
	"context"
	"fmt"
	"log/slog"
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
func errorAttr(err error) slog.Attr  { return slog.String(keyError, err.Error()) }
func panicAttr(v any) slog.Attr      { return slog.String(keyPanic, fmt.Sprint(v)) }

func countAttr(n int) slog.Attr    { return slog.Int(keyCount, n) }
func stackAttr(b []byte) slog.Attr { return slog.String(keyStack, string(b)) }

// handler is what records are written to.
func (set *settings) handler() slog.Handler {
	if set.logs != nil {
		return set.logs
	}
	return slog.Default().Handler()
}

// logger returns the logger of a scope; that of nil is never silent.
func (set *settings) logger(s *scope) *slog.Logger {
	if s == nil {
		return slog.New(set.handler())
	}
	return slog.New(&scopeHandler{Handler: set.handler(), s: s}).With(slog.String(keyARN, s.inv.arn))
}

// bodyLogger returns the logger of a body.
func (set *settings) bodyLogger(st *step, attempt int) *slog.Logger {
	return slog.New(set.handler()).With(
		slog.String(keyARN, st.s.inv.arn), slog.String(keyOperationID, st.id),
		slog.String(keyOperationName, st.head.Name), slog.Int(keyAttempt, attempt))
}

// scopeHandler drops records while its scope is replayed.
type scopeHandler struct {
	slog.Handler

	s *scope
}

// Enabled reports whether a record comes out.
func (h *scopeHandler) Enabled(ctx context.Context, level slog.Level) bool {
	if !h.Handler.Enabled(ctx, level) {
		return false
	}
	least := h.s.inv.set.replayLogs
	return (least != nil && level >= least.Level()) || !h.s.isReplaying()
}

// WithAttrs keeps the scope.
func (h *scopeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &scopeHandler{Handler: h.Handler.WithAttrs(attrs), s: h.s}
}

// WithGroup keeps the scope.
func (h *scopeHandler) WithGroup(name string) slog.Handler {
	return &scopeHandler{Handler: h.Handler.WithGroup(name), s: h.s}
}
