package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// Secret loses a field on the wire.
type Secret struct {
	Name  string
	Token string `json:"-"`
}

// rounding is a codec that keeps whole units only.
func rounding() codec.Typed[float64] {
	return codec.Of(
		func(v float64) ([]byte, error) { return json.Marshal(int(v)) },
		func(p []byte) (v float64, err error) { err = json.Unmarshal(p, &v); return v, err })
}

// TestFirstRunSeesWhatAReplaySees guards that results are always decoded from the payload.
func TestFirstRunSeesWhatAReplaySees(t *testing.T) {
	t.Parallel()
	secret := op.Step("secret", func(context.Context) (Secret, error) { return Secret{"a", "hidden"}, nil })
	tests := []struct {
		reason string
		run    func(ctx op.Context) (any, error)
		want   any
	}{
		{
			reason: "a field that JSON leaves out", want: Secret{Name: "a"},
			run: func(ctx op.Context) (any, error) { return replay.Run(ctx, secret) },
		},
		{
			reason: "of a future", want: Secret{Name: "a"},
			run: func(ctx op.Context) (any, error) { return replay.Run(ctx, replay.Go(ctx, secret).Result()) },
		},
		{
			reason: "of a relaxed step", want: Secret{Name: "a"},
			run: func(ctx op.Context) (any, error) {
				return replay.Run(ctx, op.Step("secret", func(context.Context) (Secret, error) { return Secret{"a", "hidden"}, nil },
					op.WithSemantics(op.Relaxed)))
			},
		},
		{
			reason: "of a group", want: Secret{Name: "b"},
			run: func(ctx op.Context) (any, error) {
				return replay.Run(ctx, op.Group("order", func(op.Context) (Secret, error) { return Secret{"b", "hidden"}, nil }))
			},
		},
		{
			reason: "of a group whose result is too large for its record", want: Secret{Name: strings.Repeat("b", 300<<10)},
			run: func(ctx op.Context) (any, error) {
				return replay.Run(ctx, op.Group("order", func(op.Context) (Secret, error) {
					return Secret{strings.Repeat("b", 300<<10), "hidden"}, nil
				}))
			},
		},
		{
			reason: "a lossy codec of the step", want: 12.0,
			run: func(ctx op.Context) (any, error) {
				return replay.Run(ctx, op.Step("price", func(context.Context) (float64, error) { return 12.75, nil }).WithCodec(rounding()))
			},
		},
		{
			reason: "a lossy codec of the group", want: 12.0,
			run: func(ctx op.Context) (any, error) {
				return replay.Run(ctx, op.Group("price", func(op.Context) (float64, error) { return 12.75, nil }).WithCodec(rounding()))
			},
		},
		{
			reason: "a time loses its monotonic clock", want: dawn,
			run: func(ctx op.Context) (any, error) {
				return replay.Run(ctx, op.Step("time", func(context.Context) (time.Time, error) {
					return dawn.In(time.FixedZone("x", 3600)), nil
				}))
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var seen []any
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				v, err := tt.run(ctx)
				if err != nil {
					return op.None{}, err
				}
				seen = append(seen, v)
				return replay.Run(ctx, op.Wait("pause", time.Hour))
			}), "null")
			if end(e) != "SUCCEEDED {}" {
				t.Fatalf("the execution ended as %.200s", end(e))
			}
			if diff := cmp.Diff([]any{tt.want, tt.want}, seen); diff != "" {
				t.Errorf("live and replayed (-want +got):\n%s", diff)
			}
		})
	}
}

// odd is a codec that fails or panics, and counts how often it was asked.
type odd struct {
	encode, decode error
	panics         bool
	encoded        int
}

func (c *odd) Encode(_ context.Context, _ codec.Meta, v any) ([]byte, error) {
	c.encoded++
	if c.encode != nil && c.panics {
		panic(c.encode)
	}
	if c.encode != nil {
		return nil, c.encode
	}
	if raw, ok := v.([]byte); ok {
		return raw, nil
	}
	return json.Marshal(v)
}

func (c *odd) Decode(_ context.Context, _ codec.Meta, p []byte, v any) error {
	if c.decode != nil && c.panics {
		panic(c.decode)
	}
	if c.decode != nil {
		return c.decode
	}
	return json.Unmarshal(p, v)
}

// TestResultThatCannotBeConvertedFailsTheOperation: it is recorded as FAIL with a *codec.Error, is
// never retried, and can be caught; the handler then goes on.
func TestResultThatCannotBeConvertedFailsTheOperation(t *testing.T) {
	t.Parallel()
	errTable := errors.New("no table")
	tests := []struct {
		reason string
		codec  func() *odd
		want   string
	}{
		{"encoding fails", func() *odd { return &odd{encode: errTable} }, `codec: encode result of "charge": no table`},
		{"encoding panics", func() *odd { return &odd{encode: errTable, panics: true} }, `codec: encode result of "charge": the codec panicked: no table`},
		{"what was encoded cannot be decoded", func() *odd { return &odd{decode: errTable} }, `codec: decode result of "charge": no table`},
		{"decoding panics", func() *odd { return &odd{decode: errTable, panics: true} }, `codec: decode result of "charge": the codec panicked: no table`},
	}
	for _, tt := range tests {
		for _, kind := range []string{"step", "future", "group", "relaxed"} {
			t.Run(kind+"/"+tt.reason, func(t *testing.T) {
				t.Parallel()
				c := tt.codec()
				runs := 0
				body := func() (int, error) { runs++; return 7, nil }
				charge := op.Step("charge", func(context.Context) (int, error) { return body() }, op.WithCodec(c), op.WithRetry(retry.Fixed(0)))
				switch kind {
				case "group":
					charge = op.Group("charge", func(op.Context) (int, error) { return body() }, op.WithCodec(c))
				case "relaxed":
					charge = op.Step("charge", func(context.Context) (int, error) { return body() }, op.WithCodec(c), op.WithSemantics(op.Relaxed))
				}
				var live, replayed error
				e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					run := charge
					if kind == "future" {
						run = replay.Go(ctx, charge).Result()
					}
					_, err := replay.Run(ctx, run)
					live, replayed = replayed, err
					return replay.Run(ctx, op.Wait("pause", time.Hour))
				}), "null")
				if runs != 1 || c.encoded != 1 || end(e) != "SUCCEEDED {}" {
					t.Errorf("%d runs, encoded %d times, the execution ended as %s", runs, c.encoded, end(e))
				}
				for when, err := range map[string]error{"live": live, "replayed": replayed} {
					if _, ok := errors.AsType[*codec.Error](err); !ok || err.Error() != tt.want {
						t.Errorf("%s: the error is %v, want a *codec.Error: %s", when, err, tt.want)
					}
				}
			})
		}
	}
}

func TestResultThatIsNotTextIsRefused(t *testing.T) {
	t.Parallel()
	var got error
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		_, got = replay.Run(ctx, op.Step("charge", func(context.Context) ([]byte, error) { return []byte{0xff, 0xfe}, nil },
			op.WithCodec(codec.Raw())))
		return op.None{}, nil
	}), "null")
	if _, ok := errors.AsType[*codec.Error](got); !ok || end(e) != "SUCCEEDED {}" {
		t.Errorf("the error is %v, the execution ended as %s", got, end(e))
	}
}

// TestExecHasNoUseForTheResult: nothing is decoded, live or replayed.
func TestExecHasNoUseForTheResult(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		c := &odd{decode: errors.New("no table")}
		if err := replay.Exec(ctx, op.Step("charge", func(context.Context) (int, error) { return 7, nil }, op.WithCodec(c))); err != nil {
			return op.None{}, err
		}
		return replay.Run(ctx, op.Wait("pause", time.Hour))
	}), "null")
	if end(e) != "SUCCEEDED {}" {
		t.Errorf("the execution ended as %s", end(e))
	}
}

func TestCodecOfTheHandler(t *testing.T) {
	t.Parallel()
	c := &odd{}
	client := &tape{}
	f := replay.Handler(func(ctx op.Context, in string) (string, error) {
		v, err := replay.Run(ctx, op.Step("charge", func(context.Context) (string, error) { return in + "!", nil }))
		return v, err
	}, replay.WithCodec(c))
	ops := []checkpoint.Operation{execution(`"paid"`)}
	event, err := checkpoint.EncodeInvocation(checkpoint.Invocation{ARN: tapeARN, Token: "t", Operations: ops})
	if err != nil {
		t.Fatal(err)
	}
	if got := say(f.Invoke(onTape(t, client), event)); got != `SUCCEEDED "paid!"` || c.encoded != 1 {
		t.Errorf("answer %s; the codec encoded %d values, want that of the step alone", got, c.encoded)
	}
}

func TestStackOfAPanicIsRecordedOnRequest(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		client := &tape{}
		var seen []string
		var opts []replay.HandlerOption
		if on {
			opts = append(opts, replay.WithStackTraces())
		}
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			err := replay.Exec(ctx, op.Do("charge", func(context.Context) error { panic("no table") }, op.WithRetry(retry.Never())))
			if e, ok := errors.AsType[*op.Error](err); ok {
				seen = e.Stack
			}
			return op.None{}, nil
		}, opts...)
		once(t, f, client)
		stack := client.update(t, checkpoint.ActionFail, "charge").Failure.Stack
		if got := strings.Contains(strings.Join(stack, "\n"), "error_codec_test.go"); got != on || !cmp.Equal(stack, seen) {
			t.Errorf("stack traces are on: %t; recorded %d lines, seen %d", on, len(stack), len(seen))
		}
	}
}

// TestErrorThatIsTooLongIsCut: an error must never be too large for the service.
func TestErrorThatIsTooLongIsCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 1<<20)
	tests := []struct {
		reason string
		err    error
	}{
		{"a long message", errors.New(long)},
		{"a message that is not UTF-8", errors.New("\xff" + long)},
		{"a long value of a registered error", &LongError{Text: long}},
		{"both", errors.Join(errors.New(long), &LongError{Text: long})},
		{"a long panic", nil},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				err := replay.Exec(ctx, op.Do("charge", func(context.Context) error {
					if tt.err == nil {
						panic(long)
					}
					return tt.err
				}, op.WithRetry(retry.Never())))
				if err == nil {
					return op.None{}, nil
				}
				return op.None{}, replay.Exec(ctx, op.Group("order", func(op.Context) (op.None, error) { return op.None{}, err }))
			}, replay.WithErrors(codec.ErrorType[*LongError]("long"))), "null")
			f := e.Failure()
			if f == nil {
				t.Fatalf("the execution ended as %.100s", end(e))
			}
			if size := len(f.Message) + len(f.Data); size > 1<<20 || !bytes.Contains([]byte(f.Message), []byte("ä")) {
				t.Errorf("the failure has %d bytes and begins %.50q", size, f.Message)
			}
			for _, rec := range e.Operations() {
				if rec.Kind != checkpoint.KindExecution && rec.Status != checkpoint.StatusFailed {
					t.Errorf("%s is %s", rec.Name, rec.Status)
				}
			}
		})
	}
}

// LongError is an error with a long value.
type LongError struct{ Text string }

func (e *LongError) Error() string { return e.Text }
