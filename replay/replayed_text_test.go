package replay_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// textEvent is the event of an execution whose step "read" has succeeded with this payload.
func textEvent(t *testing.T, payload string) []byte {
	t.Helper()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	event, err := checkpoint.EncodeInvocation(checkpoint.Invocation{
		ARN: "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/order-42/8f3c1a", Token: "token",
		Operations: []checkpoint.Operation{
			{ID: "8f3c1a", Name: "order-42", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted, Start: at},
			{
				ID: oplog.ID("", "read", "", 0), Name: "read", Kind: checkpoint.KindStep, SubType: "Step",
				Status: checkpoint.StatusSucceeded, Start: at, End: at, Attempt: 1, Payload: checkpoint.TextPayload(payload),
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

type word string

// reader reads a string from the step "read".
type reader func(ctx op.Context, o op.Op[string]) (string, error)

// TestReplayedText: whichever way a string takes from the log, it is the one that the codec has
// written.
func TestReplayedText(t *testing.T) {
	t.Parallel()
	run := replay.Run[string]
	shout := codec.Of(
		func(s string) ([]byte, error) { return []byte(s), nil },
		func(b []byte) (string, error) { return string(b) + "!", nil },
	)
	tests := []struct {
		name, reason, payload string
		read                  reader
		want                  string
		opts                  []replay.HandlerOption
	}{
		{"plain", "taken out of the event", `"abc"`, run, "abc", nil},
		{"empty", "taken out of the event", `""`, run, "", nil},
		{"other alphabets", "taken out of the event", `"größe 😀"`, run, "größe 😀", nil},
		{"escapes", "decoded", `"a\"\\\nb\u0041"`, run, "a\"\\\nbA", nil},
		{"white space", "decoded", ` "abc"` + "\n", run, "abc", nil},
		{"null", "decoded", `null`, run, "", nil},
		{"raw", "another codec has written it", `"abc"`, run, `"abc"`, []replay.HandlerOption{replay.WithCodec(codec.Raw())}},
		{
			"own", "the operation has a codec of its own", `"abc"`,
			func(ctx op.Context, o op.Op[string]) (string, error) { return replay.Run(ctx, o.WithCodec(shout)) }, `"abc"!`, nil,
		},
		{"said so", "the built-in codec", `"abc"`, run, "abc", []replay.HandlerOption{replay.WithCodec(codec.JSON())}},
		{
			"a type of the user's", "only string itself is taken out of the event", `"abc"`,
			func(ctx op.Context, _ op.Op[string]) (string, error) {
				w, err := replay.Run(ctx, op.Step("read", func(context.Context) (word, error) { return "", nil }))
				return string(w), err
			}, "abc", nil,
		},
		{
			"a pointer", "only string itself is taken out of the event", `"abc"`,
			func(ctx op.Context, _ op.Op[string]) (string, error) {
				p, err := replay.Run(ctx, op.Step("read", func(context.Context) (*string, error) { return nil, nil }))
				return *p, err
			}, "abc", nil,
		},
		{
			"a future", "asked for later", `"abc"`,
			func(ctx op.Context, o op.Op[string]) (string, error) {
				return replay.Run(ctx, replay.Go(ctx, o).Result())
			}, "abc", nil,
		},
		{
			"transformed", "a function of the user's has the result first", `"abc"`,
			func(ctx op.Context, o op.Op[string]) (string, error) {
				return replay.Run(ctx, op.Transform(o, func(s string) (string, error) { return s + s, nil }))
			}, "abcabc", nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got string
			step := op.Step("read", func(context.Context) (string, error) { return "", errors.New("the body has run") })
			f := replay.Handler(func(ctx op.Context, _ op.None) (_ op.None, err error) {
				got, err = tt.read(ctx, step)
				return op.None{}, err
			}, tt.opts...)
			out, err := f.Invoke(checkpoint.WithClient(t.Context(), new(acceptor)), textEvent(t, tt.payload))
			if err != nil || !strings.HasPrefix(string(out), `{"Status":"SUCCEEDED"`) || got != tt.want {
				t.Errorf("%s: %q, want %q: %s, %v", tt.reason, got, tt.want, out, err)
			}
		})
	}
}
