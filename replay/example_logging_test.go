package replay_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// only is a handler of log records that prints some of what they say.
func only(keys ...string) slog.Handler {
	return slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if slices.Contains(keys, a.Key) {
			return a
		}
		return slog.Attr{}
	}})
}

func ExampleLogHandler() {
	// Records of a body carry the names of its operation, whoever writes them.
	app := slog.New(replay.LogHandler(only("msg", "operationName", "attempt", "card")))
	show(func(ctx op.Context, _ op.None) (op.None, error) {
		return replay.Run(ctx, op.Do("charge", func(ctx context.Context) error {
			app.InfoContext(ctx, "charged", slog.String("card", "1234"))
			return nil
		}))
	})
	app.Info("outside")
	// Output:
	// msg=charged operationName=charge attempt=1 card=1234
	// {} <nil>
	// msg=outside
}

func ExampleJSONLogs() {
	// The time is left out here, so that the lines are the same each time.
	lines := replay.JSONLogs(os.Stdout, slog.LevelInfo)
	write := func(level slog.Level, message string, attrs ...slog.Attr) {
		r := slog.Record{Level: level, Message: message}
		r.AddAttrs(attrs...)
		if err := lines.Handle(context.Background(), r); err != nil {
			panic(err)
		}
	}
	write(slog.LevelInfo, "charged", slog.Int("cents", 4200))
	write(slog.LevelWarn, "not charged", slog.Any("error", errors.New("throttled")))
	// Output:
	// {"level":"INFO","message":"charged","cents":4200}
	// {"level":"WARN","message":"not charged","errorType":"Error","errorMessage":"throttled"}
}
