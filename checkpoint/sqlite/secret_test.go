package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"

	"github.com/perdure/perdure/checkpoint/sqlite"
)

// planted begins all secrets of this test.
const planted = "4111-secret"

// withSecrets is a handler with secrets in its input, results, states, errors, panics and
// callbacks. It fails in the end if it is to.
func withSecrets(end string) func(ctx op.Context, in string) (string, error) {
	return func(ctx op.Context, in string) (string, error) {
		never := op.WithRetry(retry.Never())
		read, err := replay.Run(ctx, op.Step("read", func(context.Context) (string, error) { return in + planted, nil }))
		if err != nil {
			return "", err
		}
		_, declined := replay.Run(ctx, op.Step("decline", func(context.Context) (string, error) { return "", errors.New(planted) }, never))
		_, panicked := replay.Run(ctx, op.Step("panic", func(context.Context) (string, error) { panic(planted) }, never))
		tried, err := replay.Run(ctx, op.Step("tries", func(ctx context.Context) (string, error) {
			switch info, _ := op.InfoFrom(ctx); info.Attempt {
			case 1:
				return "", retry.Again(planted + " of a state")
			case 2:
				return "", errors.New(planted + " of a retry")
			}
			s, _, err := op.StateFrom[string](ctx)
			return s, err
		}, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(5)))))
		if err != nil {
			return "", err
		}
		all, err := replay.Run(ctx, op.Map("all", []string{planted + " 1", planted + " 2"}, op.GroupFunc("each", func(ctx op.Context, s string) (string, error) {
			if err := replay.Exec(ctx, op.Wait("nap", time.Second)); err != nil {
				return "", err
			}
			return s, nil
		})))
		if err != nil {
			return "", err
		}
		asked, err := replay.Run(ctx, op.WaitForCallback[string]("ask", func(context.Context, string) error { return nil },
			op.WithTimeout(time.Hour)))
		if !errors.Is(err, op.ErrTimedOut) {
			return "", fmt.Errorf("the callback: %q, %w", asked, err)
		}
		v := fmt.Sprint(read, declined, panicked, tried, all.Values())
		switch end {
		case "fail":
			return "", errors.New(v)
		case "panic":
			panic(v)
		}
		return v, nil
	}
}

// leaks returns the names of the places that hold a secret: the files of a store, its history over
// HTTP, and logs.
func leaks(t *testing.T, c codec.Codec, end string, input func(function string) string) []string {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(filepath.Join(dir, "executions.db"))
	if err != nil {
		t.Fatal(err)
	}
	var logs bytes.Buffer
	service := local.New(local.WithStore(store), local.WithClock(local.NewVirtualClock(time.Unix(1e9, 0))))
	f := replay.Handler(withSecrets(end), replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c),
		replay.WithStackTraces(), replay.WithLogHandler(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err := service.Host("cards", f); err != nil {
		t.Fatal(err)
	}
	e, err := service.Start(t.Context(), "cards", "one", []byte(input("cards")))
	if err == nil {
		err = e.Drive(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]local.Status{"": local.StatusSucceeded}[end]; e.Status() != want && end == "" {
		t.Fatalf("it is %s: %v", e.Status(), e.Failure())
	}
	found := map[string]bool{}
	look := func(name string, text []byte) { found[name] = found[name] || bytes.Contains(text, []byte(planted)) }
	front := httptest.NewServer(lambdaapi.Handler(service))
	defer front.Close()
	for _, path := range []string{"", "/history?IncludeExecutionData=true"} {
		res, err := http.Get(front.URL + "/2025-12-01/durable-executions/" + url.PathEscape(e.ARN()) + path) //nolint:noctx // of the test
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK || len(text) < 100 {
			t.Fatalf("%s: %s, %v: %s", path, res.Status, err, text)
		}
		_ = res.Body.Close()
		look("HTTP", text)
	}
	look("logs", logs.Bytes())
	files := func() {
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(names) == 0 {
			t.Fatal(names, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			look(strings.TrimPrefix(filepath.Base(name), "executions."), text)
		}
	}
	files() // with the log that SQLite writes ahead
	if err := errors.Join(service.Close(), store.Close()); err != nil {
		t.Fatal(err)
	}
	files()
	var list []string
	for name, shows := range found {
		if shows {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// With sealing on, no secret stands in the file of a store, in its log, in the history over HTTP,
// or in logs.
func TestSealedExecutionsLeaveNoSecretBehind(t *testing.T) {
	t.Parallel()
	key, err := seal.GenerateKey("k1")
	if err != nil {
		t.Fatal(err)
	}
	sealed := codec.Chain(codec.JSON(), codec.Required(seal.New(seal.Static(key))))
	for _, end := range []string{"", "fail", "panic"} {
		t.Run("end "+end, func(t *testing.T) {
			t.Parallel()
			plain := leaks(t, codec.JSON(), end, func(string) string { return `"` + planted + ` in"` })
			if !slices.Contains(plain, "HTTP") || !slices.Contains(plain, "db") && !slices.Contains(plain, "db-wal") {
				t.Errorf("without sealing the search finds secrets in %v alone", plain)
			}
			if got := leaks(t, sealed, end, func(function string) string {
				p, err := codec.Encode(t.Context(), sealed, codec.Meta{
					ExecutionARN: "arn:aws:lambda:us-east-1:123456789012:function:caller", Part: codec.PartInput, Function: function,
				}, planted+" in")
				if err != nil {
					t.Fatal(err)
				}
				return string(p)
			}); len(got) > 0 {
				t.Errorf("there are secrets in %v", got)
			}
		})
	}
}
