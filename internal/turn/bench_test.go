package turn_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/perdure/perdure/internal/turn"
)

// bare is a machine that does nothing.
type bare struct{}

func (bare) Output()                      {}
func (bare) Quiescent() bool              { return false }
func (bare) Idle() bool                   { return false }
func (bare) Waiting() bool                { return false }
func (bare) Crashed(v any, _ []byte)      { panic(v) }
func (bare) Revoked(*turn.Strand, []byte) {}

// job is a task that is a function.
type job func()

func (f job) Run() { f() }
func (job) Ended() {}

// Left lets a panic go on.
func (job) Left(v any, _ bool) {
	if v != nil {
		panic(v)
	}
}

// Two strands give the turn to each other: an operation is one park and one wake.
func BenchmarkParkAndWake(b *testing.B) {
	tn := turn.New(bare{})
	done := make(chan struct{})
	tn.Post(func() {
		var one, two *turn.Strand
		rounds := b.N
		over := false
		one = tn.Spawn(nil, job(func() {
			for range rounds / 2 {
				two.Wake()
				one.Park(nil)
			}
			over = true
			two.Wake()
		}))
		two = tn.Spawn(nil, job(func() {
			for !over {
				one.Wake()
				two.Park(nil)
			}
			close(done)
		}))
	})
	<-done
}

// A strand gives the turn away and gets it again, with nothing else to do.
func BenchmarkParkAlone(b *testing.B) {
	tn := turn.New(bare{})
	done := make(chan struct{})
	tn.Post(func() {
		var s *turn.Strand
		s = tn.Spawn(nil, job(func() {
			for range b.N {
				tn.Post(s.Wake)
				s.Park(nil)
			}
			close(done)
		}))
	})
	<-done
}

func BenchmarkLeaveAndEnter(b *testing.B) {
	tn := turn.New(bare{})
	done := make(chan struct{})
	tn.Post(func() {
		var s *turn.Strand
		s = tn.Spawn(nil, job(func() {
			var p turn.Seat
			p.Sit(s)
			for range b.N {
				tn.Leave(&p)
				p.Enter()
			}
			close(done)
		}))
	})
	<-done
}

const many = 1_000

// 1,000 strands begin, park, and unwind one after the other.
func BenchmarkSpawnAndUnwind(b *testing.B) {
	for range b.N {
		tn := turn.New(bare{})
		var top *turn.Strand
		done := make(chan struct{})
		tn.Post(func() {
			top = tn.Spawn(nil, job(func() {
				defer close(done)
				for range many {
					var s *turn.Strand
					s = tn.Spawn(top, job(func() { s.Park(nil) }))
				}
				top.Park(nil)
			}))
		})
		tn.Post(func() { top.End(false) })
		<-done
	}
}

// 1,000 goroutines begin, wait, and end with Goexit, all at once: what BenchmarkSpawnAndUnwind is
// compared with.
func BenchmarkPlainGoexit(b *testing.B) {
	for range b.N {
		var begun, ended sync.WaitGroup
		stop := make(chan struct{})
		begun.Add(many)
		for range many {
			ended.Go(func() {
				begun.Done()
				<-stop
				runtime.Goexit()
			})
		}
		begun.Wait()
		close(stop)
		ended.Wait()
	}
}
