// Package media transcodes uploads.
package media

import (
	"context"
	"strconv"
	"sync/atomic"

	"example.test/shop/planted/pricing"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

type Upload struct {
	Key    string
	Parts  []string
	Zones  map[string]int
	Result chan string
}

type Encoder struct {
	run func(ctx context.Context, part string) (string, error)
}

// Transcode is the durable handler.
func (e *Encoder) Transcode(ctx op.Context, u Upload) (int64, error) {
	var done atomic.Int64
	var encode = op.StepFunc("encode", func(ctx context.Context, part string) (string, error) {
		out, err := e.run(ctx, part)
		if err == nil {
			done.Add(1) // planted: 26 a captured counter, through a method
		}
		return out, err
	})
	for i, part := range u.Parts {
		if _, err := replay.Run(ctx, encode(part).Key(strconv.Itoa(i))); err != nil { // planted: 27 a position as a key
			return 0, err
		}
	}
	replay.Go(ctx, op.Wait("settle", 3600e9)) // planted: 28 a future that is never awaited
	for _, zone := range pricing.Countries(u.Zones) {
		if err := replay.Exec(ctx, op.Do("publish", func(ctx context.Context) error { // planted: 29 map order, through a helper in another package
			_, err := e.run(ctx, zone)
			return err
		}).Key(zone)); err != nil {
			return 0, err
		}
	}
	return done.Load(), nil
}
