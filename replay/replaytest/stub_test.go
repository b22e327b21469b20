package replaytest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

func TestStubs(t *testing.T) {
	t.Parallel()
	in := order{ID: "A-1", Items: []string{"x", "y"}}
	calls := 0
	tests := []struct {
		name, reason string
		opts         func(s *shop) []replaytest.Option
		check        func(r *replaytest.Result[receipt]) bool
	}{
		{
			name: "answer", reason: "a value takes the place of the body",
			opts: func(s *shop) []replaytest.Option {
				return []replaytest.Option{replaytest.StubResult(s.charge, payment{"stub"})}
			},
			check: func(r *replaytest.Result[receipt]) bool { return r.Value.Payment == "stub" },
		},
		{
			name: "a key", reason: "what methods make of a builder is the same declaration",
			opts: func(s *shop) []replaytest.Option {
				return []replaytest.Option{replaytest.StubResult(s.charge.Key(func(o order) string { return o.ID }), payment{"stub"})}
			},
			check: func(r *replaytest.Result[receipt]) bool { return r.Value.Payment == "stub" },
		},
		{
			name: "refuse", reason: "a registered name restores the error",
			opts: func(s *shop) []replaytest.Option {
				return []replaytest.Option{replaytest.StubFailure(s.charge, "declined", "no money")}
			},
			check: func(r *replaytest.Result[receipt]) bool {
				return errors.Is(r.Err, errDeclined) && r.Op("charge-card").Failure.Type == "declined"
			},
		},
		{
			name: "retried", reason: "the error of a stub goes through the policy of the step",
			opts: func(s *shop) []replaytest.Option {
				return []replaytest.Option{replaytest.Stub(s.reserve, func(_ context.Context, o order) (hold, error) {
					if calls++; calls < 3 {
						return hold{}, errBusy
					}
					return hold{"stub-" + o.ID}, nil
				})}
			},
			check: func(r *replaytest.Result[receipt]) bool {
				o := r.Op("reserve-stock")
				return o.Runs == 3 && o.Result == `{"Order":"stub-A-1"}` && r.Took == 24*time.Hour+2*time.Second
			},
		},
		{
			name: "by path", reason: "a star stands for any item",
			opts: func(*shop) []replaytest.Option {
				return []replaytest.Option{
					replaytest.StubPath("ship[*]/pack-item", func(context.Context) (string, error) { return "box", nil }),
					replaytest.StubPath("ship[1]/pack-item", func(context.Context) (string, error) { return "bag", nil }),
				}
			},
			check: func(r *replaytest.Result[receipt]) bool { return strings.Join(r.Value.Parcels, " ") == "box bag" },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newShop()
			if r := replaytest.Run(t, replay.Handler(s.process), in, tt.opts(s)...); !tt.check(r) {
				t.Errorf("%s: got %+v, %v\n%+v", tt.reason, r.Value, r.Err, r.Ops())
			}
		})
	}
}

func TestGroupIsStubbed(t *testing.T) {
	t.Parallel()
	double := op.GroupFunc("double", func(op.Context, int) (int, error) { return 0, errors.New("the body ran") })
	f := replay.Handler(func(ctx op.Context, n int) (int, error) { return replay.Run(ctx, double(n)) })
	if r := replaytest.Run(t, f, 4, replaytest.Stub(double, func(_ context.Context, n int) (int, error) { return 2 * n, nil })); r.Value != 8 {
		t.Errorf("got %d, %v", r.Value, r.Err)
	}
}

func TestWhatFailsATest(t *testing.T) {
	t.Parallel()
	s := newShop()
	tests := []struct {
		name, reason string
		handler      func(op.Context, order) (receipt, error)
		opts         []replaytest.Option
		want         string // empty: nothing is reported
	}{
		{
			name: "unused stub", reason: "the test means something that the code does not do",
			handler: s.process, opts: []replaytest.Option{replaytest.StubResult(s.release, op.None{})},
			want: `the stub for the builder of "release-stock" was never used`,
		},
		{
			name: "unused path", reason: "a path is easily mistyped",
			handler: s.process, opts: []replaytest.Option{
				replaytest.StubPath("chargecard", func(context.Context) (payment, error) { return payment{}, nil }),
			},
			want: `the stub for "chargecard" was never used`,
		},
		{
			name: "builder of builders", reason: "a function has no identity",
			handler: s.process, opts: []replaytest.Option{
				replaytest.StubResult(func(o order) op.Op[string] { return op.Step(o.ID+"x", nil2) }, ""),
			},
			want: `a stub for a function that declares nothing itself ("x")`,
		},
		{name: "repeated name", reason: "an inserted call would take the record", handler: twice, want: `repeats the name of "notify"`},
		{name: "allowed repeat", reason: "loops that never change are fine", handler: twice, opts: []replaytest.Option{replaytest.AllowRepeats()}},
		{
			name: "operations", reason: "a budget is a promise", handler: s.process,
			opts: []replaytest.Option{replaytest.WithBudget(replaytest.Budget{Operations: 1, Bytes: 1, CheckpointCalls: 1})},
			want: "over budget: 4 operations of at most 1",
		},
		{
			name: "price", reason: "the prices say when and where they held", handler: s.process,
			opts: []replaytest.Option{replaytest.WithBudget(replaytest.Budget{Price: 1e-9, Prices: replaytest.PriceTable{
				Date: "2026-03", Region: "eu-west-1", Source: "our contract", PerOperation: 1, PerByte: 0.001,
			}})},
			want: "over budget: $4.087000000 of at most $0.000000001, for 4 operations and 87 bytes at the prices of 2026-03 in eu-west-1 (our contract)",
		},
		{
			name: "price without prices", reason: "prices are nothing to guess", handler: s.process,
			opts: []replaytest.Option{replaytest.WithBudget(replaytest.Budget{Price: 1})},
			want: "the budget has a Price and no Prices",
		},
		{
			name: "within budget", reason: "it is no target", handler: s.process,
			opts: []replaytest.Option{replaytest.WithBudget(replaytest.Budget{Operations: 10, Bytes: 1000, CheckpointCalls: 10, Price: 0.001, Prices: replaytest.AnnouncedPrices()})},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := record(t, func(tb *recorder) { replaytest.Run(tb, replay.Handler(tt.handler), order{}, tt.opts...) })
			all := strings.Join(got.errs, "\n")
			if (tt.want == "") != (all == "") || !strings.Contains(all, tt.want) {
				t.Errorf("%s: got %q, want %q", tt.reason, all, tt.want)
			}
		})
	}
}

func nil2(context.Context) (string, error) { return "", nil }

func TestInvokedFunctionIsHosted(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, n int) (int, error) {
		return replay.Run(ctx, op.Invoke[int]("square", "math:1", n))
	})
	square := replay.Handler(func(_ op.Context, n int) (int, error) { return n * n, nil })
	if r := replaytest.Run(t, f, 7, replaytest.Host("math", square)); r.Value != 49 {
		t.Errorf("got %d, %v", r.Value, r.Err)
	}
	plain := local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte("50"), nil })
	if r := replaytest.Run(t, f, 7, replaytest.Host("math", plain, local.WithPlainFunction())); r.Value != 50 {
		t.Errorf("got %d, %v", r.Value, r.Err)
	}
}
