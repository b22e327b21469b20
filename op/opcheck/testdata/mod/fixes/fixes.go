// Package fixes has what can be mended by a suggested fix, and what cannot.
package fixes

import (
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func direct(ctx op.Context) time.Time {
	return time.Now() // want `clock: time.Now in handler code`
}

func inside(c op.Context, items []string) (all []time.Time) {
	each := func() { all = append(all, time.Now().Add(time.Hour)) } // want `clock: time.Now in handler code`
	for range items {
		each()
	}
	return all
}

func hidden(ctx op.Context) time.Time {
	{
		ctx := 1
		_ = ctx
		_ = time.Now() // want `clock: time.Now in handler code`
	}
	return replay.Now(ctx)
}

func unnamed(op.Context) time.Time {
	return time.Now() // want `clock: time.Now in handler code`
}
