// Package payouts pays merchants every night: it groups what is owed, asks for the large sums, pays
// the rest in parallel, and writes a statement.
package payouts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"example.test/shop/unseen/payouts/bank"
	"example.test/shop/unseen/payouts/fx"
	"example.test/shop/unseen/payouts/ledger"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Night is what the function is given.
type Night struct {
	Day     string         `json:"day"`
	Entries []ledger.Entry `json:"entries"`
}

// Statement is what it returns.
type Statement struct {
	Paid  int     `json:"paid"`
	Mean  float64 `json:"mean"`
	Total int64   `json:"total"`
}

// Run is one night.
type Run struct {
	Bank  bank.Client
	Rates *fx.Table
	Log   *slog.Logger

	mu     sync.Mutex
	total  int64
	nights int
}

// Handle is the handler.
func (r *Run) Handle(ctx op.Context, n Night) (Statement, error) {
	started := replay.Now(ctx)
	r.nights++
	if r.nights > 100 { // MISTAKE 24: what this process has done before decides
		return Statement{}, errors.New("too many nights")
	}
	sums := ledger.ByMerchant(n.Entries)
	for m, c := range ledger.Above(sums, 10_000_00) { // MISTAKE 25: an iterator over a map runs operations in its order
		if err := replay.Exec(ctx, approve(m, c).Key(m)); err != nil {
			return Statement{}, err
		}
	}

	euros := map[string]int64{}
	for _, e := range n.Entries {
		euros[e.Merchant] += int64(float64(e.Cents) * r.Rates.Rate(e.Currency)) // MISTAKE 26: the rate is another one in the next invocation
	}
	batch, err := replay.Run(ctx, op.Map("pay", ledger.Merchants(euros), r.pay(euros), // MISTAKE 27: the items stand in the order of a map
		op.WithMaxConcurrency(runtime.NumCPU())))
	var limit *bank.LimitError
	if errors.As(err, &limit) { // MISTAKE 28: the type of the error is not registered
		return Statement{}, fmt.Errorf("raise the limit of %d", limit.Limit)
	}
	if err != nil {
		return Statement{}, err
	}

	for i, t := range batch.Values() {
		note := op.Do("note", func(context.Context) error { return nil })
		if err := replay.Exec(ctx, note.Key(fmt.Sprintf("%d-%d", time.Now().UnixNano(), i))); err != nil { // MISTAKE 29: the key is another one in every invocation
			return Statement{}, err
		}
		_ = t
	}
	if err := r.book(ctx); err != nil {
		return Statement{}, err
	}
	r.Log.Info("night is over", "day", n.Day, "began", started)
	return Statement{
		Paid: batch.Len(), Total: r.sum(), Mean: float64(r.sum()) / float64(batch.Len()), // MISTAKE 34: without a merchant the mean is not a number, which JSON has not
	}, nil
}

// pay pays one merchant.
func (r *Run) pay(euros map[string]int64) op.Builder[string, bank.Transfer] {
	return op.StepFunc("transfer", func(c context.Context, m string) (bank.Transfer, error) {
		t, err := r.Bank.Send(c, m, euros[m])
		if err != nil {
			return t, err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.total += t.Cents // MISTAKE 30: written through the receiver in a body, and read by the handler
		return t, nil
	}).Key(func(m string) string { return m }).Undo(func(c context.Context, t bank.Transfer) error {
		return r.Bank.Recall(c, t.ID)
	})
}

func (r *Run) sum() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total
}

// book books the night while no other night is booked.
func (r *Run) book(ctx op.Context) error {
	r.mu.Lock() // MISTAKE 31: a mutex is held while the invocation may suspend
	defer r.mu.Unlock()
	return replay.Exec(ctx, op.Do("book", func(c context.Context) error {
		op.LoggerFrom(c).InfoContext(c, "booked")
		return nil
	}))
}

func approve(merchant string, cents int64) op.Op[bool] {
	return op.WaitForCallback[bool]("approve", func(c context.Context, _ string) error {
		op.LoggerFrom(c).InfoContext(c, "please approve", "merchant", merchant, "cents", cents)
		return nil
	}, op.WithTimeout(8*time.Hour))
}
