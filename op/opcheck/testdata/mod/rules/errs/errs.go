// Package errs asks for errors.
package errs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"example.test/shop/rules/errs/shop"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

var (
	errLost  = errors.New("lost")
	errKnown = errors.New("known")
)

type (
	lostError  struct{}
	knownError struct{}
)

func (*lostError) Error() string  { return "lost" }
func (*knownError) Error() string { return "known" }

var charge = op.Do("charge", func(context.Context) error { return errLost },
	op.WithErrors(codec.Sentinel("known", errKnown), codec.ErrorType[*knownError]("known-type")))

func handle(ctx op.Context, _ string) (string, error) {
	err := replay.Exec(ctx, charge)
	var lost *lostError
	var known *knownError
	var failed *op.Error
	switch {
	case errors.Is(err, errKnown), errors.As(err, &known), errors.As(err, &failed), errors.Is(err, op.ErrTimedOut):
		return "fine", nil
	case errors.Is(err, errLost): // want `unregistered: errs.errLost is not registered`
	case errors.As(err, &lost): // want `unregistered: errs.lostError is not registered`
	case errors.Is(err, io.EOF): //perdure:allow unregistered it never is
	case errors.Is(other(), errLost): // no operation's
	}
	if wrapped := fmt.Errorf("charge: %w", err); errors.Is(wrapped, errLost) { // want `unregistered: errs.errLost`
		return "wrapped", nil
	}
	if errors.Is(pay(ctx), errLost) { // want `unregistered: errs.errLost`
		return "helper", nil
	}
	mapped := replay.Exec(ctx, op.Do("map", func(context.Context) error { return nil }).MapError(func(error) error { return errLost }))
	if errors.Is(mapped, errLost) {
		return "mapped", nil
	}
	return "", err
}

func pay(ctx op.Context) error { return replay.Exec(ctx, charge.Key("again")) }

func other() error { return nil }

var (
	_ = replay.Handler(handle)
	_ = replay.Handler(shop.Sell) // want `unregistered: shop.Sell asks at shop.go:\d+ for shop.ErrDeclined`
)
