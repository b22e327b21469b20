package lambdaapi

import (
	"log/slog"
	"net/http"
	"strconv"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// Option configures [Handler].
type Option interface{ apply(*front) }

type optionFunc func(*front)

func (f optionFunc) apply(h *front) { f(h) }

// WithLogger sets where warnings go: what AWS refuses and the local service accepts. The default is
// [slog.Default]; nil stands for it.
func WithLogger(l *slog.Logger) Option {
	return optionFunc(func(f *front) { f.logger = l })
}

// warnUnqualified warns that a durable function is named without a version or an alias: the service
// of AWS wants one (AWS documentation, invoking durable functions). What is warned of goes on. It
// warns once for a function while it serves: in the log, and in the header of that response, which
// is nil for a call that only mentions the function.
func (f *front) warnUnqualified(r request, fn api.Function, header http.Header) {
	if _, again := f.warned.LoadOrStore(fn.Name, true); again {
		return
	}
	text := "AWS starts a durable function only by its version or alias: name '" + fn.Name + ":" + api.Latest + "'" + // a shell takes $LATEST for a variable
		", a number such as " + fn.Name + ":1, or an alias such as " + fn.Name + ":live; " + fn.Name + " alone works only here"
	if header != nil { // RFC 7234, 5.5: 299 is a warning of any kind
		header.Set("Warning", "299 perdure "+strconv.Quote(text))
	}
	logger := f.logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.WarnContext(r.Context(), "a durable function was named without a version or alias, as AWS refuses",
		slog.String("call", r.call), slog.String("function", fn.Name), slog.String("advice", text))
}

// warnOfInvokes warns of the functions that a checkpoint call has had invoked.
func (f *front) warnOfInvokes(r request, updates []checkpoint.Update) {
	for i := range updates {
		u := &updates[i]
		if u.Kind != checkpoint.KindChainedInvoke || u.Action != checkpoint.ActionStart {
			continue
		}
		fn, err := api.ParseFunction(u.Function)
		if err != nil || fn.Qualifier != "" {
			continue
		}
		if h, err := f.svc.Function(u.Function); err == nil && !h.Plain {
			f.warnUnqualified(r, fn, nil)
		}
	}
}
