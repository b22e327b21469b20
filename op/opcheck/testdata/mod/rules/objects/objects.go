// Package objects has objects that bodies and invocations leave something in.
package objects

import (
	"context"
	"iter"
	"sync"

	"example.test/shop/rules/objects/keep"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func filled(ctx op.Context) ([]string, error) {
	l := &keep.List{}
	if err := replay.Exec(ctx, keep.Step(l)); err != nil { // want `bodywrite: a keep.List is made in each invocation, and a body writes what it holds \(keep.go:\d+\)`
		return nil, err
	}
	return l.All(), nil
}

func deeper(ctx op.Context) ([]string, error) {
	l := &keep.List{}
	err := replay.Exec(ctx, keep.Deeper(l)) // want `bodywrite: .*\(keep.go:\d+\)`
	return l.All(), err
}

func methodValue(ctx op.Context) error {
	l := new(keep.List)
	if err := replay.Exec(ctx, keep.Step(l)); err != nil { // want `bodywrite: a keep.List is made`
		return err
	}
	return use(l.All)
}

func use(func() []string) error { return nil }

func local(ctx op.Context) ([]string, error) {
	l := &keep.List{}
	err := replay.Exec(ctx, op.Do("fill", func(context.Context) error {
		l.Add("a") // want `bodywrite: l is made in each invocation`
		return nil
	}))
	return l.All(), err
}

func numbers(ctx op.Context) (int, error) {
	n, seen := 0, map[string]bool{}
	if err := replay.Exec(ctx, keep.Count(&n)); err != nil { // want `bodywrite: n is made in each invocation`
		return 0, err
	}
	if err := replay.Exec(ctx, keep.Mark(seen)); err != nil { // want `bodywrite: a map\[string\]bool is made`
		return 0, err
	}
	return n + len(seen), nil
}

// Only bodies use it: what one leaves for itself is its own affair.
func alone(ctx op.Context) error {
	l := &keep.List{}
	return replay.Exec(ctx, keep.Step(l))
}

// It comes from outside: a client, say, which is the same in all invocations.
func given(ctx op.Context, l *keep.List) ([]string, error) {
	err := replay.Exec(ctx, keep.Step(l))
	return l.All(), err
}

func fine(ctx op.Context) ([]string, error) {
	l := &keep.List{}
	err := replay.Exec(ctx, keep.Step(l)) //perdure:allow bodywrite the list is for the log line of this invocation
	return l.All(), err
}

func polls(n int) op.Op[op.None] {
	return op.Do("poll", func(ctx context.Context) error {
		return keep.Poll(ctx, n) // want `ignorescontext: keep.Poll → time.Sleep \(keep.go:\d+\) in a loop of a body that ignores its context`
	})
}

func asks() op.Op[op.None] {
	return op.Do("ask", func(ctx context.Context) error {
		if err := keep.Allowed(ctx); err != nil {
			return err
		}
		return keep.Asks(ctx, 2)
	})
}

func itself() op.Op[op.None] { return op.DoFunc("poll", keep.Poll)(3) } // want `ignorescontext: keep.Poll → time.Sleep`

var zone = sync.OnceValues(func() (string, error) { return keep.Region(), nil })

func settings(ctx op.Context) string {
	z, _ := zone()           // want `environ: .*os.Getenv`
	return keep.Region() + z // want `environ: .*os.Getenv`
}

func iterators(ctx op.Context, m map[string]int) error {
	for k := range keep.Above(m, 1) { // want `maporder: the order of a map`
		if err := replay.Exec(ctx, op.Do("a", nop).Key(k)); err != nil {
			return err
		}
	}
	for k := range keep.Names(m) { // want `maporder: the order of a map`
		if err := replay.Exec(ctx, op.Do("b", nop).Key(k)); err != nil {
			return err
		}
	}
	for k := range keep.Sorted(m) {
		if err := replay.Exec(ctx, op.Do("c", nop).Key(k)); err != nil {
			return err
		}
	}
	var again iter.Seq[string]
	again = func(yield func(string) bool) {
		if len(m) > 1 {
			again(yield)
		}
	}
	for k := range again {
		if err := replay.Exec(ctx, op.Do("d", nop).Key(k)); err != nil {
			return err
		}
	}
	return nil
}

func nop(context.Context) error { return nil }

type shop struct {
	n     int
	names []string
	kept  int
}

func (s *shop) handle(ctx op.Context, name string) (int, error) {
	s.names = append(s.names, name)
	s.n++
	return s.n, nil
}

// run is made by a handler for one invocation: what it holds is the invocation's.
type run struct{ n int }

func (r *run) once(ctx op.Context) int {
	r.n++
	return r.n
}

func each(ctx op.Context, _ string) (int, error) {
	r := &run{}
	return r.once(ctx), nil
}

func (s *shop) allowed(ctx op.Context, _ string) (int, error) {
	s.kept++
	return s.kept, nil
}

var (
	a = replay.Handler((&shop{}).handle)      // want `packagevar: objects.shop.handle reads at objects.go:\d+ the field shop.n of its receiver`
	b = replay.Handler((&keep.Shop{}).Counts) // want `packagevar: keep.Shop.Counts reads at keep.go:\d+ the field Shop.orders of its receiver`
	c = replay.Handler((&keep.Shop{}).Counted)
	d = replay.Handler(each)
	e = replay.Handler((&shop{}).allowed) //perdure:allow packagevar it is a number for a gauge
)

// bank is a client that a constructor makes. It counts its calls, and remembers the last.
type bank struct {
	calls int
	last  string
	limit int
}

func newBank() *bank { return &bank{limit: 3} }

func (b *bank) pay(to string) error {
	b.calls++
	b.last = to
	return nil
}

func (b *bank) paid() string { return b.last }

// A client is made in handler code: what it leaves in itself is its own affair.
func clients(ctx op.Context) (int, error) {
	client := newBank()
	err := replay.Exec(ctx, op.Do("pay", func(context.Context) error { return client.pay("a") }))
	if err != nil {
		return 0, err
	}
	return 1, replay.Exec(ctx, op.Do("pay-again", func(context.Context) error { return client.pay("b") }))
}

// Handler code asks it for what a body has left there.
func asked(ctx op.Context) (string, error) {
	client := newBank()
	err := replay.Exec(ctx, op.Do("pay", func(context.Context) error {
		return client.pay("a") // want `bodywrite: client is made in each invocation, and a body writes what it holds`
	}))
	return client.paid(), err
}

func askedAllowed(ctx op.Context) (string, error) {
	client := newBank()
	err := replay.Exec(ctx, op.Do("pay", func(context.Context) error {
		return client.pay("a") //perdure:allow bodywrite the name is for a log line
	}))
	return client.paid(), err
}
