package engine

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/internal/guard"
	"github.com/perdure/perdure/op/node"
)

// The keys of the attributes of our own log records.
const (
	keyOperationID   = "operationId"
	keyOperationName = "operationName"
	keyAttempt       = "attempt"
	keyPath          = "path"
	keyError         = "error"
	keyPanic         = "panic"
	keyStack         = "stack"
)

func pathAttr(path string) slog.Attr { return slog.String(keyPath, path) }
func errorAttr(err error) slog.Attr  { return slog.Any(keyError, err) }
func panicAttr(v any) slog.Attr      { return slog.String(keyPanic, fmt.Sprint(v)) }
func stackAttr(b []byte) slog.Attr   { return slog.String(keyStack, string(b)) }

// logger returns the logger of the invocation, which is never silent.
func (inv *invocation) logger() *slog.Logger {
	return slog.New(guard.Handler(inv.cfg.Logs.Handler()).WithAttrs(inv.Attrs))
}

// warn logs a warning; see [invocation.say].
func (inv *invocation) warn(msg string, attrs ...slog.Attr) {
	inv.say(func(l *slog.Logger) { l.LogAttrs(inv.ctx, slog.LevelWarn, msg, attrs...) }) //nolint:sloglint // its callers have constants
}

// say has write log. The handler of log records is the user's and may block: it is called on a goroutine of
// its own, which the invocation waits for as for the others. It needs no turn.
func (inv *invocation) say(write func(l *slog.Logger)) {
	inv.end.saying.Add(1)
	go func() {
		defer func() {
			inv.end.saying.Add(-1)
			inv.turn.Post(func() {}) // this may have been the last that is left
		}()
		_ = Guard(func() { write(inv.logger()) })
	}()
}

// scopeLogger returns the logger of a scope. Its handler is made when it is first used: that calls the user's,
// which may ask the context what it is of.
func (inv *invocation) scopeLogger(s *scope) *slog.Logger {
	return slog.New(&scopeHandler{s: s, base: func() slog.Handler {
		return guard.Handler(inv.cfg.Logs.Handler()).WithAttrs(inv.Attrs)
	}})
}

// bodyLogger returns the logger of a body.
func (inv *invocation) bodyLogger(b *node.BodyInfo) *slog.Logger {
	return slog.New(guard.Handler(inv.cfg.Logs.Handler()).WithAttrs(slices.Concat(inv.Attrs, BodyAttrs(b))))
}

// BodyAttrs say which attempt of which operation a record is of, and what interceptors add.
func BodyAttrs(b *node.BodyInfo) []slog.Attr {
	return append([]slog.Attr{
		slog.String(keyOperationID, b.Info.ID), slog.String(keyOperationName, b.Info.Name), slog.Int(keyAttempt, b.Info.Attempt),
	}, b.Attrs...)
}

// scopeHandler drops records while its scope is replayed.
type scopeHandler struct {
	s    *scope
	base func() slog.Handler
	made atomic.Pointer[slog.Handler]
}

// handler returns what records are written to.
func (h *scopeHandler) handler() slog.Handler {
	if made := h.made.Load(); made != nil {
		return *made
	}
	made := h.base()
	h.made.Store(&made)
	return made
}

// Enabled reports whether a record comes out.
func (h *scopeHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return !h.s.silent(level) && h.handler().Enabled(ctx, level)
}

// Handle writes a record.
func (h *scopeHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.handler().Handle(ctx, r)
}

// WithAttrs keeps the scope.
func (h *scopeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &scopeHandler{s: h.s, base: func() slog.Handler { return h.handler().WithAttrs(attrs) }}
}

// WithGroup keeps the scope.
func (h *scopeHandler) WithGroup(name string) slog.Handler {
	return &scopeHandler{s: h.s, base: func() slog.Handler { return h.handler().WithGroup(name) }}
}

// silent reports whether a record of this level is dropped because the scope is replayed.
func (s *scope) silent(level slog.Level) bool {
	if s.f.look {
		return true
	}
	least := s.inv.cfg.Logs.Replay
	return (least == nil || level < least.Level()) && s.isReplaying()
}

// scopeKey is under what the context of a scope has the scope.
type scopeKey struct{}

// Silenced reports whether ctx belongs to a scope that is replayed. Bodies are never silent.
func Silenced(ctx context.Context, level slog.Level) bool {
	if _, body := node.BodyFrom(ctx); body {
		return false
	}
	s, ok := ctx.Value(scopeKey{}).(*scope)
	return ok && s.silent(level)
}

// ScopeAttrs are the attributes of the scope that ctx belongs to.
func ScopeAttrs(ctx context.Context) []slog.Attr {
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok {
		return s.inv.Attrs
	}
	return nil
}

// lastWords is how long before its deadline an invocation says what holds it up.
const lastWords = time.Second

// watchDeadline has an invocation that comes near its deadline say what runs: a body that takes long, or a
// channel or lock of the handler's own that is not given free. The invocation is cut off at its
// deadline, and would say nothing then. It returns what ends the watch.
func (inv *invocation) watchDeadline() (stop func() bool) {
	deadline, ok := inv.ctx.Deadline()
	if !ok {
		return func() bool { return true }
	}
	left := deadline.Sub(inv.Clock.Now()) - lastWords
	if left <= 0 {
		return func() bool { return true }
	}
	return inv.Clock.AfterFunc(left, func() {
		if s := inv.turn.User(); s != nil { // the event would come when that has returned
			if f, ok := s.Task().(*fiber); ok {
				inv.sayThatRuns(placeOf(f.where()))
			}
			return
		}
		inv.turn.Post(inv.sayWhatRuns)
	})
}

func (inv *invocation) sayWhatRuns() {
	if inv.end.closing || inv.turn.LiveOff() == 0 {
		return
	}
	var paths []string
	inv.end.root.each(func(f *fiber) {
		if _, off := f.IsOff(); off && !f.Dead() {
			paths = append(paths, placeOf(f.where()))
		}
	})
	slices.Sort(paths)
	inv.sayThatRuns(paths...)
}

func (inv *invocation) sayThatRuns(paths ...string) {
	buf := make([]byte, mostStack)
	buf = buf[:runtime.Stack(buf, true)]
	inv.warn("the invocation's time is nearly over, and it is held up by user code",
		slog.String("paths", strings.Join(paths, ", ")), stackAttr(buf))
}

// mostStack bounds what is logged of stacks, in bytes.
const mostStack = 64 << 10
