package replay_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestDefaultClientIsMadeOnce: making one reads the environment and opens a connection, which later
// invocations of the same process go on to use.
func TestDefaultClientIsMadeOnce(t *testing.T) {
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // it is not looked at
		calls.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"CheckpointToken":"t"}`) // the client is there
	}))
	defer server.Close()
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", server.URL)
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return replay.Run(ctx, op.Do("charge", func(context.Context) error { return nil }))
	})
	for n := int64(1); n <= 3; n++ {
		if got := say(f.Invoke(t.Context(), event(t))); got != "SUCCEEDED {}" || calls.Load() < n {
			t.Errorf("invocation %d: answer %s after %d calls", n, got, calls.Load())
		}
		for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_LAMBDA"} {
			t.Setenv(name, "") // nothing of it is read again
		}
	}
}
