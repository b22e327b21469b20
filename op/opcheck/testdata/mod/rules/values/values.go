// Package values has types that JSON loses, and secrets.
package values

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"math/big"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

type (
	good struct {
		ID   string
		At   time.Time
		Sum  *big.Int
		By   map[int]string
		skip struct{} `json:"-"`
		Note chan int `json:"-"`
		Next *good
	}
	hidden struct {
		ID   string
		note string
	}
	iface          struct{ Err error }
	open           struct{ Data any }
	keyed          map[[2]int]string
	own            struct{ note string }
	pair[A, B any] struct {
		First  A
		Second B
	}
)

func (o own) MarshalJSON() ([]byte, error)  { return []byte(`"` + o.note + `"`), nil }
func (o *own) UnmarshalJSON(b []byte) error { o.note = string(b); return nil }

func step[T any](name string) op.Op[T] {
	return op.Step(name, func(context.Context) (T, error) { var t T; return t, nil })
}

func body[T any](context.Context) (t T, err error) { return t, nil }

var (
	a = op.Step("a", body[good])
	b = op.Step("b", body[hidden])   // want `lossy: the result type hidden: field note of hidden is not exported`
	c = op.Step("c", body[iface])    // want `lossy: the result type iface: field Err: interface error cannot be decoded`
	d = op.Step("d", body[open])     // want `lossy: the result type open: field Data: an any is decoded`
	e = op.Step("e", body[keyed])    // want `lossy: the result type keyed: a map with keys of`
	f = op.Step("f", body[chan int]) // want `lossy: .* a channel cannot be encoded`
	g = op.Step("g", body[[]func()]) // want `lossy: .* a function cannot be encoded`
	h = op.Step("h", body[own])
	i = op.Step("i", body[pair[int, hidden]]) // want `lossy: .* field note of hidden`
	j = op.Step("j", body[pair[int, good]])
	k = op.Step("k", body[hidden], op.WithCodec(codec.Raw()))
	l = op.Step("l", body[hidden]).WithCodec(codec.Of(func(hidden) ([]byte, error) { return nil, nil }, func([]byte) (hidden, error) { return hidden{}, nil }))
	m = op.Step("m", body[hidden])                                                                                          //perdure:allow lossy the note is for this process only
	n = op.Invoke[good]("n", "other:live", hidden{})                                                                        // want `lossy: the input type hidden`
	o = op.WaitForCondition("o", hidden{}, func(_ context.Context, h hidden) (hidden, bool, error) { return h, true, nil }) // want `lossy: the result type hidden`
	p = replay.Handler(func(_ op.Context, in hidden) (good, error) { return good{}, nil })                                  // want `lossy: the input type hidden`
	q = op.Start("q", "other:live", hidden{})                                                                               // want `lossy: the input type hidden`
	r = op.FunctionOf[hidden, good]("other:live").Invoke("r", hidden{})                                                     // want `lossy: the input type hidden`
	s = op.FunctionOf[good, hidden]("other:live").Start("s", good{})
	u = replay.HandlerOf(op.FunctionOf[hidden, good]("other:live"), func(_ op.Context, in hidden) (good, error) { return good{}, nil }) // want `lossy: the input type hidden`
)

func secrets(ctx op.Context) error {
	cb, err := replay.Run(ctx, op.CreateCallback[string]("approve"))
	if err != nil {
		return err
	}
	log.Println("callback", cb.ID)                         // want `secretlog: the ID of a callback is logged`
	ctx.Logger().Info("waiting", slog.String("id", cb.ID)) // want `secretlog: `
	log.Print(fmt.Sprintf("id=%s", cb.ID))                 // want `secretlog: `
	log.Println("callback", cb.ID)                         //perdure:allow secretlog a test system
	log.Println("waiting")
	_, err = replay.Run(ctx, op.WaitForCallback[string]("ask", func(ctx context.Context, id string) error {
		op.LoggerFrom(ctx).Info("asked", "id", id) // want `secretlog: `
		return send(ctx, id)
	}))
	return err
}

func send(context.Context, string) error { return nil }
