package cli

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// warn prints the warnings of a response: what the local service accepts and AWS refuses.
func (a *app) warn(response middleware.Metadata) {
	res, ok := awsmiddleware.GetRawResponse(response).(*smithyhttp.Response)
	if !ok {
		return
	}
	for _, warning := range res.Header.Values("Warning") {
		text := warning // RFC 7234, 5.5: a code, who warns, and a text in quotes
		if _, quoted, ok := strings.Cut(warning, `"`); ok {
			if plain, err := strconv.Unquote(`"` + quoted); err == nil {
				text = plain
			}
		}
		fmt.Fprintln(a.Err, "warning: "+text)
	}
}

// warner is a handler of logs for the warnings of the local service, which perdure dev prints in a
// line each: the advice, which says everything.
type warner struct {
	say func(format string, args ...any)
}

func (w *warner) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (w *warner) WithAttrs([]slog.Attr) slog.Handler           { return w }
func (w *warner) WithGroup(string) slog.Handler                { return w }

func (w *warner) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "advice" {
			text = a.Value.String()
		}
		return true
	})
	w.say("warning: %s", text)
	return nil
}
