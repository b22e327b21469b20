package replay

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/perdure/perdure/op/node"
)

// Levels of Lambda that slog has no name for.
const (
	levelTrace = slog.LevelDebug - 4
	levelFatal = slog.LevelError + 4
)

// lambdaLevel reads a level as Lambda's configuration spells it (AWS_LAMBDA_LOG_LEVEL); what it
// does not know is INFO.
func lambdaLevel(s string) slog.Level {
	switch strings.ToUpper(s) {
	case "TRACE":
		return levelTrace
	case "DEBUG":
		return slog.LevelDebug
	case "WARN":
		return slog.LevelWarn
	case "ERROR":
		return slog.LevelError
	case "FATAL":
		return levelFatal
	}
	return slog.LevelInfo
}

// levelName spells a level as Lambda does.
func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelDebug:
		return "TRACE"
	case l < slog.LevelInfo:
		return "DEBUG"
	case l < slog.LevelWarn:
		return "INFO"
	case l < slog.LevelError:
		return "WARN"
	case l < levelFatal:
		return "ERROR"
	}
	return "FATAL"
}

// JSONLogs writes each record to w as one JSON object on a line, with the members that Lambda and
// the service's other SDKs use: timestamp, level and message, then those of the record. An
// attribute error or err that holds an error becomes errorType and errorMessage. Records of the
// execution's loggers also carry executionArn, requestId and tenantId, those of bodies
// operationId, operationName and attempt; what there is not is left out.
//
// Records below least are dropped. Nil is the level of the environment variable
// AWS_LAMBDA_LOG_LEVEL, INFO without it. With os.Stdout as w it is the default on Lambda; see
// [WithLogHandler].
func JSONLogs(w io.Writer, least slog.Leveler) slog.Handler {
	if least == nil {
		least = lambdaLevel(os.Getenv("AWS_LAMBDA_LOG_LEVEL"))
	}
	return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least, ReplaceAttr: jsonAttr})
}

// jsonAttr gives attributes the names and the forms of [JSONLogs].
func jsonAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey:
		if a.Value.Kind() == slog.KindTime {
			return slog.String("timestamp", a.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	case slog.MessageKey:
		if a.Value.Kind() == slog.KindString {
			return slog.String("message", a.Value.String())
		}
	case slog.LevelKey:
		if l, ok := a.Value.Any().(slog.Level); ok {
			return slog.String(slog.LevelKey, levelName(l))
		}
	case keyError, "err":
		if err, ok := a.Value.Any().(error); ok {
			return slog.Group("", slog.String("errorType", errorType(err)), slog.String("errorMessage", err.Error()))
		}
	}
	return a
}

// errorType names the type of an error as the wire does.
func errorType(err error) string {
	if name := typeName(err); name != "" {
		return name
	}
	full := fmt.Sprintf("%T", err)
	return full[strings.LastIndexByte(full, '.')+1:]
}

// LogHandler makes a handler aware of executions, for loggers that are not the execution's own:
// a record that is logged with the context of a body carries the attributes of op.LoggerFrom, and
// one that is logged with the context of a scope (op.Context.Invocation) those of its logger, and
// is dropped while the scope is replayed. Other records pass unchanged.
//
//	slog.SetDefault(slog.New(replay.LogHandler(slog.Default().Handler())))
//
// Records of the execution's loggers are the same with a LogHandler and without.
func LogHandler(inner slog.Handler) slog.Handler {
	if inner == nil {
		inner = slog.DiscardHandler
	}
	return &logHandler{root: inner, inner: inner}
}

// logHandler is the handler of [LogHandler].
type logHandler struct {
	// inner is root after the functions of with: what the context says goes to the root.
	root, inner slog.Handler
	with        []func(slog.Handler) slog.Handler
}

// Enabled reports whether a record comes out.
func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.inner.Enabled(ctx, level) && !silenced(ctx, level)
}

// Handle adds what the context says of the execution.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	if silenced(ctx, r.Level) {
		return nil
	}
	attrs := contextAttrs(ctx)
	if len(attrs) == 0 {
		return h.inner.Handle(ctx, r)
	}
	inner := h.root.WithAttrs(attrs)
	for _, f := range h.with {
		inner = f(inner)
	}
	return inner.Handle(ctx, r)
}

// WithAttrs keeps the awareness.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.and(func(inner slog.Handler) slog.Handler { return inner.WithAttrs(attrs) })
}

// WithGroup keeps the awareness.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return h.and(func(inner slog.Handler) slog.Handler { return inner.WithGroup(name) })
}

func (h *logHandler) and(f func(slog.Handler) slog.Handler) slog.Handler {
	return &logHandler{root: h.root, inner: f(h.inner), with: append(slices.Clip(h.with), f)}
}

// scopeKey is under what the context of a scope has the scope.
type scopeKey struct{}

// silenced reports whether ctx belongs to a scope that is replayed. Bodies are never silent.
func silenced(ctx context.Context, level slog.Level) bool {
	if _, body := node.BodyFrom(ctx); body {
		return false
	}
	s, ok := ctx.Value(scopeKey{}).(*scope)
	return ok && s.silent(level)
}

// contextAttrs are the attributes of the body or the scope that ctx belongs to.
func contextAttrs(ctx context.Context) []slog.Attr {
	if b, ok := node.BodyFrom(ctx); ok {
		return append(executionAttrs(ctx, b.Info.ExecutionARN), bodyAttrs(b.Info)...)
	}
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok {
		return executionAttrs(ctx, s.inv.arn)
	}
	return nil
}

// executionAttrs say which invocation of which execution a record is of.
func executionAttrs(ctx context.Context, arn string) []slog.Attr {
	attrs := []slog.Attr{slog.String(keyARN, arn)}
	lc, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return attrs
	}
	for _, a := range []slog.Attr{slog.String("requestId", lc.AwsRequestID), slog.String("tenantId", lc.TenantID)} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	return slices.Clip(attrs)
}

// bodyAttrs say which attempt of which operation a record is of.
func bodyAttrs(i node.Info) []slog.Attr {
	return []slog.Attr{
		slog.String(keyOperationID, i.ID), slog.String(keyOperationName, i.Name), slog.Int(keyAttempt, i.Attempt),
	}
}

// onLambda is the handler of a process that Lambda runs, nil elsewhere.
func onLambda() slog.Handler {
	if os.Getenv("AWS_LAMBDA_FUNCTION_NAME") == "" {
		return nil
	}
	return JSONLogs(os.Stdout, nil)
}

var _ = time.Time{}
