package payloads_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// program is a handler with payloads, and what it needs.
type program struct {
	run  func(ctx op.Context, n int) (string, error)
	opts func(with []replay.HandlerOption) []replaytest.Option
}

// long is a text that is compressed, and kept elsewhere.
func long(v any) string { return strings.Repeat(fmt.Sprint("payload ", v, ", "), 200) }

// long256 is one for which a group would be run again on replay.
func long256(v any) string { return strings.Repeat(fmt.Sprint("payload ", v, ", "), 25_000) }

var errRefused = errors.New("refused")

func step(name string, v any) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return long(v), nil })
}

func refuse(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) {
		return "", fmt.Errorf("%s: %w", long(name), errRefused)
	}, op.WithRetry(retry.Never()))
}

func pause(ctx op.Context) error { return replay.Exec(ctx, op.Wait("pause", time.Hour)) }

// short is what is compared of results: their lengths, for they are long.
func short(values ...any) string {
	var b strings.Builder
	for _, v := range values {
		text := fmt.Sprint(v)
		fmt.Fprintf(&b, "%d %.20s;", len(text), text)
	}
	return b.String()
}

// programs are handlers with payloads of each kind.
func programs() map[string]program {
	only := func(run func(ctx op.Context, n int) (string, error)) program { return program{run: run} }
	return map[string]program{
		"steps": only(func(ctx op.Context, n int) (string, error) {
			a, err := replay.Run(ctx, step("a", n))
			if err != nil {
				return "", err
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			b, err := replay.Run(ctx, step("b", a))
			return short(a, b), err
		}),
		"states and retries": only(func(ctx op.Context, _ int) (string, error) {
			v, err := replay.Run(ctx, op.Step("again", func(ctx context.Context) (string, error) {
				info, _ := op.InfoFrom(ctx)
				s, _, err := op.StateFrom[string](ctx)
				switch {
				case err != nil:
					return "", err
				case info.Attempt == 1:
					return "", retry.Again(long("state"))
				case info.Attempt == 2:
					return "", errors.New(long("between"))
				}
				return s, nil
			}, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(9)))))
			return short(v), err
		}),
		"a condition": only(func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.WaitForCondition("poll", long(n), func(_ context.Context, s string) (string, bool, error) {
				return s + "!", strings.HasSuffix(s, "!!"), nil
			}))
			return short(v), err
		}),
		"errors": only(func(ctx op.Context, _ int) (string, error) {
			_, err := replay.Run(ctx, refuse("refuse"))
			if !errors.Is(err, errRefused) {
				return "", fmt.Errorf("it is %w", err)
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			return "", err
		}),
		"a map": only(func(ctx op.Context, n int) (string, error) {
			all, err := replay.Run(ctx, op.Map("all", []int{n, n + 1, n + 2}, op.StepFunc("each", func(_ context.Context, i int) (string, error) {
				return long(i), nil
			})))
			if err != nil {
				return "", err
			}
			return short(all.Values()), pause(ctx)
		}),
		"branches that fail": only(func(ctx op.Context, n int) (string, error) {
			all, err := replay.Run(ctx, op.AllSettled("all", step("good", n), refuse("bad"),
				op.Group("both", func(ctx op.Context) (string, error) { return replay.Run(ctx, step("inner", n)) })))
			if err != nil {
				return "", err
			}
			return short(all.Values(), all.Err(), errors.Is(all.Err(), errRefused)), pause(ctx)
		}),
		"a large group": only(func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.Group("large", func(ctx op.Context) (string, error) {
				_, err := replay.Run(ctx, step("inner", n))
				return long256(n), err
			}))
			if err != nil {
				return "", err
			}
			return short(v), pause(ctx)
		}),
		"a saga": only(func(ctx op.Context, n int) (string, error) {
			undone := step("book", n).Undo(func(_ context.Context, v string) error {
				if v != long(n) {
					return errors.New("what is to be undone is " + v)
				}
				return nil
			})
			_, err := replay.Run(ctx, op.Group("saga", func(ctx op.Context) (string, error) {
				if _, err := replay.Run(ctx, undone); err != nil {
					return "", err
				}
				return replay.Run(ctx, refuse("charge"))
			}))
			return short(err), pause(ctx)
		}),
		"attempts of a group": only(func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.Retry("again", step("passed", n), retry.Fixed(time.Second)))
			if err != nil {
				return "", err
			}
			return short(v), pause(ctx)
		}),
		"futures": only(func(ctx op.Context, n int) (string, error) {
			a, b := replay.Go(ctx, step("a", n)), replay.Go(ctx, step("b", n+1))
			x, err := replay.Run(ctx, a.Result())
			if err != nil {
				return "", err
			}
			y, err := replay.Run(ctx, b.Result())
			if err != nil {
				return "", err
			}
			return short(x, y), pause(ctx)
		}),
		"a callback": {
			run: func(ctx op.Context, _ int) (string, error) {
				v, err := replay.Run(ctx, op.WaitForCallback[string]("ask", func(context.Context, string) error { return nil }))
				if err != nil {
					return "", err
				}
				return short(v), pause(ctx)
			},
			opts: func([]replay.HandlerOption) []replaytest.Option {
				return []replaytest.Option{replaytest.CallbackResult("ask", "yes")}
			},
		},
		"functions that are invoked and started": {
			run: func(ctx op.Context, n int) (string, error) {
				v, err := replay.Run(ctx, op.Invoke[string]("small", "bill", long(n)))
				if err != nil {
					return "", err
				}
				_, err = replay.Run(ctx, op.Invoke[string]("large", "bill", "refuse"))
				if !errors.Is(err, errRefused) {
					return "", fmt.Errorf("it is %w", err)
				}
				if _, err := replay.Run(ctx, op.Start("start", "bill:$LATEST", long(n))); err != nil {
					return "", err
				}
				return short(v, err), pause(ctx)
			},
			opts: func(with []replay.HandlerOption) []replaytest.Option {
				return []replaytest.Option{replaytest.Host("bill", replay.Handler(bill, with...))}
			},
		},
	}
}

func bill(ctx op.Context, in string) (string, error) {
	if err := pause(ctx); err != nil {
		return "", err
	}
	if in == "refuse" {
		return "", fmt.Errorf("%s: %w", long(in), errRefused)
	}
	return replay.Run(ctx, step("write", len(in)))
}

// options has all payloads and errors pass a codec.
func options(c codec.Codec) []replay.HandlerOption {
	return []replay.HandlerOption{
		replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c), replay.WithErrors(codec.Sentinel("refused", errRefused)),
	}
}
