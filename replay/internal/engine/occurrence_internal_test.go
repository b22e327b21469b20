package engine

import (
	"fmt"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/internal/draws"
)

// counted is a scope that counts by the rule alone: each claim and each name that is passed over is
// one occurrence.
type counted struct {
	n       map[identity]int
	past    map[identity]bool
	claimed map[identity]bool // the first occurrence: what the log knows
}

// occurred is what a scope says of a name and key, which asks the log where that is not sure.
func (c *counted) occurred(o *occurrences, id identity) (n int, kept bool) {
	u, kept := o.of(id)
	n = int(u.n)
	if !u.sure && c.claimed[id] {
		n++
	}
	return n, kept
}

// TestOccurrencesAreCounted claims names and keys and passes them over, in any order.
func TestOccurrencesAreCounted(t *testing.T) {
	t.Parallel()
	parameters := gopter.DefaultTestParameters()
	parameters.MinSuccessfulTests = draws.Count(500)
	properties := gopter.NewProperties(parameters)
	properties.Property("claimed, passed over, set", prop.ForAll(func(commands []uint16, names uint8) string {
		c := counted{n: map[identity]int{}, past: map[identity]bool{}, claimed: map[identity]bool{}}
		o := &occurrences{}
		for _, command := range commands {
			id := identity{name: fmt.Sprint("n", command%(uint16(names)%24+1)/2)}
			if command%2 == 1 {
				id.key = "k"
			}
			if n, _ := c.occurred(o, id); n != c.n[id] {
				return fmt.Sprintf("%v has occurred %d times, want %d", id, n, c.n[id])
			}
			switch command >> 12 % 8 {
			case 0, 1, 2:
				n, kept := c.occurred(o, id)
				o.claimed(id, n+1, kept)
				c.claimed[id] = c.claimed[id] || n == 0
				c.n[id]++
			case 3:
				o.pass(id, true, false)
				c.n[id]++
			case 4:
				o.pass(id, true, true)
				c.n[id]++
				c.past[id] = true
			case 5:
				o.pass(id, false, true)
				c.past[id] = true
			case 6:
				n := int(command >> 9 % 3)
				o.set(id, n)
				c.n[id] = n
			case 7:
				looked := o.clone()
				looked.pass(id, true, true) // changes nothing of what was copied
			}
			if o.wasPast(id) != c.past[id] {
				return fmt.Sprintf("%v: an old side has had the name: %t, want %t", id, !c.past[id], c.past[id])
			}
		}
		for id, want := range c.n {
			if n, _ := c.occurred(o, id); n != want {
				return fmt.Sprintf("in the end %v has occurred %d times, want %d", id, n, want)
			}
		}
		return ""
	}, gen.SliceOf(gen.UInt16()), gen.UInt8()))
	properties.TestingRun(t)
}
