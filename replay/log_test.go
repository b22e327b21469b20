package replay_test

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// messages are the messages of log lines, in order.
func messages(book *logBook) []string {
	var ms []string
	for _, line := range book.lines() {
		_, m, _ := strings.Cut(line, "msg=")
		ms = append(ms, strings.Trim(m, `"`))
	}
	return ms
}

// TestLineOfAHandlerIsWrittenOnce: over several invocations, in the order in which things happened.
func TestLineOfAHandlerIsWrittenOnce(t *testing.T) {
	t.Parallel()
	noop := func(context.Context) error { return nil }
	tests := []struct {
		reason string
		run    func(ctx op.Context) error
		want   []string
	}{
		{
			reason: "between steps and waits",
			run: func(ctx op.Context) error {
				ctx.Logger().Info("begin")
				if err := replay.Exec(ctx, op.Do("charge", noop)); err != nil {
					return err
				}
				ctx.Logger().Info("charged")
				if err := replay.Exec(ctx, op.Wait("first", time.Hour)); err != nil {
					return err
				}
				ctx.Logger().Info("waited")
				if err := replay.Exec(ctx, op.Wait("second", time.Hour)); err != nil {
					return err
				}
				ctx.Logger().Info("waited again")
				return nil
			},
			want: []string{"begin", "charged", "waited", "waited again"},
		},
		{
			reason: "before and after a step that is retried",
			run: func(ctx op.Context) error {
				ctx.Logger().Info("begin")
				err := replay.Exec(ctx, op.Do("charge", func(ctx context.Context) error {
					if info, _ := op.InfoFrom(ctx); info.Attempt < 3 {
						return errThrottled
					}
					return nil
				}, op.WithRetry(retry.Fixed(time.Second))))
				ctx.Logger().Info("charged")
				return err
			},
			want: []string{"begin", "an attempt failed", "an attempt failed", "charged"},
		},
		{
			reason: "in a group",
			run: func(ctx op.Context) error {
				err := replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
					ctx.Logger().Info("group")
					if err := replay.Exec(ctx, op.Wait("first", time.Hour)); err != nil {
						return op.None{}, err
					}
					ctx.Logger().Info("waited")
					return op.None{}, nil
				}))
				ctx.Logger().Info("after")
				if err := replay.Exec(ctx, op.Wait("second", time.Hour)); err != nil {
					return err
				}
				ctx.Logger().Info("end")
				return err
			},
			want: []string{"group", "waited", "after", "end"},
		},
		{
			reason: "after the last record, when the service says that only an earlier one has changed",
			run: func(ctx op.Context) error {
				pause := replay.Go(ctx, op.Wait("first", time.Hour))
				if err := replay.Exec(ctx, op.Do("charge", noop)); err != nil {
					return err
				}
				ctx.Logger().Info("charged")
				if err := replay.Exec(ctx, pause.Result()); err != nil {
					return err
				}
				ctx.Logger().Info("waited")
				return nil
			},
			want: []string{"charged", "waited"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			book := &logBook{}
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return op.None{}, tt.run(ctx) },
				replay.WithLogHandler(book.handler(false))), "null")
			if diff := cmp.Diff(tt.want, messages(book)); diff != "" {
				t.Errorf("lines (-want +got):\n%s\n%s", diff, end(e))
			}
		})
	}
}

// TestLinesOfAReplay covers which lines come out while the log is replayed.
func TestLinesOfAReplay(t *testing.T) {
	t.Parallel()
	all := []string{"level=DEBUG msg=d", "level=INFO msg=i", "level=WARN msg=w", "level=ERROR msg=e"}
	tests := []struct {
		reason   string
		opts     []replay.HandlerOption
		replayed []string
	}{
		{"by default none", nil, nil},
		{"errors", []replay.HandlerOption{replay.WithReplayLogs(slog.LevelError)}, all[3:]},
		{"warnings and errors", []replay.HandlerOption{replay.WithReplayLogs(slog.LevelWarn)}, all[2:]},
		{"all", []replay.HandlerOption{replay.WithReplayLogs(slog.LevelDebug)}, all},
		{"the last option counts", []replay.HandlerOption{replay.WithReplayLogs(slog.LevelDebug), replay.WithReplayLogs(nil)}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			book := &logBook{}
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				for _, log := range []*slog.Logger{ctx.Logger(), ctx.Logger().With(slog.Int("a", 1)).WithGroup("g")} {
					log.Debug("d")
					log.Info("i")
					log.Warn("w")
					log.Error("e")
				}
				return replay.Run(ctx, op.Do("charge", func(context.Context) error { return nil }))
			}, append(tt.opts, replay.WithLogHandler(book.handler(false)))...)
			once(t, f, &tape{}, stepRecord("charge", checkpoint.StatusSucceeded))
			if diff := cmp.Diff(slices.Concat(tt.replayed, tt.replayed), book.lines()); diff != "" {
				t.Errorf("replayed (-want +got):\n%s", diff)
			}
			live := &logBook{}
			g := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				ctx.Logger().Debug("d")
				return op.None{}, nil
			}, append(tt.opts, replay.WithLogHandler(live.handler(false)))...)
			once(t, g, &tape{})
			if diff := cmp.Diff(all[:1], live.lines()); diff != "" {
				t.Errorf("live (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBodyIsNeverSilent: a body that runs again is no replay.
func TestBodyIsNeverSilent(t *testing.T) {
	t.Parallel()
	book := &logBook{}
	runs := 0
	drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return replay.Run(ctx, op.Do("charge", func(ctx context.Context) error {
			op.LoggerFrom(ctx).Info("body")
			if runs++; runs < 3 {
				local.Kill(ctx)
				runtime.Goexit()
			}
			return nil
		}))
	}, replay.WithLogHandler(book.handler(false))), "null")
	const failed = "the execution failed" // by a body that ended its goroutine, in an answer that is lost with the process
	if diff := cmp.Diff([]string{"body", failed, "body", failed, "body"}, messages(book)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestLinesSayWhereTheyComeFrom(t *testing.T) {
	t.Parallel()
	book := &logBook{}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		ctx.Logger().Info("handler")
		return replay.Run(ctx, op.Do("charge", func(ctx context.Context) error {
			op.LoggerFrom(ctx).Info("body")
			return nil
		}))
	}, replay.WithLogHandler(book.handler(true)))
	once(t, f, &tape{})
	id := oplog.ID("", "charge", "", 0)
	want := []string{
		"level=INFO msg=handler executionArn=" + tapeARN,
		"level=INFO msg=body executionArn=" + tapeARN + " operationId=" + id + " operationName=charge attempt=1",
	}
	if diff := cmp.Diff(want, book.lines()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	op.LoggerFrom(t.Context()).Info("not written")
}

func TestReplayingIsTrueWhileRecordsAreLeft(t *testing.T) {
	t.Parallel()
	var got []bool
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		noop := func(context.Context) error { return nil }
		for _, name := range []string{"first", "second", "third"} {
			got = append(got, ctx.Execution().Replaying)
			if err := replay.Exec(ctx, op.Do(name, noop)); err != nil {
				return op.None{}, err
			}
		}
		if x := ctx.Execution(); x.ARN != tapeARN || x.Name != "order-42" || !x.StartedAt.Equal(dawn) {
			t.Errorf("the execution is %+v", x)
		}
		return op.None{}, nil
	})
	once(t, f, &tape{}, stepRecord("first", checkpoint.StatusSucceeded), stepRecord("second", checkpoint.StatusSucceeded))
	if diff := cmp.Diff([]bool{true, true, false}, got); diff != "" {
		t.Errorf("replaying before each step (-want +got):\n%s", diff)
	}
}
