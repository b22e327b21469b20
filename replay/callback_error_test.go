package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestErrorsOfCallbacksHaveTheirID: who looks for the request in the outside system finds it by the
// ID that was handed over, wherever the error has come through, on the first run and on the replay;
// and what the outside system said is still there.
func TestErrorsOfCallbacksHaveTheirID(t *testing.T) {
	t.Parallel()
	type submits = func(ctx context.Context, id string) error
	approve := func(submit submits) op.Op[string] {
		return op.WaitForCallback[string]("approval", submit, op.WithTimeout(time.Hour))
	}
	group := func(name string, o op.Op[string]) op.Op[string] {
		return op.Group(name, func(ctx op.Context) (string, error) { return replay.Run(ctx, o) })
	}
	pause := op.Transform(op.Wait("pause", 48*time.Hour), noneText)
	text := func(o op.Op[[]string]) op.Op[string] {
		return op.Transform(o, func(s []string) (string, error) { return strings.Join(s, ""), nil })
	}
	tests := []struct {
		reason string
		o      func(submits) op.Op[string]
	}{
		{"by itself", approve},
		{"a callback of its own, in a group", func(submit submits) op.Op[string] {
			return op.Group("g", func(ctx op.Context) (string, error) {
				cb, err := replay.Run(ctx, op.CreateCallback[string]("approval", op.WithTimeout(time.Hour)))
				if err != nil {
					return "", err
				}
				if err := replay.Exec(ctx, op.Do("submit", func(ctx context.Context) error { return submit(ctx, cb.ID) })); err != nil {
					return "", err
				}
				return replay.Run(ctx, cb.Result())
			})
		}},
		{"in groups", func(s submits) op.Op[string] { return group("outer", group("inner", approve(s))) }},
		{"in All", func(s submits) op.Op[string] { return text(op.All("all", approve(s))) }},
		{"in a group in All", func(s submits) op.Op[string] { return text(op.All("all", group("g", approve(s)))) }},
		{"in a Race", func(s submits) op.Op[string] { return op.Race("race", approve(s), pause) }},
		{"in a RaceWinner", func(s submits) op.Op[string] {
			return op.Transform(op.RaceWinner("race", approve(s), pause), func(w op.Winner[string]) (string, error) { return w.Value, nil })
		}},
		{"in a Timeout", func(s submits) op.Op[string] { return op.Timeout("limit", approve(s), 48*time.Hour) }},
		{"in a map", func(s submits) op.Op[string] {
			return op.Transform(op.Map("map", []string{"a"}, func(string) op.Op[string] { return approve(s) }),
				func(b op.Batch[string]) (string, error) { return "", b.Err() })
		}},
		{"in a saga", func(s submits) op.Op[string] {
			return op.Transform(op.Saga("trip", func(ctx op.Context) (string, error) { return replay.Run(ctx, approve(s)) }),
				func(r op.SagaResult[string]) (string, error) { return "", r.Err })
		}},
		{"wrapped by the user", func(s submits) op.Op[string] {
			return op.Group("g", func(ctx op.Context) (string, error) {
				_, err := replay.Run(ctx, approve(s))
				return "", fmt.Errorf("not approved: %w", err)
			})
		}},
	}
	for _, answer := range []string{"fail", "fail with data", "registered", "time out"} {
		for _, tt := range tests {
			t.Run(answer+"/"+tt.reason, func(t *testing.T) {
				t.Parallel()
				var n notes
				var id string
				svc := local.New(local.WithClock(local.NewVirtualClock(dawn)))
				submit := func(_ context.Context, callback string) error {
					f := checkpoint.Failure{Type: "Rejected", Message: "no"}
					if id = callback; answer != "fail" {
						f.Data = `{"by":"ann"}`
					}
					if answer == "time out" {
						return nil
					}
					return svc.FailCallback(callback, f)
				}
				defer func() { _ = svc.Close() }()
				known := codec.ErrorType[*deniedError]("Other")
				if answer == "registered" {
					known = codec.ErrorType[*deniedError]("Rejected")
				}
				f := twice(&n, func(ctx op.Context) (string, error) {
					_, err := replay.Run(ctx, tt.o(submit))
					e, _ := errors.AsType[*op.Error](err)
					by, denied := errors.AsType[*deniedError](err)
					if denied {
						return e.CallbackID + " by " + by.By, nil
					}
					return e.CallbackID + " " + strings.ReplaceAll(e.Data, `"`, "'"), nil
				}, replay.WithErrors(known))
				if _, err := svc.Run(t.Context(), f, []byte("null")); err != nil {
					t.Fatal(err)
				}
				want := id + map[string]string{"fail": " ", "fail with data": " {'by':'ann'}", "registered": " by ann", "time out": " "}[answer]
				if diff := cmp.Diff(`"`+want+`"`, n.same(t, 3)); diff != "" || id == "" {
					t.Errorf("%s, %s (-want +got):\n%s", answer, tt.reason, diff)
				}
			})
		}
	}
}

type deniedError struct {
	By string `json:"by"`
}

func (e *deniedError) Error() string { return "denied by " + e.By }
