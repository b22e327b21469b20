// Package bodies has mistakes in bodies of operations.
package bodies

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"time"

	"example.test/shop/rules/helper"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

var total int

type shop struct {
	sent  int
	cache map[string]int
}

func (s *shop) writes(ctx op.Context) (int, error) {
	var n, m, own int
	var done []string
	var cfg struct{ Name string }
	var count atomic.Int32
	var text strings.Builder
	byName := map[string]int{}
	err := replay.Exec(ctx, op.Do("work", func(context.Context) error {
		n++                                    // want `bodywrite: n is written`
		done = append(done, "x")               // want `bodywrite: done is written`
		cfg.Name = "x"                         // want `bodywrite: cfg is written`
		_ = json.Unmarshal([]byte("{}"), &cfg) // want `bodywrite: cfg is written`
		count.Add(1)                           // want `bodywrite: count is written`
		byName["x"] = 1                        // want `bodywrite: byName is written`
		helper.Keep(&m)                        // want `bodywrite: m is written`
		text.WriteString("x")                  // want `bodywrite: text is written`
		total++                                // want `bodywrite: package variable total`
		s.sent++                               // want `bodywrite: s.sent is written`
		s.cache["x"] = 1                       // only bodies read it
		own++                                  // none reads it
		local := 0
		local++
		n = 3 //perdure:allow bodywrite it is set again below
		return nil
	}))
	if s.sent > 3 || total > 3 { // want `packagevar: package variable total`
		return 0, err
	}
	return n + m + len(done) + len(cfg.Name) + int(count.Load()) + byName["x"] + text.Len(), err
}

func (s *shop) method(context.Context) error {
	s.sent++         // want `bodywrite: s.sent is written`
	s.cache["y"] = 2 // only bodies read it
	return nil
}

func methods(ctx op.Context, s *shop) (int, error) {
	var out []string
	var seen int
	err := replay.Exec(ctx, op.Do("method", s.method))
	if err != nil || s.sent > 3 {
		return 0, err
	}
	_, err = replay.Run(ctx, op.Group("collect", func(ctx op.Context) (int, error) {
		out = append(out, "x") // want `bodywrite: out is written`
		err := replay.Exec(ctx, op.Wait("pause-collect", time.Second))
		return 1, err
	}))
	visit := func(ctx op.Context, n int) error {
		seen += n // it runs in each invocation
		return replay.Exec(ctx, op.Wait("pause-visit", time.Second))
	}
	if err := visit(ctx, 1); err != nil {
		return 0, err
	}
	return len(out) + seen, err
}

func namedBody(ctx op.Context, s *shop) error {
	return replay.Exec(ctx, helper.Task("helper-task", func(context.Context) error {
		time.Sleep(1) // a body, by way of another package
		return nil
	}))
}

func outer(ctx op.Context) error {
	err := replay.Exec(ctx, op.Do("work", func(context.Context) error {
		ctx.Logger().Info("fine")
		_ = ctx.Execution().ARN
		_ = helper.Total(1, 2)
		return replay.Exec(ctx, op.Wait("pause", time.Second)) // want `outercontext: an op.Context from outside is used in the body`
	}))
	if err != nil {
		return err
	}
	_, err = replay.Run(ctx, op.Group("inner", func(inner op.Context) (int, error) {
		if err := replay.Exec(inner, op.Wait("pause", time.Second)); err != nil {
			return 0, err
		}
		_ = replay.Exec(ctx, op.Wait("pause-2", time.Second))       //perdure:allow outercontext shows that it is refused
		return 1, replay.Exec(ctx, op.Wait("pause-3", time.Second)) // want `outercontext: an op.Context from outside is used in a group`
	}))
	return err
}

var poll = op.Do("poll", func(_ context.Context) error {
	for {
		time.Sleep(time.Second) // want `ignorescontext: time.Sleep in a loop`
	}
})

var pollAllowed = op.Do("poll-allowed", func(_ context.Context) error {
	for range 2 {
		time.Sleep(time.Millisecond) //perdure:allow ignorescontext it takes two milliseconds
	}
	return nil
})

var pollWell = op.Do("poll-well", func(ctx context.Context) error {
	for ctx.Err() == nil {
		time.Sleep(time.Second)
	}
	return ctx.Err()
})

func undo(ctx op.Context, trips []string) error {
	last, second, fixed := "", "", "x"
	for _, t := range trips {
		_, err := replay.Run(ctx, op.Step("book", func(context.Context) (string, error) { return t, nil }).Key(t).
			Undo(func(_ context.Context, ref string) error {
				_ = ref + t + fixed
				_ = second          //perdure:allow undoreads it is the same in the end
				return cancel(last) // want `undoreads: last is read in a compensation`
			}))
		if err != nil {
			return err
		}
		last, second = t, t
	}
	return nil
}

func cancel(string) error { return nil }
