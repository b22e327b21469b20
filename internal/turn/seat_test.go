package turn_test

import (
	"testing"
	"testing/synctest"

	"github.com/perdure/perdure/internal/turn"
)

// elsewhere has f called on a goroutine of its own, and waits for it.
func elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func TestWhoCallsFromASeat(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason     string
		call       func(f *floor, s *turn.Strand, p *turn.Seat, enter func())
		enter, who turn.Caller
	}{
		{
			"the code that has the turn",
			func(f *floor, _ *turn.Strand, p *turn.Seat, enter func()) { f.Leave(p); enter() }, turn.Own, turn.Own,
		},
		{
			"a function that the engine calls",
			func(f *floor, _ *turn.Strand, p *turn.Seat, enter func()) { f.Leave(p); p.Enter(); enter() }, turn.Inside, turn.Own,
		},
		{
			"a function that the engine calls before the strand was outside",
			func(_ *floor, _ *turn.Strand, _ *turn.Seat, enter func()) { enter() }, turn.Inside, turn.Own,
		},
		{
			"an outer seat, from the code of an inner one",
			func(f *floor, s *turn.Strand, p *turn.Seat, enter func()) {
				var inner turn.Seat
				inner.Sit(s)
				f.Leave(p)
				p.Enter()
				f.Leave(&inner)
				enter()
			}, turn.Inside, turn.Own,
		},
		{
			"a seat whose code goes on after an inner one",
			func(f *floor, s *turn.Strand, p *turn.Seat, enter func()) {
				var inner turn.Seat
				inner.Sit(s)
				f.Leave(p)
				p.Enter()
				f.Leave(&inner)
				s.Regain()
				f.Leave(p)
				enter()
			}, turn.Own, turn.Own,
		},
		{
			"the strand's goroutine, off the turn",
			func(_ *floor, s *turn.Strand, _ *turn.Seat, enter func()) { s.Off(turn.Body, enter) }, turn.InBody, turn.InBody,
		},
		{
			"another goroutine, while the strand is off the turn",
			func(_ *floor, s *turn.Strand, _ *turn.Seat, enter func()) {
				s.Off(turn.Work, func() { elsewhere(enter) })
			}, turn.Helper, turn.Helper,
		},
		{
			"another goroutine, while the strand has the turn",
			func(f *floor, _ *turn.Strand, p *turn.Seat, enter func()) { f.Leave(p); elsewhere(enter) }, turn.Foreign, turn.Foreign,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFloor()
				var enter, who turn.Caller
				f.on(func() {
					f.begin(nil, "a", func(s *turn.Strand) {
						var p turn.Seat
						p.Sit(s)
						if p.Strand() != s {
							t.Error("the seat is not the strand's")
						}
						tt.call(f, s, &p, func() { who, enter = p.Who(), p.Enter() })
					})
				})
				if enter != tt.enter || who != tt.who {
					t.Errorf("entered as %d, called by %d; want %d and %d", enter, who, tt.enter, tt.who)
				}
			})
		})
	}
}

// The goroutine of a strand that has ended may be another one's by now.
func TestSeatOfAStrandThatHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor()
		var p turn.Seat
		f.on(func() {
			p.Sit(f.begin(nil, "a", func(s *turn.Strand) {}))
			f.begin(nil, "b", func(*turn.Strand) {
				if who := p.Enter(); who != turn.Foreign {
					t.Errorf("entered as %d", who)
				}
			})
		})
	})
}

// User is whose code has the turn, for those who have not.
func TestUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor()
		f.on(func() {
			f.begin(nil, "a", func(s *turn.Strand) {
				var p turn.Seat
				p.Sit(s)
				check := func(when string, want *turn.Strand) {
					elsewhere(func() {
						if got := f.User(); got != want {
							t.Errorf("%s: %v, want %v", when, got, want)
						}
						if f.Caller() != nil {
							t.Errorf("%s: another goroutine counts as the strand's", when)
						}
					})
				}
				check("in the engine", nil)
				f.Leave(&p)
				check("outside", s)
				p.Enter()
				check("in the engine again", nil)
				s.Off(turn.Body, func() {
					check("off the turn", nil)
					if f.Caller() != nil {
						t.Error("a strand that is off has the turn")
					}
				})
			})
		})
	})
}

// A function that fails in the middle of what the engine does hands the turn back with Regain, once
// or twice.
func TestRegainTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor()
		f.on(func() {
			f.begin(nil, "a", func(s *turn.Strand) {
				var p turn.Seat
				p.Sit(s)
				s.Regain()
				f.Leave(&p)
				s.Regain()
				s.Regain()
				if f.User() != nil || f.Caller() != s {
					t.Error("the engine does not have the turn")
				}
			})
		})
	})
}
