// Package concurrency has goroutines, locks and what belongs to them.
package concurrency

import (
	"context"
	"iter"
	"sync"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

var work = op.Do("work", func(context.Context) error { return nil })

type shop struct {
	mu   sync.Mutex
	once sync.Once
	n    int
}

func goroutines(ctx op.Context, in chan int) error {
	go func() { _ = replay.Exec(ctx, work) }() // want `concurrency: a goroutine`
	var wg sync.WaitGroup
	wg.Go(func() {}) // want `concurrency: sync.WaitGroup.Go`
	wg.Wait()        // want `blocking: sync.WaitGroup.Wait`
	<-in             // want `concurrency: a channel`
	in <- 1          // want `concurrency: a channel`
	select {         // want `concurrency: select`
	case <-in:
	case in <- 2:
	}
	next, stop := iter.Pull(func(yield func(int) bool) { yield(1) }) // want `concurrency: iter.Pull`
	defer stop()
	_, _ = next()
	//perdure:allow concurrency nothing depends on when it runs
	go func() {}()
	f := replay.Go(ctx, work)
	return replay.Exec(ctx, f.Result())
}

func (s *shop) locks(ctx op.Context) error {
	s.mu.Lock() // want `lock: sync.Mutex.Lock is held across an operation`
	err := replay.Exec(ctx, work)
	s.mu.Unlock()
	s.mu.Lock()
	s.n++
	s.mu.Unlock()
	return err
}

func (s *shop) deferred(ctx op.Context) error {
	s.mu.Lock() // want `lock: sync.Mutex.Lock is held across an operation`
	defer s.mu.Unlock()
	return replay.Exec(ctx, work)
}

func (s *shop) allowed(ctx op.Context) error {
	s.mu.Lock() //perdure:allow lock one execution per process, and it is a test
	defer s.mu.Unlock()
	return replay.Exec(ctx, work)
}

func (s *shop) first(ctx op.Context) error {
	var err error
	s.once.Do(func() { err = replay.Exec(ctx, work) }) // want `once: sync.Once.Do is spent`
	s.once.Do(func() { s.n++ })
	s.once.Do(func() { err = replay.Exec(ctx, work.Key("again")) }) //perdure:allow once it never suspends
	return err
}

func inBody(ctx op.Context, in chan int) error {
	return replay.Exec(ctx, op.Do("fan-out", func(ctx context.Context) error {
		var wg sync.WaitGroup
		wg.Go(func() { in <- 1 })
		wg.Wait()
		select {
		case <-in:
		case <-ctx.Done():
		}
		return nil
	}))
}
