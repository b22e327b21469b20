package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

var (
	errDeclined = errors.New("card declined")
	errBusy     = errors.New("stock is busy")
)

type (
	order struct {
		ID    string
		Total int
		Items []string
	}
	hold     struct{ Order string }
	payment  struct{ ID string }
	approval struct{ By string }
	receipt  struct {
		Payment string
		Parcels []string
	}
)

// shop is the handler of the tests: steps, a callback, a map and a wait.
type shop struct {
	reserve op.Builder[order, hold]
	release op.Builder[hold, op.None]
	charge  op.Builder[order, payment]
	pack    op.Builder[string, string]
}

func newShop() *shop {
	return &shop{
		reserve: op.StepFunc("reserve-stock", func(_ context.Context, o order) (hold, error) { return hold{o.ID}, nil },
			op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(5), retry.NoJitter())),
			op.WithErrors(codec.Sentinel("busy", errBusy))),
		release: op.DoFunc("release-stock", func(context.Context, hold) error { return nil }),
		charge: op.StepFunc("charge-card", func(_ context.Context, o order) (payment, error) { return payment{"pay-" + o.ID}, nil },
			op.WithSemantics(op.AtMostOncePerRetry), op.WithErrors(codec.Sentinel("declined", errDeclined))),
		pack: op.StepFunc("pack-item", func(_ context.Context, item string) (string, error) { return "parcel-" + item, nil }),
	}
}

func (s *shop) process(ctx op.Context, o order) (receipt, error) {
	ctx.Logger().Info("accepted")
	h, err := replay.Run(ctx, s.reserve(o))
	if err != nil {
		return receipt{}, fmt.Errorf("reserve stock: %w", err)
	}
	if o.Total > 100 {
		ask := op.WaitForCallback[approval]("manager-approval",
			func(context.Context, string) error { return nil }, op.WithTimeout(24*time.Hour))
		if err := replay.Exec(ctx, ask); err != nil {
			return receipt{}, errors.Join(fmt.Errorf("approve: %w", err), replay.Exec(ctx, s.release(h)))
		}
	}
	pay, err := replay.Run(ctx, s.charge(o))
	if err != nil {
		return receipt{}, errors.Join(fmt.Errorf("charge card: %w", err), replay.Exec(ctx, s.release(h)))
	}
	parcels, err := replay.Run(ctx, op.Map("ship", o.Items, s.pack))
	if err != nil {
		return receipt{}, fmt.Errorf("ship: %w", err)
	}
	if err := replay.Exec(ctx, op.Wait("cool-off", 24*time.Hour)); err != nil {
		return receipt{}, err
	}
	return receipt{Payment: pay.ID, Parcels: parcels.Values()}, nil
}

// recorder is a testing.TB that keeps what a test reports.
type recorder struct {
	testing.TB

	mu       sync.Mutex
	errs     []string
	logs     []string
	fatal    bool
	cleanups []func()
}

// record runs f as a test of its own and returns what it reported.
func record(t *testing.T, f func(tb *recorder)) *recorder {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, c := range r.cleanups {
				c()
			}
		}()
		f(r)
	}()
	<-done
	return r
}

func (r *recorder) add(list *[]string, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, text)
}

func (*recorder) Helper()                        {}
func (r *recorder) Unwrap() testing.TB           { return r.TB }
func (r *recorder) Cleanup(f func())             { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Log(args ...any)              { r.add(&r.logs, fmt.Sprint(args...)) }
func (r *recorder) Logf(f string, args ...any)   { r.add(&r.logs, fmt.Sprintf(f, args...)) }
func (r *recorder) Error(args ...any)            { r.add(&r.errs, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, args ...any) { r.add(&r.errs, fmt.Sprintf(f, args...)) }
func (r *recorder) Failed() bool                 { return len(r.errs) > 0 }
func (r *recorder) Fatal(args ...any)            { r.Error(args...); r.FailNow() }
func (r *recorder) Fatalf(f string, args ...any) { r.Errorf(f, args...); r.FailNow() }
func (r *recorder) FailNow() {
	r.fatal = true
	exit()
}
