// Package bank moves money.
package bank

import (
	"context"
	"fmt"
)

// LimitError says that a transfer is above what the bank allows.
type LimitError struct{ Limit int64 }

func (e *LimitError) Error() string { return fmt.Sprintf("above the limit of %d", e.Limit) }

// Transfer is a transfer of money.
type Transfer struct {
	ID      int64                       `json:"id"`
	Cents   int64                       `json:"cents"`
	Confirm func(context.Context) error `json:"-"`
}

// Client is a client of the bank.
type Client interface {
	Send(ctx context.Context, account string, cents int64) (Transfer, error)
	Recall(ctx context.Context, id int64) error
}
