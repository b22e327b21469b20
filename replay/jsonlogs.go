package replay

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/perdure/perdure/replay/internal/engine"
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
// operationId, operationName and attempt; what is absent is left out.
//
// Records below least are dropped. Nil is the level of the environment variable
// AWS_LAMBDA_LOG_LEVEL, which Lambda sets where the function's log format is JSON; INFO without it.
// The form is the same whatever AWS_LAMBDA_LOG_FORMAT says: records are found by their
// executionArn, which a line of text does not have. With os.Stdout as w it is the default on
// Lambda; see [WithLogHandler].
func JSONLogs(w io.Writer, least slog.Leveler) slog.Handler {
	if least == nil {
		least = lambdaLevel(os.Getenv("AWS_LAMBDA_LOG_LEVEL"))
	}
	return &jsonHandler{Handler: slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least, ReplaceAttr: jsonAttr})}
}

// jsonHandler keeps apart what slog gives to jsonAttr alike: the time and the message of a record,
// and attributes that are called as those.
type jsonHandler struct {
	slog.Handler

	grouped bool // attributes are members of a group
}

func (h *jsonHandler) Handle(ctx context.Context, r slog.Record) error {
	if h.grouped {
		return h.Handler.Handle(ctx, r)
	}
	same := true
	r.Attrs(func(a slog.Attr) bool {
		same = !ambiguous(a)
		return same
	})
	if same {
		return h.Handler.Handle(ctx, r)
	}
	c := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		c.AddAttrs(plain(a))
		return true
	})
	return h.Handler.Handle(ctx, c)
}

// WithAttrs keeps them apart too.
func (h *jsonHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if !h.grouped && slices.ContainsFunc(attrs, ambiguous) {
		attrs = slices.Clone(attrs)
		for i, a := range attrs {
			attrs[i] = plain(a)
		}
	}
	return &jsonHandler{Handler: h.Handler.WithAttrs(attrs), grouped: h.grouped}
}

// WithGroup notes that a group has begun.
func (h *jsonHandler) WithGroup(name string) slog.Handler {
	return &jsonHandler{Handler: h.Handler.WithGroup(name), grouped: h.grouped || name != ""}
}

// ambiguous reports whether an attribute is called as a part of a record that gets another name.
func ambiguous(a slog.Attr) bool { return a.Key == slog.TimeKey || a.Key == slog.MessageKey }

// plainValue is the value of an attribute that keeps its name.
type plainValue struct{ slog.Value }

func plain(a slog.Attr) slog.Attr {
	if ambiguous(a) {
		a.Value = slog.AnyValue(plainValue{a.Value.Resolve()})
	}
	return a
}

// jsonAttr gives attributes the names and the forms of [JSONLogs].
func jsonAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	if ambiguous(a) && a.Value.Kind() == slog.KindAny {
		if v, ok := a.Value.Any().(plainValue); ok {
			return slog.Attr{Key: a.Key, Value: v.Value}
		}
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
	case "error", "err":
		if err, ok := a.Value.Any().(error); ok {
			return slog.Group("", slog.String("errorType", errorType(err)), slog.String("errorMessage", err.Error()))
		}
	}
	return a
}

// errorType names the type of an error as the log of the execution does.
func errorType(err error) string {
	if name := engine.TypeName(err); name != "" {
		return name
	}
	full := fmt.Sprintf("%T", err)
	if strings.HasPrefix(full, "*errors.") || strings.HasPrefix(full, "*fmt.") {
		return "Error"
	}
	return full[strings.LastIndexByte(full, '.')+1:]
}

// onLambda is the handler of a process that Lambda runs, nil elsewhere.
func onLambda() slog.Handler {
	if os.Getenv("AWS_LAMBDA_FUNCTION_NAME") == "" {
		return nil
	}
	return JSONLogs(os.Stdout, nil)
}
