// Package shop has a handler that another package hosts.
package shop

import (
	"context"
	"errors"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

var (
	ErrDeclined = errors.New("declined")
	ErrKnown    = errors.New("known")
)

// Option registers one of them.
func Option() op.Option { return op.WithErrors(codec.Sentinel("known", ErrKnown)) }

// Sell is the handler.
func Sell(ctx op.Context, _ string) (string, error) {
	err := replay.Exec(ctx, op.Do("charge", func(context.Context) error { return ErrDeclined }))
	if errors.Is(err, ErrDeclined) || errors.Is(err, ErrKnown) {
		return "no", nil
	}
	return "yes", err
}
