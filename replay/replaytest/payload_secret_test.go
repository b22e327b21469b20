package replaytest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// planted begins all secrets of these tests.
const planted = "4111-secret"

// cardError is a registered error with a secret.
type cardError struct{ Card string }

func (e *cardError) Error() string { return "card " + e.Card + " was declined" }

// leaky is a handler with secrets in results, states, errors, panics, callbacks, inputs and its own
// end.
func leaky(ctx op.Context, in string, c codec.Codec) (string, error) {
	var seen []string
	note := func(v string, err error) {
		seen = append(seen, v)
		if err != nil {
			seen = append(seen, err.Error())
		}
	}
	note(replay.Run(ctx, op.Step("read", func(context.Context) (string, error) { return in + " read", nil })))
	note(replay.Run(ctx, op.Step("decline", func(context.Context) (string, error) {
		return "", fmt.Errorf("charge: %w", &cardError{planted + " of decline"})
	}, op.WithRetry(retry.Never()))))
	note(replay.Run(ctx, op.Step("panic", func(context.Context) (string, error) { panic(planted + " of panic") }, op.WithRetry(retry.Never()))))
	note(replay.Run(ctx, op.Step("tries", func(ctx context.Context) (string, error) {
		if err := failsBefore(ctx, 3); err != nil {
			return "", fmt.Errorf(planted+" of tries: %w", err)
		}
		return planted, nil
	}, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(5))))))
	note(replay.Run(ctx, op.Step("state", func(ctx context.Context) (string, error) {
		info, _ := op.InfoFrom(ctx)
		switch s, _, err := op.StateFrom[string](ctx); {
		case err != nil:
			return "", err
		case info.Attempt == 1:
			return "", retry.Again(planted + " of state")
		case info.Attempt == 2:
			return "", errors.New(planted + " between states")
		default:
			return s, nil
		}
	}, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(5))))))
	all, err := replay.Run(ctx, op.AllSettled("all",
		op.Step("good", func(context.Context) (string, error) { return planted + " of a branch", nil }),
		op.Step("bad", func(context.Context) (string, error) { return "", errors.New(planted + " of a failed branch") }, op.WithRetry(retry.Never()))))
	note(fmt.Sprint(all.Values(), all.Err()), err)
	note(replay.Run(ctx, op.Group("group", func(ctx op.Context) (string, error) {
		_, err := replay.Run(ctx, op.Step("inside", func(context.Context) (string, error) {
			return planted, nil
		}).Undo(func(context.Context, string) error { return retry.Permanent(errors.New(planted + " of an undo")) }))
		return "", errors.Join(err, errors.New(planted+" of a group"))
	})))
	note(replay.Run(ctx, op.WaitForCallback[string]("ask", func(context.Context, string) error { return nil },
		op.WithTimeout(24*time.Hour), op.WithCodec(c))))
	return strings.Join(seen, "; "), nil
}

// What stands in the history, in calls and in logs shows none of the secrets, also where the
// execution fails.
func TestErrorsShowNoSecrets(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	sealed := codec.Chain(codec.JSON(), seal.New(seal.Static(k)))
	handler := func(c codec.Codec, end func(string, error) (string, error)) *replay.Function[string, string] {
		return replay.Handler(func(ctx op.Context, in string) (string, error) {
			v, err := leaky(ctx, in, c)
			if err != nil {
				return "", err
			}
			if err := pause(ctx); err != nil {
				return "", err
			}
			return end(v, nil)
		}, replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c), replay.WithStackTraces(),
			replay.WithErrors(codec.ErrorType[*cardError]("card")))
	}
	ends := map[string]func(string, error) (string, error){
		"it succeeds": func(v string, err error) (string, error) { return v, err },
		"it fails":    func(v string, _ error) (string, error) { return "", &cardError{planted + v} },
		"it panics":   func(v string, _ error) (string, error) { panic(planted + v) },
	}
	for reason, end := range ends {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			plain := replaytest.Run(t, handler(nil, end), "in", replaytest.CallbackResult("ask", planted+" of a callback"))
			r := replaytest.Run(t, handler(sealed, end), "in", replaytest.CallbackResult("ask", planted+" of a callback"))
			if r.Value != plain.Value || fmt.Sprint(r.Err) != fmt.Sprint(plain.Err) || r.Status != plain.Status {
				t.Errorf("it is %s with %q, %v, want %s with %q, %v", r.Status, r.Value, r.Err, plain.Status, plain.Value, plain.Err)
			}
			var want, got *cardError
			if errors.As(plain.Err, &want) && (!errors.As(r.Err, &got) || got.Card != want.Card) {
				t.Errorf("the registered error is %v, want %v", got, want)
			}
			for _, x := range []struct {
				r     *replaytest.Result[string]
				shows bool
			}{{plain, true}, {r, false}} {
				for what, v := range map[string]any{"history": x.r.History, "operations": x.r.Operations, "calls": x.r.Calls, "logs": x.r.Logs} {
					text, err := json.Marshal(v)
					if shows := strings.Contains(string(text), planted); err != nil || shows && !x.shows || !shows && x.shows && what != "logs" && what != "calls" {
						t.Errorf("%s show a secret: %v, %v, want %v: %.3000s", what, shows, err, x.shows, text)
					}
				}
				for _, c := range x.r.Calls {
					for _, u := range c.Updates {
						text := u.Payload.String() + fmt.Sprint(u.Failure)
						if u.Failure != nil {
							text += u.Failure.Message + u.Failure.Data + strings.Join(u.Failure.Stack, "")
						}
						if strings.Contains(text, planted) && !x.shows {
							t.Errorf("a call shows a secret: %.1000s", text)
						}
					}
				}
			}
			for _, o := range r.Operations {
				if o.Path == "decline" && (o.Failure.Type != "card" || !strings.Contains(o.Failure.Message, `"decline"`)) {
					t.Errorf("the history shows %q, %q, want the type and the operation", o.Failure.Type, o.Failure.Message)
				}
			}
		})
	}
}

// A rule that panics while its batch is undone leaves its panic in a record of its own.
func TestRuleThatPanicsShowsNoSecret(t *testing.T) {
	t.Parallel()
	handler := func(ctx op.Context, _ int) (string, error) {
		rule := op.CompleteWhen(func(p op.Progress) op.Verdict {
			if p.Succeeded > 0 {
				panic(planted)
			}
			return op.VerdictContinue
		})
		book := op.Step("book", func(context.Context) (int, error) { return 1, nil }).
			Undo(func(context.Context, int) error { return nil })
		_, err := replay.Run(ctx, op.Parallel("trip", []op.Op[int]{book}, op.WithCompletion(rule)))
		return fmt.Sprint(err), nil
	}
	c := codec.Chain(codec.JSON(), seal.New(seal.Static(newKey(t))))
	plain := replaytest.Run(t, replay.Handler(handler), 1)
	f := replay.Handler(handler, replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c))
	r := replaytest.Run(t, f, 1)
	if r.Err != nil || r.Value != plain.Value || !strings.Contains(r.Value, planted) {
		t.Errorf("it ends as %q, %v, want %q", r.Value, r.Err, plain.Value)
	}
	for _, x := range []*replaytest.Result[string]{plain, r} {
		text, err := json.Marshal([]any{x.History, x.Operations})
		if shows := strings.Contains(string(text), planted); err != nil || shows != (x == plain) {
			t.Errorf("the history shows a secret: %v, %v: %.3000s", shows, err, text)
		}
	}
	replaytest.Explore(t, f, 1, replaytest.WithSchedules(5))
}
