package local_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
)

func TestVirtualClockStandsStill(t *testing.T) {
	t.Parallel()
	c := local.NewVirtualClock(start.Add(1500 * time.Microsecond))
	if got := c.Now(); !got.Equal(start.Add(time.Millisecond)) {
		t.Errorf("the clock shows %v", got)
	}
	if _, ok := c.Next(); ok {
		t.Error("there is a timer")
	}
	fired := false
	c.AfterFunc(0, func() { fired = true })
	if fired {
		t.Error("a timer has fired by itself")
	}
	if at, ok := c.Next(); !ok || !at.Equal(c.Now()) {
		t.Errorf("the next timer is at %v", at)
	}
	if c.Advance(0); !fired {
		t.Error("a timer that is due has not fired")
	}
}

// TestTimersFireInOrder says in which order, at which time, and that each fires once.
func TestTimersFireInOrder(t *testing.T) {
	t.Parallel()
	c := local.NewVirtualClock(start)
	var fired []string
	set := func(name string, d time.Duration) func() bool {
		return c.AfterFunc(d, func() { fired = append(fired, name+" "+c.Now().Sub(start).String()) })
	}
	set("late", 3*time.Second)
	set("early", time.Second)
	set("tie", 3*time.Second)
	set("past", -time.Second)
	stop := set("stopped", 2*time.Second)
	c.AfterFunc(time.Second, func() { set("nested", time.Second) })
	if !stop() || stop() {
		t.Error("a timer is stopped once")
	}
	c.Advance(2 * time.Second)
	c.AdvanceTo(start) // the clock does not go back
	c.Advance(8 * time.Second)
	want := []string{"past 0s", "early 1s", "nested 2s", "late 3s", "tie 3s"}
	if !slices.Equal(fired, want) {
		t.Errorf("fired %v, want %v", fired, want)
	}
	if got := c.Now().Sub(start); got != 10*time.Second {
		t.Errorf("%v have passed", got)
	}
}

// TestTimeCanPassInATimer says that a timer may advance the clock that fires it.
func TestTimeCanPassInATimer(t *testing.T) {
	t.Parallel()
	c := local.NewVirtualClock(start)
	var inner time.Duration
	c.AfterFunc(5*time.Second, func() { inner = c.Now().Sub(start) })
	c.AfterFunc(time.Second, func() { c.Advance(6 * time.Second) })
	c.Advance(2 * time.Second)
	if got := c.Now().Sub(start); inner != 5*time.Second || got != 7*time.Second {
		t.Errorf("the inner timer fired at %v, the clock shows %v", inner, got)
	}
}

// TestShuffle says that a seed decides the order of what happens at one time, and nothing else.
func TestShuffle(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (order []int) {
		c := local.NewVirtualClock(start)
		c.Shuffle(seed)
		for i := range 10 {
			c.AfterFunc(time.Duration(1+i/5)*time.Second, func() { order = append(order, i) })
		}
		c.Advance(time.Minute)
		return order
	}
	orders := map[string]bool{}
	for seed := range uint64(20) {
		got := run(seed)
		if !slices.Equal(got, run(seed)) {
			t.Errorf("seed %d: two orders", seed)
		}
		for i, n := range got {
			if (i < 5) != (n < 5) {
				t.Errorf("seed %d: %v is not by time", seed, got)
			}
		}
		orders[fmt.Sprint(got)] = true
	}
	if len(orders) < 15 {
		t.Errorf("20 seeds make %d orders", len(orders))
	}
}
