package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// logged runs a function once, as Lambda does, and returns the lines that it has logged. Times
// are checked and left out.
func logged(t *testing.T, tenant string, fn func(ctx op.Context, _ op.None) (op.None, error), text *bytes.Buffer, opts ...replay.HandlerOption) []string {
	t.Helper()
	ctx := lambdacontext.NewContext(onTape(t, &tape{}), &lambdacontext.LambdaContext{AwsRequestID: "r-1", TenantID: tenant})
	if got := say(replay.Handler(fn, opts...).Invoke(ctx, event(t, execution("{}")))); got != "SUCCEEDED {}" {
		t.Fatalf("answer %s", got)
	}
	return untimed(t, text.String())
}

func untimed(t *testing.T, text string) []string {
	t.Helper()
	form := regexp.MustCompile(`^\{"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",`)
	var lines []string
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) || !form.MatchString(line) {
			t.Fatalf("not an object with a time first: %s", line)
		}
		lines = append(lines, form.ReplaceAllString(strings.TrimSuffix(line, "\n"), "{"))
	}
	return lines
}

func TestJSONLogsAreOneObjectALine(t *testing.T) {
	t.Parallel()
	fn := func(ctx op.Context, _ op.None) (op.None, error) {
		ctx.Logger().Info("begun", slog.Int("items", 2), slog.Any("order", map[string]string{"id": "o\n1"}))
		return replay.Run(ctx, op.Do("charge", func(ctx context.Context) error {
			info, _ := op.InfoFrom(ctx)
			log := op.LoggerFrom(ctx).With(slog.String("id", info.ID))
			log.Warn("slow", slog.Any("error", &limitError{Limit: 7}))
			log.Error("failed", slog.Any("err", errors.New("down")), slog.Group("call", slog.Any("error", errors.New("inner"))))
			return nil
		}))
	}
	var text bytes.Buffer
	lines := logged(t, "acme", fn, &text, replay.WithLogHandler(replay.JSONLogs(&text, slog.LevelInfo)))
	var first struct{ ExecutionARN, ID string }
	if err := json.Unmarshal([]byte(lines[1]), &first); err != nil {
		t.Fatal(err)
	}
	common := `"executionArn":"` + first.ExecutionARN + `","requestId":"r-1","tenantId":"acme"`
	body := common + `,"operationId":"` + first.ID + `","operationName":"charge","attempt":1,"id":"` + first.ID + `"`
	want := []string{
		`{"level":"INFO","message":"begun",` + common + `,"items":2,"order":{"id":"o\n1"}}`,
		`{"level":"WARN","message":"slow",` + body + `,"errorType":"limitError","errorMessage":"over the limit of 7"}`,
		`{"level":"ERROR","message":"failed",` + body + `,"errorType":"Error","errorMessage":"down","call":{"error":"inner"}}`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestJSONLogsLeaveOutWhatIsAbsent(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	lines := logged(t, "", func(ctx op.Context, _ op.None) (op.None, error) {
		ctx.Logger().Info("begun")
		return op.None{}, nil
	}, &text, replay.WithLogHandler(replay.JSONLogs(&text, nil)))
	if len(lines) != 1 || strings.Contains(lines[0], "tenantId") || strings.Contains(lines[0], "operationId") {
		t.Errorf("lines %q", lines)
	}
}

func TestJSONLogsHaveTheLevelOfLambda(t *testing.T) {
	all := []slog.Level{slog.LevelDebug - 4, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelError + 4}
	tests := []struct {
		reason, level string
		want          string
	}{
		{"nothing is set", "", "INFO WARN ERROR FATAL"},
		{"the most", "TRACE", "TRACE DEBUG INFO WARN ERROR FATAL"},
		{"debugging", "debug", "DEBUG INFO WARN ERROR FATAL"},
		{"warnings", "WARN", "WARN ERROR FATAL"},
		{"errors", "ERROR", "ERROR FATAL"},
		{"the least", "FATAL", "FATAL"},
		{"something else", "LOUD", "INFO WARN ERROR FATAL"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Setenv("AWS_LAMBDA_LOG_LEVEL", tt.level)
			var text bytes.Buffer
			log := slog.New(replay.JSONLogs(&text, nil))
			for _, l := range all {
				log.Log(t.Context(), l, "m")
			}
			var got []string
			for _, line := range untimed(t, text.String()) {
				got = append(got, strings.Split(line, `"`)[3])
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("levels %q, want %s", got, tt.want)
			}
		})
	}
}

// TestLogHandlerKnowsTheContext: a logger that is not the execution's own says where a record
// belongs, and is silent where that one is.
func TestLogHandlerKnowsTheContext(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	handler := replay.LogHandler(replay.JSONLogs(&text, slog.LevelInfo))
	log := slog.New(handler).With(slog.String("by", "app")).WithGroup("app")
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		log.InfoContext(ctx.InvocationContext(), "first")
		ctx.Logger().InfoContext(ctx.InvocationContext(), "own")
		err := replay.Exec(ctx, op.Do("charge", func(ctx context.Context) error {
			log.InfoContext(ctx, "body")
			return nil
		}))
		if err == nil {
			err = replay.Exec(ctx, op.Wait("pause", time.Hour))
		}
		log.InfoContext(ctx.InvocationContext(), "last")
		return op.None{}, err
	}, replay.WithLogHandler(handler))
	e := drive(t, f, "{}")
	if err := e.Err(); err != nil {
		t.Fatal(err)
	}
	log.InfoContext(t.Context(), "outside")
	var got []string
	for _, line := range untimed(t, text.String()) {
		var r map[string]any
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		_, known := r["executionArn"]
		name, _ := r["operationName"].(string)
		message, _ := r["message"].(string)
		got = append(got, strings.TrimSpace(message+" "+map[bool]string{true: "of the execution "}[known]+name))
	}
	want := []string{"first of the execution", "own of the execution", "body of the execution charge", "last of the execution", "outside"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if n := strings.Count(text.String(), `"message":"own"`); n != 1 || strings.Count(strings.Split(text.String(), "\n")[1], "executionArn") != 1 {
		t.Errorf("the execution's own logger says it twice:\n%s", text.String())
	}
}

// TestReplayLogsComeOutOnRequest: without it a scope is silent while it is replayed; bodies never
// are.
func TestReplayLogsComeOutOnRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		opts   []replay.HandlerOption
		want   string
	}{
		{"the default", nil, "debug error body done"},
		{"all", []replay.HandlerOption{replay.WithReplayLogs(slog.LevelDebug)}, "debug error body debug error done"},
		{"errors", []replay.HandlerOption{replay.WithReplayLogs(slog.LevelError)}, "debug error body error done"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var text bytes.Buffer
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				ctx.Logger().Debug("debug")
				ctx.Logger().Error("error")
				err := replay.Exec(ctx, op.Do("charge", func(ctx context.Context) error {
					op.LoggerFrom(ctx).Info("body")
					return nil
				}))
				if err == nil {
					err = replay.Exec(ctx, op.Wait("pause", time.Hour))
				}
				ctx.Logger().Info("done")
				return op.None{}, err
			}, append(tt.opts, replay.WithLogHandler(replay.JSONLogs(&text, slog.LevelDebug)))...)
			if err := drive(t, f, "{}").Err(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, line := range untimed(t, text.String()) {
				got = append(got, strings.Split(line, `"`)[7])
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("messages %q, want %s", got, tt.want)
			}
		})
	}
}

// TestOnLambdaLogsGoToTheStandardOutput: as JSON, also where Lambda's own lines are text.
func TestOnLambdaLogsGoToTheStandardOutput(t *testing.T) {
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
	for _, format := range []string{"", "Text", "JSON"} {
		t.Setenv("AWS_LAMBDA_LOG_FORMAT", format)
		name := filepath.Join(t.TempDir(), "stdout")
		file, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		stdout := os.Stdout
		os.Stdout = file
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			ctx.Logger().Info("begun")
			return op.None{}, nil
		})
		os.Stdout = stdout
		if err := drive(t, f, "{}").Err(); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if lines := untimed(t, string(text)); len(lines) != 1 || !strings.Contains(lines[0], `"requestId"`) {
			t.Errorf("format %q: standard output %q", format, lines)
		}
	}
}

// TestJSONLogsKeepTheKeysOfTheRecord: only the time and the message of the record itself get other
// names, not attributes that are called as slog calls those.
func TestJSONLogsKeepTheKeysOfTheRecord(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	log := slog.New(replay.JSONLogs(&text, nil))
	at := slog.Time("time", dawn)
	log.Info("own", slog.String("msg", "theirs"), at)
	log.With(slog.String("msg", "with"), at).Info("own")
	log.WithGroup("g").Info("own", slog.String("msg", "group"), at)
	log.Info("own", slog.Int("msg", 1), slog.Any("error", errThrottled))
	want := []string{
		`{"level":"INFO","message":"own","msg":"theirs","time":"2026-01-01T00:00:00Z"}`,
		`{"level":"INFO","message":"own","msg":"with","time":"2026-01-01T00:00:00Z"}`,
		`{"level":"INFO","message":"own","g":{"msg":"group","time":"2026-01-01T00:00:00Z"}}`,
		`{"level":"INFO","message":"own","msg":1,"errorType":"Error","errorMessage":"throttled"}`,
	}
	if diff := cmp.Diff(want, untimed(t, text.String())); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// TestLogHandlerAddsWhatInterceptorsAdd: as the logger of the body does, in interceptors too.
func TestLogHandlerAddsWhatInterceptorsAdd(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	handler := replay.LogHandler(replay.JSONLogs(&text, nil))
	log := slog.New(handler)
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return replay.Run(ctx, op.Do("charge", func(ctx context.Context) error {
			log.InfoContext(ctx, "by the application's logger")
			op.LoggerFrom(ctx).InfoContext(ctx, "by the body's")
			return nil
		}))
	}, replay.WithLogHandler(handler), replay.WithInterceptors(replay.Interceptor{
		LogAttrs: func(a replay.AttemptInfo) []slog.Attr {
			return []slog.Attr{slog.String("trace", a.Path), slog.Int("n", a.Number)}
		},
		AttemptStart: func(ctx context.Context, _ replay.AttemptInfo) { log.InfoContext(ctx, "by an interceptor") },
	}))
	if got := once(t, f, &tape{}); got != "SUCCEEDED {}" {
		t.Fatal(got)
	}
	var tails []string
	for _, line := range untimed(t, text.String()) {
		_, tail, _ := strings.Cut(line, `"operationName":`)
		tails = append(tails, strings.Split(line, `"`)[7]+" "+tail)
	}
	const tail = ` "charge","attempt":1,"trace":"charge","n":1}`
	want := []string{"by an interceptor" + tail, "by the application's logger" + tail, "by the body's" + tail}
	if diff := cmp.Diff(want, tails); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
