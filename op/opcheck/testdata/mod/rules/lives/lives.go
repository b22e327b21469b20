// Package lives has what lives as long as the process, and orders of maps.
package lives

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.test/shop/rules/lives/keep"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func nop(context.Context) error { return nil }

var (
	cache   = keep.New[string, int]()
	total   atomic.Int64
	memo    sync.Map
	breaker keep.Breaker
	ids     int
	started = keep.New[string, int]() // nothing but init writes it
	metrics = &counter{n: map[string]int{}}
	lines   = &logger{}
)

func init() { started.Put("a", 1) }

type counter struct{ n map[string]int }

func (c *counter) inc(s string) { c.n[s]++ }

type logger struct{ lines []string }

func (l *logger) add(s string) int {
	l.lines = append(l.lines, s)
	return len(s)
}

func nextID() int {
	ids++
	return ids
}

func globals(_ op.Context, id string) (int, error) {
	if v, ok := cache.Get(id); ok { // want `packagevar: package variable cache changes`
		return v, nil
	}
	cache.Put(id, 1)
	n := total.Add(1)               // want `packagevar: package variable total changes`
	if _, ok := memo.Load(id); ok { // want `packagevar: package variable memo changes`
		return 0, nil
	}
	memo.Store(id, 1)
	if breaker.Open() { // want `packagevar: package variable breaker changes`
		return 0, nil
	}
	breaker.Fail()
	if v, ok := started.Get(id); ok {
		return v, nil
	}
	metrics.inc("orders")
	total.Add(1)
	nextID()
	if total.Load() > 3 { //perdure:allow packagevar a log line
		return 0, nil
	}
	return int(n) + lines.add("x") +
		nextID() + // want `packagevar: lives.nextID → package variable ids \(lives.go:\d+\) in handler code depends on what changes`
		int(keep.Next()), nil // want `packagevar: keep.Next → package variable seq \(keep.go:\d+\)`
}

type desk struct {
	seen    map[string]bool
	hits    atomic.Int64
	cache   *keep.Cache[string, int]
	rates   *keep.Cache[string, int]
	breaker *keep.Breaker
	count   int
}

func (d *desk) next() int {
	d.count++
	return d.count
}

func (d *desk) handle(ctx op.Context, id string) (int, error) {
	if d.seen[id] || d.breaker.Open() || d.next() > 3 {
		return 0, nil
	}
	d.seen[id] = true
	if v, ok := d.cache.Get(id); ok {
		return v, nil
	}
	d.cache.Put(id, 1)
	d.hits.Add(1)
	return replay.Run(ctx, op.Step("rate", func(context.Context) (int, error) {
		v, _ := d.rates.Get(id) // in a body
		return v, nil
	}))
}

func (d *desk) handleAlone(op.Context, string) (int, error) { return len(d.seen), nil }

var (
	_ = replay.Handler(new(desk).handle) // want `packagevar: lives.desk.handle reads at lives.go:\d+ the field desk.seen of its receiver` `packagevar: .* the field desk.cache` `packagevar: .*by desk.next\(\) a field of its receiver, which changes`
	_ = replay.Handler(new(desk).handleAlone)
	_ = replay.Handler(around())
)

func around() func(op.Context, string) (int, error) {
	n, unread, limit := 0, 0, 3
	seen := map[string]int{}
	return func(_ op.Context, id string) (int, error) {
		n++
		unread++
		if n > limit { // want `packagevar: n is a variable around the handler, which handler code writes`
			return 0, nil
		}
		if seen[id] > 0 { // want `packagevar: seen is a variable around the handler`
			return 0, nil
		}
		seen[id]++
		return 1, nil
	}
}

func keyed(ctx op.Context, key string) error { return replay.Exec(ctx, op.Do("keyed", nop).Key(key)) }

func orders(ctx op.Context, m map[string]int) error {
	err := keep.Each(m, func(k string, _ int) error { return keyed(ctx, k) }) // want `maporder: the order of a map`
	if err != nil {
		return err
	}
	if err := keep.Each(m, func(string, int) error { return nil }); err != nil {
		return err
	}
	var b strings.Builder
	for k, v := range m {
		fmt.Fprintf(&b, "%s=%d;", k, v)
	}
	if err := keyed(ctx, b.String()); err != nil { // want `maporder: the order of a map`
		return err
	}
	first, found := "", ""
	for k, v := range m {
		if v > 3 {
			first = k
			break
		}
	}
	for k, v := range m {
		if v == 7 { // one has it
			found = k
			break
		}
	}
	if err := keyed(ctx, found); err != nil {
		return err
	}
	if err := keyed(ctx, some(m)); err != nil { // want `maporder: the order of a map`
		return err
	}
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	if err := keyed(ctx, keys[0]); err != nil { // want `maporder: the order of a map`
		return err
	}
	return keyed(ctx, first) // want `maporder: the order of a map`
}

func some(m map[string]int) string {
	for k, v := range m {
		if v > 0 {
			return k
		}
	}
	return ""
}

func pollsAll(ctx op.Context) error {
	return replay.Exec(ctx, op.Do("poll", func(ctx context.Context) error {
		op.LoggerFrom(ctx).Info("begin")
		for range 3 {
			time.Sleep(time.Second) // want `ignorescontext: time.Sleep in a loop of a body that ignores its context`
		}
		t := time.NewTicker(time.Second)
		for range t.C { // want `ignorescontext: a wait for a time in a loop`
			if len(t.C) > 0 {
				break
			}
		}
		for range 3 {
			<-time.After(time.Second) // want `ignorescontext: time.After in a loop` `ignorescontext: a wait for a time in a loop`
			if len(t.C) > 0 {
				continue
			}
		}
		for range 3 {
			time.Sleep(time.Second)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		inner, cancel := context.WithCancel(ctx)
		defer cancel()
		for inner.Err() == nil {
			time.Sleep(time.Second)
		}
		for {
			select {
			case <-t.C:
			case <-ctx.Done():
				return nil
			}
		}
	}))
}

func outer(ctx op.Context) error {
	run := func(key string) error { return keyed(ctx, key) }
	note := func(string) error { return nil }
	_, err := replay.Run(ctx, op.Group("group", func(inner op.Context) (int, error) {
		if err := note("a"); err != nil {
			return 0, err
		}
		own := func() error { return keyed(inner, "own") }
		if err := own(); err != nil {
			return 0, err
		}
		return 1, run("a") // want `outercontext: a function is called that runs operations with an op.Context from outside of a group`
	}))
	if err != nil {
		return err
	}
	return replay.Exec(ctx, op.Do("body", func(context.Context) error {
		_ = replay.Now(ctx)
		return run("b") // want `outercontext: a function is called that runs operations with an op.Context from outside of the body of an operation`
	}))
}

func pairs(ctx op.Context) (int, error) {
	variable := func() (get func() int, set func(int)) {
		v := 0
		return func() int { return v }, func(x int) { v = x } // want `bodywrite: v is written in a body`
	}
	get, set := variable()
	err := replay.Exec(ctx, op.Do("set", func(context.Context) error {
		set(3)
		return nil
	}))
	return get(), err
}
