package conformance_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"

	"github.com/perdure/perdure/replay/conformance"
	"github.com/perdure/perdure/replay/conformance/handlers"
)

// TestOwnRequirements judges functions by requirements of this module, which are always there.
func TestOwnRequirements(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(own(handlers.World{})) {
		t.Errorf("%d requirements for %d functions", len(files), len(own(handlers.World{})))
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			q, _ := read(t, string(text))
			q.ID = strings.TrimSuffix(filepath.Base(name), ".yaml")
			problems, o, err := conformance.Judge(t.Context(), conformance.InProcess{Functions: own}, q, seed)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				t.Error(p)
			}
			if len(problems) > 0 {
				t.Logf("%s, result %s\n%s%s", o.Status, o.Result, conformance.Outline(o.History), lines(o.Logs))
			}
		})
	}
}

// own are the functions of this module's own requirements.
func own(w handlers.World) map[string]lambda.Handler {
	logs := replay.WithLogHandler(replay.JSONLogs(w.Out, slog.LevelInfo))
	return map[string]lambda.Handler{
		"batch-flat":          replay.Handler(flatMap, logs),
		"callback-submitter":  replay.Handler(submitterFails, logs),
		"invoke-result-codec": replay.Handler(invokeUpper, logs),
		"group-large":         replay.Handler(largeGroup, logs),
		"group-large-loud":    replay.Handler(largeGroup, logs, replay.WithReplayLogs(slog.LevelInfo)),
		"interceptor-wait":    replay.Handler(waitBesideCallback, logs, replay.WithInterceptors(printing(w))),
	}
}

func flatMap(ctx op.Context, items []string) ([]string, error) {
	shout := op.StepFunc("shout", func(_ context.Context, s string) (string, error) { return strings.ToUpper(s), nil })
	b, err := replay.Run(ctx, op.Map("shout", items, shout, op.WithFlat(), op.WithMaxConcurrency(1)))
	return b.Values(), err
}

func submitterFails(ctx op.Context, name string) (string, error) {
	return replay.Run(ctx, op.WaitForCallback[string](name,
		func(context.Context, string) error { return errors.New("refused") },
		op.WithSubmit(op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(2))))))
}

func invokeUpper(ctx op.Context, in string) (string, error) {
	upper := codec.Of(
		func(s string) ([]byte, error) { return []byte(s), nil },
		func(p []byte) (string, error) { return strings.ToUpper(string(p)), nil },
	)
	return replay.Run(ctx, op.Invoke[string]("call", "echo:live", in).WithCodec(upper))
}

func largeGroup(ctx op.Context, in string) (int, error) {
	large, err := replay.Run(ctx, op.Group("large", func(ctx op.Context) (string, error) {
		ctx.Logger().Info("in the group", slog.String("input", in))
		out, err := replay.Run(ctx, op.Step("work", func(ctx context.Context) (string, error) {
			op.LoggerFrom(ctx).Info("in the body")
			return in, nil
		}))
		return out + strings.Repeat("x", 300_000), err
	}).WithSummary(func(string) string { return "a summary" }))
	if err != nil {
		return 0, err
	}
	err = replay.Exec(ctx, op.Wait("pause", time.Second))
	ctx.Logger().Info("after the wait", slog.String("input", in))
	return len(large), err
}

func waitBesideCallback(ctx op.Context, _ op.None) (string, error) {
	cb, err := replay.Run(ctx, op.CreateCallback[string]("answer"))
	if err != nil {
		return "", err
	}
	if err := replay.Exec(ctx, op.Wait("pause", 5*time.Second)); err != nil {
		return "", err
	}
	return replay.Run(ctx, cb.Result())
}

// printing prints what becomes of operations.
func printing(w handlers.World) replay.Interceptor {
	print := func(hook string) func(context.Context, replay.OperationInfo) {
		return func(_ context.Context, o replay.OperationInfo) {
			if err := json.NewEncoder(w.Out).Encode(map[string]any{
				"hook": hook, "op": o.ID, "status": o.Status, "replay": o.Replay, "result": o.Result,
			}); err != nil {
				panic(err)
			}
		}
	}
	return replay.Interceptor{
		OperationStart: print("start"),
		OperationEnd:   print("end"),
		OperationChange: func(ctx context.Context, c replay.Change) {
			for _, o := range c.Changed {
				print("change")(ctx, o)
			}
		},
	}
}
