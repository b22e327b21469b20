package engine

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/internal/guard"
	"github.com/perdure/perdure/internal/stacks"
	"github.com/perdure/perdure/internal/turn"
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
func nameAttr(name string) slog.Attr { return slog.String(keyOperationName, name) }
func idAttr(id string) slog.Attr     { return slog.String(keyOperationID, id) }
func errorAttr(err error) slog.Attr  { return slog.Any(keyError, err) }
func panicAttr(v any) slog.Attr      { return slog.String(keyPanic, fmt.Sprint(v)) }
func stackAttr(b []byte) slog.Attr   { return slog.String(keyStack, string(b)) }

// loggerOf returns the logger of the invocation, which is never silent.
func loggerOf(inv *invocation) *slog.Logger {
	return slog.New(guard.Handler(inv.cfg.Logs.Handler()).WithAttrs(inv.Attrs))
}

// warn logs a warning; see [invocation.say].
func warn(inv *invocation, msg string, attrs ...slog.Attr) {
	say(inv, func(l *slog.Logger) { l.LogAttrs(inv.ctx, slog.LevelWarn, msg, attrs...) }) //nolint:sloglint // its callers have constants
}

// words are what an invocation logs itself, in this order.
type words struct {
	mu      sync.Mutex
	queue   []func(l *slog.Logger)
	writing bool // a goroutine writes the queue
}

// say has write log, after what was said before. The handler of log records is the user's and may
// block: it is called on a goroutine of its own, which the invocation waits for as for the others.
// It needs no turn.
func say(inv *invocation, write func(l *slog.Logger)) {
	if inv.Rehearsal != nil {
		return
	}
	inv.end.saying.Add(1)
	w := &inv.end.words
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, write)
	if !w.writing {
		w.writing = true
		go w.write(inv)
	}
}

// write logs the first of the queue, and then the others. The handler may end the goroutine.
func (w *words) write(inv *invocation) {
	w.mu.Lock()
	first := w.queue[0]
	w.queue = w.queue[1:]
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.writing = len(w.queue) > 0
		if w.writing {
			go w.write(inv)
		}
		w.mu.Unlock()
		inv.end.saying.Add(-1)
		inv.turn.Post(func() {}) // this may have been the last that is left
	}()
	_ = Guard(func() { first(loggerOf(inv)) })
}

// scopeLogger returns the logger of a scope. Its handler is made when it is first used: that calls
// the user's, which may ask the context what it is of. ctx has the values of the scope.
func scopeLogger(ctx context.Context, s *scope) *slog.Logger {
	inv := s.inv
	own := context.WithValue(ctx, scopeKey{}, s)
	return slog.New(&scopeHandler{s: s, lateHandler: lateHandler{base: func() slog.Handler {
		h := guard.Handler(inv.cfg.Logs.Handler()).WithAttrs(inv.Attrs)
		return &placedHandler{h, func() context.Context { return own }}
	}}})
}

// handler makes the handler of a body's logger when it is first used: few bodies write.
func (b *bodyRun) handler() slog.Handler {
	h := guard.Handler(b.inv.cfg.Logs.Handler()).WithAttrs(slices.Concat(b.inv.Attrs, BodyAttrs(&b.BodyInfo)))
	return &placedHandler{h, func() context.Context { return *b.own.Load() }}
}

// BodyAttrs say which attempt of which operation a record is of, and what interceptors add.
func BodyAttrs(b *node.BodyInfo) []slog.Attr {
	return append([]slog.Attr{
		slog.String(keyOperationID, b.Info.ID), slog.String(keyOperationName, b.Info.Name), slog.Int(keyAttempt, b.Info.Attempt),
	}, b.Attrs...)
}

// placedHandler gives records the context of the scope or body whose logger it is of: handlers look
// there for what belongs to it, a span above all, and most records are logged without a context.
type placedHandler struct {
	slog.Handler

	own func() context.Context
}

// Handle passes a record on with both contexts.
func (h *placedHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.Handler.Handle(placedContext{ctx, h.own()}, r)
}

// WithAttrs keeps the context.
func (h *placedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &placedHandler{h.Handler.WithAttrs(attrs), h.own}
}

// WithGroup keeps the context.
func (h *placedHandler) WithGroup(name string) slog.Handler {
	return &placedHandler{h.Handler.WithGroup(name), h.own}
}

// placedContext is the context that a record was logged with; what it has no value for, the context
// of the logger may have.
type placedContext struct {
	context.Context //nolint:containedctx // the one of the record

	own context.Context //nolint:containedctx // the one of the logger
}

// placedKey is the key for which a context says that a record has the attributes of its place.
type placedKey struct{}

// Value looks into both contexts.
func (c placedContext) Value(key any) any {
	if _, ok := key.(placedKey); ok {
		return true
	}
	if v := c.Context.Value(key); v != nil {
		return v
	}
	return c.own.Value(key)
}

// Placed reports whether ctx is that of a record which has the attributes of its scope or body.
func Placed(ctx context.Context) bool { return ctx.Value(placedKey{}) != nil }

// lateHandler is made when it is first used.
type lateHandler struct {
	base func() slog.Handler
	made atomic.Pointer[slog.Handler]
}

// handler returns what records are written to.
func (h *lateHandler) handler() slog.Handler {
	if made := h.made.Load(); made != nil {
		return *made
	}
	made := h.base()
	h.made.Store(&made)
	return made
}

// Enabled reports whether a record comes out.
func (h *lateHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.handler().Enabled(ctx, level)
}

func (h *lateHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.handler().Handle(ctx, r)
}

func (h *lateHandler) WithAttrs(attrs []slog.Attr) slog.Handler { return h.handler().WithAttrs(attrs) }

func (h *lateHandler) WithGroup(name string) slog.Handler { return h.handler().WithGroup(name) }

// scopeHandler drops records while its scope is replayed.
type scopeHandler struct {
	lateHandler

	s *scope
}

// Enabled reports whether a record comes out.
func (h *scopeHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return !silentResult(h.s, level) && h.handler().Enabled(ctx, level)
}

// WithAttrs keeps the scope.
func (h *scopeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &scopeHandler{s: h.s, lateHandler: lateHandler{base: func() slog.Handler { return h.handler().WithAttrs(attrs) }}}
}

// WithGroup keeps the scope.
func (h *scopeHandler) WithGroup(name string) slog.Handler {
	return &scopeHandler{s: h.s, lateHandler: lateHandler{base: func() slog.Handler { return h.handler().WithGroup(name) }}}
}

// silentResult reports whether a record of this level is dropped because the scope is replayed.
func silentResult(s *scope, level slog.Level) bool {
	if s.f.logOnly {
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
	return ok && silentResult(s, level)
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

// watchDeadline has an invocation that comes near its deadline say what runs: a body that takes
// long, or a channel or lock of the handler's own that is not given free. The invocation is cut off
// at its deadline, and would say nothing then. It returns what ends the watch.
func watchDeadline(inv *invocation) (stop func() bool) {
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
				sayThatRuns(inv, placeOf(f.where()))
			}
			return
		}
		inv.turn.Post(func() { sayWhatRuns(inv) })
	})
}

func sayWhatRuns(inv *invocation) {
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
	sayThatRuns(inv, paths...)
}

func sayThatRuns(inv *invocation, paths ...string) {
	lines, ordered := stacks.OfUsers(ownGoroutines(inv))
	attrs := []slog.Attr{slog.String("paths", strings.Join(paths, ", "))}
	if len(lines) > 0 {
		attrs = append(attrs, slog.String("waits", strings.Join(lines, "; ")))
	}
	warn(inv, "the invocation's time is nearly over, and it is held up by user code",
		append(attrs, slog.String(keyStack, stacks.Text(ordered, mostStack)))...)
}

// ownGoroutines are those of the invocation: its fibers and what they have begun. If it is the only
// one in the process, the others are among them. It needs no turn.
func ownGoroutines(inv *invocation) []stacks.Goroutine {
	dump, whole := turn.Dump()
	return stacks.OfOne(stacks.Parse(dump), whole, func(g *stacks.Goroutine) stacks.Whose {
		switch fiber, own := inv.turn.Whose([]byte(g.Text)); {
		case own:
			return stacks.Own
		case fiber:
			return stacks.Others
		}
		return stacks.Unknown
	})
}

// mostStack bounds what is logged of stacks, in bytes.
const mostStack = 64 << 10
