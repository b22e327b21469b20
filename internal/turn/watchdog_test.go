package turn_test

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/internal/turn"
)

// outside calls code outside the engine from a strand, which has the turn afterwards.
func (f *floor) outside(s *turn.Strand, code func()) {
	var p turn.Seat
	p.Sit(s)
	f.Leave(&p)
	code()
	p.Enter()
}

// Two strands that hold a mutex while they are parked end right: the one that waits for it loses
// the turn. It is a real mutex, for which the clock of a bubble does not go on, so this takes real
// time.
func TestMutexAcrossAPark(t *testing.T) {
	t.Parallel()
	f := newFloor()
	var mu sync.Mutex
	total := 0
	done := make(chan struct{})
	const n = 3
	f.Post(func() {
		left := n
		for range n {
			f.begin(nil, "", func(s *turn.Strand) {
				f.outside(s, func() {
					mu.Lock()
					total++
				})
				go f.Post(s.Wake)
				s.Park(nil)
				f.outside(s, mu.Unlock)
				if f.Caller() != s {
					t.Error("a strand that had lost the turn goes on without it")
				}
				if left--; left == 0 {
					close(done)
				}
			})
		}
	})
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the strands wait forever")
	}
	f.Post(func() {
		if total != n || f.Strands() != 0 || f.LiveOff() != 0 {
			t.Errorf("%d of %d strands had the mutex, %d are left, %d off", total, n, f.Strands(), f.LiveOff())
		}
		if len(f.revoked) == 0 || len(f.stacks) == 0 || !strings.Contains(f.stacks[0], "sync.Mutex") {
			t.Errorf("%d strands have lost the turn, with the stacks %q", len(f.revoked), f.stacks)
		}
	})
}

func TestWatchdog(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	tests := []struct {
		name, reason string
		do           func(f *floor)
		revoked      int
		want         []string
	}{
		{
			"code that waits while an event does", "the event is taken within two periods, and it queues for the turn",
			func(f *floor) {
				free := make(chan struct{})
				f.on(func() {
					f.begin(nil, "a", func(s *turn.Strand) {
						f.outside(s, func() { <-free })
						if f.Caller() == s && f.LiveOff() == 0 {
							f.say("with the turn")
						}
					})
				})
				began := time.Now()
				f.Post(func() {
					if since := time.Since(began); since > 30*ms {
						f.say("late: " + since.String())
					}
					f.say("event")
					if f.Off(turn.Blocked) != 1 || f.LiveOff() != 1 {
						f.say("it does not count as off")
					}
					close(free)
				})
				time.Sleep(time.Second)
			},
			1,
			[]string{"event", "with the turn", "a gone"},
		},
		{
			"code that waits for a strand that is ready", "nothing is posted",
			func(f *floor) {
				free := make(chan struct{})
				f.on(func() {
					f.begin(nil, "a", func(s *turn.Strand) { f.outside(s, func() { <-free }) })
					f.begin(nil, "b", func(s *turn.Strand) { close(free) })
				})
				time.Sleep(time.Second)
			},
			1,
			[]string{"b gone", "a gone"},
		},
		{
			"code that waits for what the machine would begin", "nothing is ready, and nothing is posted",
			func(f *floor) {
				free := make(chan struct{})
				f.quiescent = func() bool {
					if f.waiting {
						f.waiting = false
						close(free)
						return true
					}
					return false
				}
				f.on(func() {
					f.begin(nil, "a", func(s *turn.Strand) {
						f.waiting = true
						f.outside(s, func() { <-free })
					})
				})
				time.Sleep(time.Second)
			},
			1,
			[]string{"a gone"},
		},
		{
			"code that goes on while another strand has the turn", "it waits for the turn before it goes on in the engine",
			func(f *floor) {
				free := make(chan struct{})
				f.on(func() {
					f.begin(nil, "a", func(s *turn.Strand) {
						f.outside(s, func() { <-free })
						f.say("a goes on")
					})
					f.begin(nil, "b", func(*turn.Strand) {
						close(free)
						time.Sleep(time.Second) // with the turn, in the engine
						f.say("b gives the turn away")
					})
				})
				time.Sleep(time.Minute)
			},
			1,
			[]string{"b gives the turn away", "b gone", "a goes on", "a gone"},
		},
		{
			"code that waits after one that has lost the turn", "events that were there before wait as those that come",
			func(f *floor) {
				a, b := make(chan struct{}), make(chan struct{})
				var second *turn.Strand
				f.on(func() {
					second = f.begin(nil, "b", func(s *turn.Strand) {
						s.Park(nil)
						f.outside(s, func() { <-b })
						close(a)
					})
					f.begin(nil, "a", func(s *turn.Strand) { f.outside(s, func() { <-a }) })
				})
				f.Post(func() { second.Wake() })
				f.Post(func() { close(b) })
				time.Sleep(time.Second)
			},
			2,
			[]string{"b gone", "a gone"},
		},
		{
			"code that waits alone", "no other could go on",
			func(f *floor) {
				f.on(func() {
					f.begin(nil, "a", func(s *turn.Strand) { f.outside(s, func() { time.Sleep(time.Minute) }) })
				})
				time.Sleep(time.Hour)
			},
			0,
			[]string{"a gone"},
		},
		{
			"code that the engine calls", "the engine is in the middle of something",
			func(f *floor) {
				f.on(func() {
					f.begin(nil, "a", func(*turn.Strand) { time.Sleep(time.Minute) })
				})
				f.Post(func() { f.say("event") })
				time.Sleep(time.Hour)
			},
			0,
			[]string{"a gone", "event"},
		},
		{
			"code that is ended while it waits", "it unwinds with the turn when it comes back",
			func(f *floor) {
				free := make(chan struct{})
				f.on(func() {
					a := f.begin(nil, "a", func(s *turn.Strand) {
						f.outside(s, func() { <-free })
						if f.Caller() != s {
							f.say("without the turn")
						}
						s.Exit()
					})
					f.begin(nil, "b", func(s *turn.Strand) { a.End(false); f.say("ended it"); close(free) })
				})
				time.Sleep(time.Second)
			},
			1,
			[]string{"a ended", "ended it", "b gone", "a gone"},
		},
		{
			"code that returns after it has lost the turn", "the end of its goroutine waits for the turn",
			func(f *floor) {
				free := make(chan struct{})
				f.on(func() {
					f.begin(nil, "a", func(s *turn.Strand) {
						var p turn.Seat
						p.Sit(s)
						f.Leave(&p)
						<-free
					})
					f.begin(nil, "b", func(*turn.Strand) { close(free) })
				})
				time.Sleep(time.Second)
			},
			1,
			[]string{"b gone", "a gone"},
		},
		{
			"a deferred function that waits", "the others unwind",
			func(f *floor) {
				free := make(chan struct{})
				var top *turn.Strand
				f.on(func() {
					top = f.begin(nil, "top", func(s *turn.Strand) {
						f.begin(s, "a", func(s *turn.Strand) {
							defer func() { <-free }()
							f.outside(s, func() {})
							s.Park(nil)
						})
						f.begin(s, "b", forever)
						s.Park(nil)
					})
				})
				f.on(func() { top.End(false) })
				time.Sleep(time.Second)
				synctest.Wait()
				f.say("still waiting")
				close(free)
				synctest.Wait()
			},
			1,
			[]string{"a ended", "b ended", "top ended", "b gone", "top gone", "still waiting", "a gone"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFloor()
				tt.do(f)
				synctest.Wait()
				if diff := cmp.Diff(tt.want, f.said); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
				}
				if len(f.revoked) != tt.revoked {
					t.Errorf("%d strands have lost the turn, want %d: %s", len(f.revoked), tt.revoked, tt.reason)
				}
				if f.Strands() != 0 || f.LiveOff() != 0 {
					t.Errorf("%d strands are left, %d are off", f.Strands(), f.LiveOff())
				}
			})
		})
	}
}

// Code that computes keeps the turn, however long others wait.
func TestComputingKeepsTheTurn(t *testing.T) {
	t.Parallel()
	f := newFloor()
	done := make(chan struct{})
	f.Post(func() {
		f.begin(nil, "a", func(s *turn.Strand) {
			f.outside(s, func() {
				for began := time.Now(); time.Since(began) < 100*time.Millisecond; {
				}
				f.say("has computed")
			})
		})
		f.begin(nil, "b", func(*turn.Strand) { f.say("the other") })
		f.Post(func() { close(done) })
	})
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("nothing goes on")
	}
	f.Post(func() {
		want := []string{"has computed", "a gone", "the other", "b gone"}
		if diff := cmp.Diff(want, f.said); diff != "" || len(f.revoked) > 0 {
			t.Errorf("%d strands have lost the turn, with the stacks %q (-want +got):\n%s", len(f.revoked), f.stacks, diff)
		}
	})
}

// At rest no timer is set, so a bubble notices that its goroutines wait forever. This test runs in
// a process of its own, which must fail.
func TestDeadlockIsDetected(t *testing.T) {
	t.Parallel()
	const inside = "PERDURE_DEADLOCK"
	if os.Getenv(inside) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDeadlockIsDetected$", "-test.timeout=20s")
		cmd.Env = append(os.Environ(), inside+"=1")
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "all goroutines in bubble are blocked") {
			t.Errorf("%v:\n%s", err, out)
		}
		return
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFloor()
		f.on(func() {
			s := f.begin(nil, "a", func(s *turn.Strand) {
				f.outside(s, func() { time.Sleep(time.Second) }) // the watchdog is set meanwhile
				s.Park(nil)
			})
			f.begin(nil, "b", func(*turn.Strand) { s.Park(nil) })
		})
		<-make(chan struct{})
	})
}
