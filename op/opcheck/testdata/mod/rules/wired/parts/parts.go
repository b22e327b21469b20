// Package parts has what a handler is given.
package parts

import (
	"math/rand/v2"
	"net/http"
	"os"
	"time"
)

type Clock interface{ Now() time.Time }

type Wall struct{}

func (Wall) Now() time.Time { return time.Now() }

type Fixed struct{ T time.Time }

func (f Fixed) Now() time.Time { return f.T }

type wall struct{ Wall }

// System returns an interface, of which it is known what it is.
func System() Clock { return wall{} }

// Either is one of two.
func Either(fixed bool) (Clock, error) {
	if fixed {
		return Fixed{}, nil
	}
	return System(), nil
}

func Chosen(c Clock) Clock { return c }

type Rates interface{ Rate(string) (float64, error) }

type Bank struct{ c *http.Client }

func (b *Bank) Rate(string) (float64, error) {
	_, err := b.c.Get("https://bank.example")
	return 1, err
}

type Env struct{ prefix string }

func (e *Env) Get(k string) string { return os.Getenv(e.prefix + k) }

// Cached has the methods of what it is given.
type Cached struct{ Rates }

func NewCached(r Rates) *Cached { return &Cached{Rates: r} }

var rng = rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))

func Roll() int { return rng.IntN(6) }

type Checks[T any] struct{ all []func(T) error }

func (c *Checks[T]) Add(f func(T) error) *Checks[T] {
	c.all = append(c.all, f)
	return c
}

func Late(c Clock, t time.Time) bool { return late(c, t) }

func late(c Clock, t time.Time) bool { return c.Now().After(t) }
