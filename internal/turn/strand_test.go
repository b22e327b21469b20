package turn_test

import (
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/internal/turn"
)

// floor is a turn in a synctest bubble, and what its strands have said.
type floor struct {
	*turn.Turn

	said      []string
	quiescent func() bool
	idle      func() bool
	output    func()
	waiting   bool
	revoked   []*turn.Strand
	stacks    []string
}

func newFloor() *floor {
	f := &floor{}
	f.Turn = turn.New(f)
	return f
}

func (f *floor) say(what string) { f.said = append(f.said, what) }

func (f *floor) Output() {
	if f.output != nil {
		f.output()
	}
}
func (f *floor) Quiescent() bool         { return f.quiescent != nil && f.quiescent() }
func (f *floor) Idle() bool              { return f.idle != nil && f.idle() }
func (f *floor) Waiting() bool           { return f.waiting }
func (f *floor) Crashed(v any, _ []byte) { f.say("crashed: " + v.(string)) } //nolint:forcetypeassert // the test has put it there
func (f *floor) Revoked(s *turn.Strand, stack []byte) {
	f.revoked = append(f.revoked, s)
	f.stacks = append(f.stacks, string(stack))
}

// runner is a task that is a function.
type runner struct {
	f    *floor
	name string
	run  func(s *turn.Strand)
	s    *turn.Strand
}

func (r *runner) Ended() { r.f.say(r.name + " ended") }

func (r *runner) Run() { r.run(r.s) }

// Left says that the strand is gone. A panic goes on.
func (r *runner) Left(v any, _ bool) {
	if v != nil {
		panic(v)
	}
	r.f.say(r.name + " gone")
}

// begin spawns a strand, with the turn.
func (f *floor) begin(parent *turn.Strand, name string, run func(s *turn.Strand)) *turn.Strand {
	r := &runner{f: f, name: name, run: run}
	r.s = f.Spawn(parent, r)
	return r.s
}

// on has f called with the turn, and waits until nothing goes on.
func (f *floor) on(event func()) {
	f.Post(event)
	synctest.Wait()
}

func forever(s *turn.Strand) {
	for {
		s.Park("forever")
	}
}

func TestStrands(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		do           func(f *floor)
		want         []string
	}{
		{
			"parents and children", "what unwinds may use what its parent's deferred functions take away",
			func(f *floor) {
				var top *turn.Strand
				f.on(func() {
					top = f.begin(nil, "top", func(s *turn.Strand) {
						f.begin(s, "a", func(s *turn.Strand) {
							f.begin(s, "a1", forever)
							forever(s)
						})
						f.begin(s, "b", forever)
						forever(s)
					})
				})
				f.on(func() { top.End(false); f.say("end returns") })
			},
			[]string{
				"a1 ended", "a ended", "b ended", "top ended", "end returns", "a1 gone", "a gone", "b gone", "top gone",
			},
		},
		{
			"a child of a child that is through", "it ends with its grandparent",
			func(f *floor) {
				var top *turn.Strand
				f.on(func() {
					top = f.begin(nil, "top", func(s *turn.Strand) {
						f.begin(s, "a", func(s *turn.Strand) { f.begin(s, "a1", forever) })
						forever(s)
					})
				})
				f.on(func() { top.End(false) })
			},
			[]string{"a gone", "a1 ended", "top ended", "a1 gone", "top gone"},
		},
		{
			"a strand that never began", "its function is not called, not even to unwind",
			func(f *floor) {
				f.on(func() { f.begin(nil, "a", forever).End(false) })
			},
			[]string{"a ended"},
		},
		{
			"the caller among them", "it unwinds when it parks, after the others",
			func(f *floor) {
				f.on(func() {
					f.begin(nil, "top", func(s *turn.Strand) {
						f.begin(s, "a", forever)
						b := f.begin(s, "b", forever)
						f.begin(nil, "waker", func(*turn.Strand) { s.Wake() })
						s.Park(nil)
						s.End(false)
						f.say("it goes on")
						if !b.Dead() {
							f.say("b lives")
						}
						s.Park(nil)
						f.say("never")
					})
				})
			},
			[]string{"waker gone", "a ended", "b ended", "top ended", "it goes on", "top gone", "a gone", "b gone"},
		},
		{
			"later", "nothing unwinds before its release, nor is woken",
			func(f *floor) {
				var a *turn.Strand
				f.on(func() { a = f.begin(nil, "a", forever) })
				f.on(func() { a.End(true); a.Wake() })
				f.on(func() { f.say("release"); a.Release() })
			},
			[]string{"a ended", "release", "a gone"},
		},
		{
			"later, and an ancestor now", "children before parents",
			func(f *floor) {
				var top, a *turn.Strand
				f.on(func() {
					top = f.begin(nil, "top", func(s *turn.Strand) { a = f.begin(s, "a", forever); forever(s) })
				})
				f.on(func() { a.End(true) })
				f.on(func() { top.End(false) })
			},
			[]string{"a ended", "top ended", "a gone", "top gone"},
		},
		{
			"ended off the turn", "it unwinds when it comes back, and does not return",
			func(f *floor) {
				away := make(chan struct{})
				var a *turn.Strand
				f.on(func() {
					a = f.begin(nil, "a", func(s *turn.Strand) { s.Off(turn.Body, func() { <-away }); f.say("never") })
				})
				f.on(func() { a.End(false); a.Wake() })
				close(away)
				synctest.Wait()
			},
			[]string{"a ended", "a gone"},
		},
		{
			"a panic off the turn of a strand that was ended", "what is over does not fail",
			func(f *floor) {
				away := make(chan struct{})
				var a *turn.Strand
				f.on(func() {
					a = f.begin(nil, "a", func(s *turn.Strand) {
						defer func() {
							if v := recover(); v != nil {
								f.say("recovered")
							}
						}()
						s.Off(turn.Body, func() { <-away; panic("late") })
					})
				})
				f.on(func() { a.End(false) })
				close(away)
				synctest.Wait()
			},
			[]string{"a ended", "a gone"},
		},
		{
			"a panic off the turn", "it is the strand's own, with the turn",
			func(f *floor) {
				f.on(func() {
					f.begin(nil, "a", func(s *turn.Strand) {
						defer func() {
							if f.Caller() != s {
								f.say("without the turn")
							}
							f.say(recover().(string)) //nolint:forcetypeassert // the test has put it there
						}()
						s.Off(turn.Work, func() { panic("in work") })
					})
				})
			},
			[]string{"in work", "a gone"},
		},
		{
			"the goroutine ends off the turn", "the strand ends with the turn, and the others go on",
			func(f *floor) {
				f.on(func() {
					f.begin(nil, "a", func(s *turn.Strand) {
						defer func() {
							if f.Caller() != s {
								f.say("without the turn")
							}
						}()
						s.Off(turn.Body, runtime.Goexit)
					})
				})
				f.on(func() { f.begin(nil, "b", func(*turn.Strand) {}) })
			},
			[]string{"a gone", "b gone"},
		},
		{
			"the goroutine ends", "the others go on",
			func(f *floor) {
				f.on(func() {
					f.begin(nil, "a", func(*turn.Strand) { runtime.Goexit() })
					f.begin(nil, "b", func(*turn.Strand) {})
				})
			},
			[]string{"a gone", "b gone"},
		},
		{
			"woken before it parks", "a wake-up of what is not parked is none",
			func(f *floor) {
				var a *turn.Strand
				f.on(func() {
					a = f.begin(nil, "a", func(s *turn.Strand) {
						s.Wake()
						s.Park(nil)
						f.say("goes on")
					})
				})
				f.say("parked")
				f.on(func() { a.Wake(); a.Wake() })
			},
			[]string{"parked", "goes on", "a gone"},
		},
		{
			"it parks in a deferred function while it unwinds", "the functions before it are called all the same",
			func(f *floor) {
				var a *turn.Strand
				f.on(func() {
					a = f.begin(nil, "a", func(s *turn.Strand) {
						defer f.say("first deferred")
						defer func() { s.Park(nil); f.say("never") }()
						defer func() { s.Off(turn.Body, func() { f.say("never") }) }()
						s.Park(nil)
					})
				})
				f.on(func() { a.End(false) })
			},
			[]string{"a ended", "first deferred", "a gone"},
		},
		{
			"an event that panics", "it is reported, and the next one is taken",
			func(f *floor) {
				f.on(func() {
					f.Post(func() { f.begin(nil, "a", func(*turn.Strand) {}) })
					panic("event")
				})
			},
			[]string{"crashed: event", "a gone"},
		},
		{
			"a machine that panics wherever it is asked", "it is reported, and what can go on does",
			func(f *floor) {
				once := func(what string) func() {
					did := false
					return func() {
						if !did {
							did = true
							panic(what)
						}
					}
				}
				out, quiet, idle := once("output"), once("quiescent"), once("idle")
				f.output = out
				f.quiescent = func() bool { quiet(); return false }
				f.idle = func() bool { idle(); return false }
				f.on(func() { f.begin(nil, "a", func(*turn.Strand) {}) })
				f.on(func() { f.begin(nil, "b", func(*turn.Strand) {}) })
			},
			[]string{"crashed: output", "crashed: quiescent", "a gone", "crashed: idle", "b gone"},
		},
		{
			"an event that comes when the machine has nothing to do", "it is taken, although no other follows",
			func(f *floor) {
				rests := 0
				f.idle = func() bool {
					if rests++; rests == 1 {
						f.Post(func() { f.begin(nil, "a", func(*turn.Strand) {}) })
					}
					return false
				}
				f.on(func() {})
			},
			[]string{"a gone"},
		},
		{
			"quiescence", "strands first, then the machine, then one event, and so on",
			func(f *floor) {
				asked := 0
				f.quiescent = func() bool {
					if asked++; asked == 2 || asked == 4 { // the first time is before the first event
						f.begin(nil, "rule", func(*turn.Strand) {})
						return true
					}
					return false
				}
				f.idle = func() bool { f.say("idle"); return false }
				f.on(func() {
					f.begin(nil, "a", func(s *turn.Strand) {
						f.Post(func() { f.say("event 1") })
						f.Post(func() { f.say("event 2") })
						f.begin(nil, "b", func(*turn.Strand) {})
					})
				})
			},
			[]string{"a gone", "b gone", "rule gone", "event 1", "rule gone", "event 2", "idle"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFloor()
				tt.do(f)
				if diff := cmp.Diff(tt.want, f.said); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
				}
				if f.Strands() != 0 || f.LiveOff() != 0 {
					t.Errorf("%d strands are left, %d are off", f.Strands(), f.LiveOff())
				}
			})
		})
	}
}

// What strands say of themselves.
func TestWhatAStrandIsDoing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor()
		away := make(chan struct{})
		var s *turn.Strand
		check := func(when string, why any, off bool, gone bool) {
			t.Helper()
			k, isOff := s.IsOff()
			if s.Why() != why || isOff != off || s.Gone() != gone || off && k != turn.Work {
				t.Errorf("%s: why %v, off %t of kind %d, gone %t", when, s.Why(), isOff, k, s.Gone())
			}
			if n := f.Off(turn.Work); (n == 1) != off || f.Off(turn.Body) != 0 || f.LiveOff() != n {
				t.Errorf("%s: %d are off for work", when, n)
			}
		}
		f.on(func() {
			s = f.begin(nil, "a", func(s *turn.Strand) {
				s.Park("a reason")
				s.Off(turn.Work, func() { <-away })
				check("running", nil, false, false)
			})
			check("ready", nil, false, false)
		})
		check("parked", "a reason", false, false)
		f.on(func() { s.Wake() })
		check("off", nil, true, false)
		if r, ok := s.Task().(*runner); !ok || r.name != "a" {
			t.Errorf("the task is %v", s.Task())
		}
		close(away)
		synctest.Wait()
		check("gone", nil, false, true)
	})
}

// One strand at a time runs, and the first that is ready is the first to run.
func TestStrandsRunOneAtATimeInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor()
		const n, rounds = 50, 20
		total := 0 // without a lock
		var order, want []int
		f.on(func() {
			all := make([]*turn.Strand, n)
			for i := range n {
				all[i] = f.begin(nil, "", func(s *turn.Strand) {
					for range rounds {
						total++
						order = append(order, i)
						f.Post(s.Wake)
						s.Park(nil)
					}
				})
			}
		})
		for range rounds {
			for i := range n {
				want = append(want, i)
			}
		}
		if total != n*rounds || !slices.Equal(order, want) {
			t.Errorf("%d runs of %d, in the order %v", total, n*rounds, order)
		}
	})
}

// Deferred functions of many strands that are ended at once do not race: the race detector would
// say so.
func TestDeferredFunctionsHaveTheTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor()
		total := 0
		var top *turn.Strand
		f.on(func() {
			top = f.begin(nil, "top", func(s *turn.Strand) {
				for range 100 {
					f.begin(s, "", func(s *turn.Strand) {
						defer func() {
							if f.Caller() != s {
								t.Error("a deferred function runs without the turn")
							}
							total++
						}()
						s.Park(nil)
					})
				}
				s.Park(nil)
			})
		})
		f.on(func() { top.End(false) })
		if total != 100 || f.Strands() != 0 {
			t.Errorf("%d deferred functions of 100, %d strands left", total, f.Strands())
		}
	})
}
