// Package billing sends invoices and reminds of them.
package billing

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

type Invoice struct {
	ID       string
	Customer string
	Due      time.Time
	Cents    int64
}

type Biller struct {
	db   *sql.DB
	http *http.Client
}

var attempts int

// Dun reminds a customer until the invoice is paid.
func (b *Biller) Dun(ctx op.Context, inv Invoice) (string, error) {
	tx, err := b.db.BeginTx(ctx.InvocationContext(), nil) // planted: 11 a database in handler code
	if err != nil {
		return "", err
	}
	defer tx.Rollback() // planted: 12 a deferred effect on every suspension

	for range 3 {
		if err := replay.Exec(ctx, b.remind(inv)); err != nil { // planted: 13 an operation in a loop without a key
			return "", err
		}
		if err := replay.Exec(ctx, op.Wait(fmt.Sprintf("pause-%d", rand.IntN(1000)), 24*time.Hour)); err != nil { // planted: 14 a random name
			return "", err
		}
		paid, err := replay.Run(ctx, op.Step(fmt.Sprintf("check-%s", inv.Customer), func(ctx context.Context) (bool, error) { // planted: 15 a computed name
			attempts++ // planted: 16 a package variable written in a body
			return b.isPaid(ctx, inv.ID)
		}))
		if err != nil {
			return "", err
		}
		if paid {
			return "paid", tx.Commit()
		}
		if attempts > 2 {
			break
		}
	}
	replay.Exec(ctx, op.Do("hand-over", func(ctx context.Context) error { return b.handOver(ctx, inv) })) // planted: 17 the error is dropped
	return "handed over", nil
}

func (b *Biller) remind(inv Invoice) op.Op[op.None] {
	return op.Do("remind", func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://mail.example/"+inv.ID, nil)
		if err != nil {
			return err
		}
		resp, err := b.http.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
}

func (b *Biller) isPaid(ctx context.Context, id string) (paid bool, err error) {
	err = b.db.QueryRowContext(ctx, "SELECT paid FROM invoices WHERE id = ?", id).Scan(&paid)
	return paid, err
}

func (b *Biller) handOver(ctx context.Context, inv Invoice) error {
	_, err := b.db.ExecContext(ctx, "INSERT INTO collections VALUES (?, ?)", inv.ID, time.Now())
	return err
}
