// Package numbers has numbers that JSON, or another reader, does not keep.
package numbers

import (
	"context"
	"math/big"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

type (
	mean struct {
		Count int
		Mean  float64
	}
	deep struct {
		By   map[string][]*mean
		Next *deep
	}
	payment struct {
		ID    int64
		Cents int64 `json:"cents,string"`
	}
	account struct {
		ID    int64 `json:"id,string"`
		Count int
		Sum   big.Int
		note  int64 `json:"-"`
	}
	rate   float32
	ratio  struct{ V rate }
	finite float64
)

func (f finite) MarshalText() ([]byte, error)  { return []byte("1"), nil }
func (f *finite) UnmarshalText(b []byte) error { return nil }

func body[T any](context.Context) (t T, err error) { return t, nil }

var (
	a = op.Step("a", body[mean])    // want `nan: the result type mean: field Mean is float64, and JSON has neither`
	b = op.Step("b", body[deep])    // want `nan: .* field By\[\]\[\]\.Mean is float64`
	c = op.Step("c", body[ratio])   // want `nan: .* field V is float32`
	d = op.Step("d", body[float64]) // want `nan: .* it is float64`
	e = op.Step("e", body[finite])
	f = op.Step("f", body[int64])               // read by the function itself
	g = op.Step("g", body[mean])                //perdure:allow nan the count is above zero
	h = op.Invoke[payment]("h", "f", account{}) // want `bigint: the result type payment: field ID is int64, and others`
	i = op.Invoke[account]("i", "f", uint64(1)) // want `bigint: the input type uint64: it is uint64`
	j = op.Invoke[account]("j", "f", account{})
	k = op.CreateCallback[time.Duration]("k")    // want `bigint: .* it is int64`
	l = op.WaitForCallback[payment]("l", submit) //perdure:allow bigint the other side is written in Go
	m = op.WaitForCallback[account]("m", submit)
)

func submit(context.Context, string) error { return nil }

func handler(op.Context, payment) (account, error) { return account{}, nil }

var made = replay.Handler(handler) // want `bigint: the input type payment`
