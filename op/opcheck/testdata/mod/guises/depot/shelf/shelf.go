// Package shelf finds places.
package shelf

import (
	"context"
	"sync"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Place is a place.
type Place struct {
	Row int `json:"row"`
	Col int `json:"col"`
}

// Finder finds places.
type Finder struct {
	start func() (Place, error)
}

// NewFinder makes a finder for one execution.
func NewFinder(ctx op.Context) *Finder {
	return &Finder{start: sync.OnceValues(func() (Place, error) {
		return replay.Run(ctx, op.Step("find-start", first)) // MISTAKE 25: once: a field of the once's function
	})}
}

func first(context.Context) (Place, error) { return Place{1, 1}, nil }

// Start is where picking begins.
func (f *Finder) Start() (Place, error) { return f.start() }
