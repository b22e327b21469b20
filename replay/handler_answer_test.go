package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func TestResultOfAHandler(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		f      local.Handler
		want   string
	}{
		{"a value", replay.Handler(func(op.Context, op.None) (int, error) { return 7, nil }), "SUCCEEDED 7"},
		{"nothing", replay.Handler(func(op.Context, op.None) (op.None, error) { return op.None{}, nil }), "SUCCEEDED {}"},
		{"a nil pointer is null", replay.Handler(func(op.Context, op.None) (*int, error) { return nil, nil }), "SUCCEEDED null"}, //nolint:nilnil // that is the case
		{"a nil interface is null", replay.Handler(func(op.Context, op.None) (any, error) { return nil, nil }), "SUCCEEDED null"},
		{"raw JSON", replay.Handler(func(op.Context, op.None) (json.RawMessage, error) { return json.RawMessage(`{"a":1}`), nil }), `SUCCEEDED {"a":1}`},
		{"no raw JSON is null", replay.Handler(func(op.Context, op.None) (json.RawMessage, error) { return nil, nil }), "SUCCEEDED null"},
		{"text is not escaped for HTML", replay.Handler(func(op.Context, op.None) (string, error) { return "<a&b>", nil }), `SUCCEEDED "<a&b>"`},
		{
			"an error drops the value", replay.Handler(func(op.Context, op.None) (int, error) { return 7, errDeclined }),
			"FAILED Error: card declined",
		},
		{
			"what cannot be encoded", replay.Handler(func(op.Context, op.None) (chan int, error) { return make(chan int), nil }),
			"FAILED UnsupportedTypeError: codec: encode result: json: unsupported type: chan int",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if got := once(t, tt.f, &tape{}); got != tt.want {
				t.Errorf("answer %s, want %s", got, tt.want)
			}
		})
	}
}

// TestLargeResultIsCheckpointed covers both sides of the limit of an answer.
func TestLargeResultIsCheckpointed(t *testing.T) {
	t.Parallel()
	const limit = 6<<20 - 50
	tests := []struct {
		reason string
		size   int
		char   string
		calls  []string
	}{
		{reason: "one byte more than fits", size: limit + 1, char: "x", calls: []string{"SUCCEED the execution"}},
		{reason: "what fits only unquoted", size: limit - 2, char: "\\n", calls: []string{"SUCCEED the execution"}},
		{reason: "small", size: 1000, char: "x"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			result := json.RawMessage(`"` + strings.Repeat(tt.char, (tt.size-2)/len(tt.char)) + `"`)
			e := drive(t, replay.Handler(func(op.Context, op.None) (json.RawMessage, error) { return result, nil }), "null")
			if string(e.Result()) != string(result) {
				t.Errorf("the execution ended as %.100s, with %d bytes, want %d", end(e), len(e.Result()), len(result))
			}
			if diff := cmp.Diff(tt.calls, callsOf(e)); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			for _, c := range e.CheckpointCalls() {
				if c.Updates[0].ID != checkpoint.ExecutionID(e.ARN()) {
					t.Errorf("the update is of %s, not of the execution", c.Updates[0].ID)
				}
			}
		})
	}
}

func TestFailureOfAHandler(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(op.Context, op.None) (op.None, error) {
		return op.None{}, fmt.Errorf("charge: %w", errDeclined)
	}, replay.WithErrors(codec.Sentinel("declined", errDeclined)))
	out, err := f.Invoke(onTape(t, &tape{}), event(t))
	want := `{"Status":"FAILED","Error":{"ErrorType":"declined","ErrorMessage":"charge: card declined",` +
		`"ErrorData":"{\"perdure\":{\"known\":[{\"name\":\"declined\"}]}}"}}`
	if string(out) != want || err != nil {
		t.Errorf("answer %s, %v\nwant   %s", out, err, want)
	}
}

// apiError is an error of the service.
func apiError(status int, code, message string) error {
	return &checkpoint.APIError{Call: "CheckpointDurableExecution", HTTPStatus: status, Code: code, Message: message}
}

// TestErrorOfTheServiceAtEachCall: what may succeed another time ends the invocation with an error,
// what the service will refuse again ends the execution, whatever user code makes of errors.
func TestErrorOfTheServiceAtEachCall(t *testing.T) {
	t.Parallel()
	const checkpoints = 4 // that the handler makes
	tests := []struct {
		reason string
		err    error
		fails  bool // the execution, and not the invocation
	}{
		{"a stale token", apiError(400, "InvalidParameterValueException", "Invalid checkpoint token"), false},
		{"a stale token, in other capitals", apiError(400, "InvalidParameterValueException", "Invalid Checkpoint Token"), false},
		{"throttling", apiError(http.StatusTooManyRequests, "TooManyRequestsException", "Rate exceeded"), false},
		{"a failure of the service", apiError(500, "ServiceException", "internal"), false},
		{"a gateway", apiError(502, "", ""), false},
		{"no answer", apiError(0, "", "connection reset"), false},
		{"an error that is not the service's", errors.New("dial tcp: i/o timeout"), false},
		{"another parameter", apiError(400, "InvalidParameterValueException", "Invalid parent operation id."), true},
		{"no permission", apiError(403, "AccessDeniedException", "no"), true},
		{"not found", apiError(404, "ResourceNotFoundException", "no"), true},
		{"a key that is gone", apiError(502, "KMSNotFoundException", "no"), true},
	}
	for _, tt := range tests {
		for at := 1; at <= checkpoints; at++ {
			t.Run(fmt.Sprintf("%s/call %d", tt.reason, at), func(t *testing.T) {
				t.Parallel()
				client := &tape{reply: func(n int, _ checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
					if n == at {
						return checkpoint.CheckpointOutput{}, tt.err
					}
					return checkpoint.CheckpointOutput{Token: fmt.Sprint("t", n)}, nil
				}}
				swallowed, noop := 0, func(context.Context) error { return nil }
				f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					defer func() { _ = recover() }()
					for _, o := range []op.Op[op.None]{
						op.Do("first", noop),
						op.Do("second", noop, op.WithSemantics(op.AtMostOncePerRetry)),
						op.Group("third", func(op.Context) (op.None, error) { return op.None{}, nil }),
					} {
						if err := replay.Exec(ctx, o); err != nil {
							swallowed++
						}
					}
					return op.None{}, nil
				})
				got := say(f.Invoke(onTape(t, client), event(t)))
				want := "error replay: checkpoint call: " + tt.err.Error()
				switch api, ok := errors.AsType[*checkpoint.APIError](tt.err); {
				case ok && tt.fails:
					want = fmt.Sprintf("FAILED %s: %s", api.Code, tt.err)
				case ok: // it names the call itself
					want = "error replay: " + strings.TrimPrefix(tt.err.Error(), "checkpoint: ")
				}
				if got != want || len(client.calls()) != at || swallowed != 0 {
					t.Errorf("answer %s\nwant   %s\n%d calls, %d errors seen by the handler", got, want, len(client.calls()), swallowed)
				}
			})
		}
	}
}

func TestErrorOfTheServiceWhenTheStateIsRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		err    error
		want   string
	}{
		{"throttling", apiError(429, "TooManyRequestsException", "Rate exceeded"), "error "},
		{"another parameter", apiError(400, "InvalidParameterValueException", "Invalid marker"), "FAILED InvalidParameterValueException: "},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			b, err := checkpoint.EncodeInvocation(checkpoint.Invocation{ARN: tapeARN, Token: "t", NextMarker: "m"})
			if err != nil {
				t.Fatal(err)
			}
			client := &tape{page: func(checkpoint.StateInput) (checkpoint.StateOutput, error) { return checkpoint.StateOutput{}, tt.err }}
			ran := false
			f := replay.Handler(func(op.Context, op.None) (op.None, error) { ran = true; return op.None{}, nil })
			if got := say(f.Invoke(onTape(t, client), b)); !strings.HasPrefix(got, tt.want) || ran {
				t.Errorf("answer %s, want %s…; the handler ran: %t", got, tt.want, ran)
			}
		})
	}
}

// TestAllPagesAreReadBeforeTheFirstCheckpoint: an operation on a later page would look as if it
// had never run.
func TestAllPagesAreReadBeforeTheFirstCheckpoint(t *testing.T) {
	t.Parallel()
	runs := map[string]int{}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for i := range 25 {
			name := fmt.Sprint("n", i)
			err := replay.Exec(ctx, op.Do("work", func(context.Context) error { runs[name]++; return nil }).Key(name))
			if i%10 == 9 && err == nil {
				err = replay.Exec(ctx, op.Wait("pause", time.Hour).Key(name))
			}
			if err != nil {
				return op.None{}, err
			}
		}
		return op.None{}, nil
	})
	e := drive(t, f, "null", local.WithLimits(local.Limits{PageItems: 2}))
	if end(e) != "SUCCEEDED {}" || e.Invocations() != 3 || len(runs) != 25 {
		t.Errorf("the execution ended as %s after %d invocations, %d bodies", end(e), e.Invocations(), len(runs))
	}
	for name, n := range runs {
		if n != 1 {
			t.Errorf("%s ran %d times", name, n)
		}
	}
}

// TestReplyWithoutAToken: the service accepts no more calls, and begins a later invocation by
// itself: the invocation answers PENDING at once, whatever could go on.
func TestReplyWithoutAToken(t *testing.T) {
	t.Parallel()
	silent := func(int, checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
		return checkpoint.CheckpointOutput{}, nil
	}
	never := op.WithRetry(retry.Never())
	tests := []struct {
		reason string
		run    func(ctx op.Context) (any, error)
		want   string
	}{
		{
			"while nothing is pending in the service",
			func(ctx op.Context) (any, error) {
				return replay.Run(ctx, op.Do("charge", func(context.Context) error { return nil }, never))
			},
			"PENDING",
		},
		{
			"a callback whose ID is not known yet",
			func(ctx op.Context) (any, error) {
				return replay.Run(ctx, op.WaitForCallback[string]("approval", func(context.Context, string) error { return nil }))
			},
			"PENDING",
		},
		{
			"while a body runs",
			func(ctx op.Context) (any, error) {
				replay.Go(ctx, op.Do("ship", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, never))
				return replay.Run(ctx, op.Wait("pause", time.Hour))
			},
			"PENDING",
		},
		{
			"while a wait is pending",
			func(ctx op.Context) (any, error) { return replay.Run(ctx, op.Wait("pause", time.Hour)) },
			"PENDING",
		},
		{
			"in a branch, while another one could go on",
			func(ctx op.Context) (any, error) {
				return nil, replay.Exec(ctx, op.All("both",
					op.Do("one", func(context.Context) error { return nil }, op.WithSemantics(op.AtMostOncePerRetry)),
					op.Do("two", func(context.Context) error { return nil }, op.WithSemantics(op.AtMostOncePerRetry)),
				))
			},
			"PENDING",
		},
		{
			"although the handler, with a relaxed step behind it, is through",
			func(ctx op.Context) (any, error) {
				return replay.Run(ctx, op.Do("note", func(context.Context) error { return nil }, op.WithSemantics(op.Relaxed)))
			},
			"PENDING",
		},
		{
			"after the result of the execution it is how things end",
			func(op.Context) (any, error) { return strings.Repeat("x", 7<<20), nil },
			"SUCCEEDED ",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			f := replay.Handler(func(ctx op.Context, _ op.None) (any, error) { return tt.run(ctx) },
				replay.WithLogHandler(slog.DiscardHandler))
			client := &tape{reply: silent}
			if got := once(t, f, client); got != tt.want || len(client.calls()) != 1 {
				t.Errorf("answer %.200s after %d calls, want %s", got, len(client.calls()), tt.want)
			}
		})
	}
}

// TestTokenOfEachCallIsThatOfTheAnswerBefore guards the chain of tokens.
func TestTokenOfEachCallIsThatOfTheAnswerBefore(t *testing.T) {
	t.Parallel()
	client := &tape{}
	noop := func(context.Context) error { return nil }
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for i := range 4 {
			if err := replay.Exec(ctx, op.Do("charge", noop).Key(fmt.Sprint("n", i))); err != nil {
				return op.None{}, err
			}
		}
		return op.None{}, nil
	})
	once(t, f, client)
	var got []string
	for _, in := range client.inputs {
		got = append(got, in.Token)
	}
	if diff := cmp.Diff([]string{"token-1", "token-2", "token-3", "token-4"}, got); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
}

// TestRefusedCancelIsIgnored: the wait may have ended before the call; nothing else must come of
// it, also when the handler has ended meanwhile.
func TestRefusedCancelIsIgnored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &tape{reply: func(n int, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
			if len(in.Updates) == 1 && in.Updates[0].Action == checkpoint.ActionCancel {
				time.Sleep(time.Second)
				return checkpoint.CheckpointOutput{}, apiError(400, "InvalidParameterValueException",
					"Cannot cancel a WAIT that does not exist or has already completed.")
			}
			return checkpoint.CheckpointOutput{Token: fmt.Sprint("t", n)}, nil
		}}
		f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
			err := replay.Exec(ctx, op.Parallel("first", []op.Op[op.None]{
				op.Wait("timer", 24*time.Hour), op.Do("work", func(context.Context) error {
					time.Sleep(time.Second) // the wait has begun
					return nil
				}),
			}, op.WithCompletion(op.FirstSuccessful()), op.WithCancelLosers()))
			return "done", err
		})
		if got := once(t, f, client); got != `SUCCEEDED "done"` {
			t.Errorf("answer %s", got)
		}
		if calls := client.calls(); calls[len(calls)-1] != "CANCEL timer" {
			t.Errorf("calls %q, want a CANCEL at the end", calls)
		}
	})
}
