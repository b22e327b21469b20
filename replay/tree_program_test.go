package replay_test

import (
	"fmt"
	"math/rand"
	"strings"
)

// treeKind is what a node of a tree does.
type treeKind int

const (
	treeStep     treeKind = iota
	treeWait              // a wait of some seconds
	treeGroup             // its kids one after the other
	treeMap               // a map whose items are its kids
	treeParallel          // branches
	treeAll
	treeSettled
	treeAny
	treeRace
	treeSelect
	treeJoin    // of two kids
	treeLimited // a kid under a time limit that is long enough
	treeLate    // a wait under a time limit that is too short
	treeKinds
)

func (k treeKind) String() string {
	return [...]string{
		"step", "wait", "group", "map", "parallel", "all", "settled", "any", "race", "select", "join", "limited", "late",
	}[k]
}

// treeRule is the completion rule of a map or parallel.
type treeRule int

const (
	ruleDefault treeRule = iota
	ruleAll
	ruleTolerate1
	ruleMin // as many successes as half of the kids
	treeRules
)

func (r treeRule) String() string { return [...]string{"", "all", "tolerate 1", "min"}[r] }

// tree is a random operation as a value: all combinators, batches, groups, steps and waits.
type tree struct {
	num  int
	kind treeKind
	// fails ends a step or a group with an error.
	fails bool
	// swallow and ahead are for kids of groups: their error is noted and the group goes on; they
	// are started as futures first, and awaited as operands.
	swallow, ahead   bool
	seconds          int // of a wait
	attempts         int // of a step, failed ones
	rule             treeRule
	flat, keyed      bool
	maxOpen, maxBody int
	kids             []*tree
}

// name is unique in the tree.
func (n *tree) name() string { return fmt.Sprintf("%v-%d", n.kind, n.num) }

// least is how many successes ruleMin asks for.
func (n *tree) least() int { return (len(n.kids) + 1) / 2 }

func (n *tree) String() string {
	var b strings.Builder
	n.print(&b, "")
	return b.String()
}

func (n *tree) print(b *strings.Builder, indent string) {
	fmt.Fprintf(b, "%s%s", indent, n.name())
	for text, yes := range map[string]bool{
		"fails": n.fails, "swallowed": n.swallow, "ahead": n.ahead, "flat": n.flat, "keyed": n.keyed,
	} {
		if yes {
			b.WriteString(" " + text)
		}
	}
	for text, v := range map[string]int{"seconds": n.seconds, "failed attempts": n.attempts, "open": n.maxOpen, "running": n.maxBody} {
		if v > 0 {
			fmt.Fprintf(b, " %s %d", text, v)
		}
	}
	fmt.Fprintf(b, " %v\n", n.rule)
	for _, k := range n.kids {
		k.print(b, indent+"  ")
	}
}

// treeGen makes random trees.
type treeGen struct {
	rng          *rand.Rand
	budget, next int
}

// newTree generates the tree of a seed.
func newTree(seed int64) *tree {
	rng := rand.New(rand.NewSource(seed))
	g := &treeGen{rng: rng, budget: 4 + rng.Intn(26)}
	root := g.node(0, treeGroup)
	for g.budget > 0 {
		root.kids = append(root.kids, g.kid(1, true))
	}
	return root
}

func (g *treeGen) kid(depth int, inGroup bool) *tree {
	weights := [treeKinds]int{
		treeStep: 30, treeWait: 12, treeGroup: 10, treeMap: 9, treeParallel: 9, treeAll: 6, treeSettled: 6,
		treeAny: 6, treeRace: 6, treeSelect: 4, treeJoin: 4, treeLimited: 4, treeLate: 3,
	}
	total := 0
	for k, w := range weights {
		if depth > 4 && treeKind(k) > treeWait || g.budget <= 1 && treeKind(k) > treeWait {
			weights[k], w = 0, 0
		}
		total += w
	}
	pick, kind := g.rng.Intn(total), treeStep
	for k, w := range weights {
		if pick -= w; pick < 0 {
			kind = treeKind(k)
			break
		}
	}
	n := g.node(depth, kind)
	if inGroup {
		n.swallow, n.ahead = g.rng.Intn(10) < 7, g.rng.Intn(6) == 0
	}
	return n
}

func (g *treeGen) node(depth int, kind treeKind) *tree {
	g.next++
	g.budget--
	n := &tree{num: g.next, kind: kind}
	kids := 1 + g.rng.Intn(4)
	switch kind {
	case treeStep:
		n.fails = g.rng.Intn(5) == 0
		if g.rng.Intn(6) == 0 {
			n.attempts = 1
		}
		return n
	case treeWait:
		n.seconds = 1 + g.rng.Intn(4)
		return n
	case treeGroup:
		n.fails = depth > 0 && g.rng.Intn(8) == 0
		if depth == 0 {
			kids = 0
		}
	case treeMap, treeParallel:
		n.rule, n.flat, n.keyed = treeRule(g.rng.Intn(int(treeRules))), g.rng.Intn(3) == 0, g.rng.Intn(2) == 0
		kids = g.rng.Intn(5)
		if kids == 0 && n.rule == ruleMin {
			n.rule = ruleAll
		}
	case treeAll, treeSettled:
		kids = g.rng.Intn(5)
	case treeJoin:
		kids = 2
	case treeLimited:
		kids = 1
	case treeLate:
		return n
	case treeAny, treeRace, treeSelect, treeKinds:
	}
	if g.rng.Intn(3) == 0 {
		n.maxOpen = 1 + g.rng.Intn(3)
	}
	if g.rng.Intn(4) == 0 {
		n.maxBody = 1 + g.rng.Intn(2)
	}
	for range kids {
		n.kids = append(n.kids, g.kid(depth+1, kind == treeGroup))
	}
	return n
}

// smaller returns trees with a little less in them.
func (n *tree) smaller() []*tree {
	var out []*tree
	change := func(f func(c *tree)) {
		c := *n
		f(&c)
		out = append(out, &c)
	}
	fixed := n.kind == treeJoin || n.kind == treeLimited
	for i, k := range n.kids {
		if !fixed && (len(n.kids) > 1 || n.kind == treeGroup || n.kind == treeAll || n.kind == treeSettled) {
			change(func(c *tree) { c.kids = append(append([]*tree{}, n.kids[:i]...), n.kids[i+1:]...) })
		}
		for _, s := range k.smaller() {
			change(func(c *tree) {
				c.kids = append([]*tree{}, n.kids...)
				c.kids[i] = s
			})
		}
		for _, grandkid := range k.kids {
			change(func(c *tree) {
				s := *grandkid
				s.swallow, s.ahead = k.swallow, k.ahead
				c.kids = append([]*tree{}, n.kids...)
				c.kids[i] = &s
			})
		}
	}
	for _, f := range []struct {
		set bool
		f   func(c *tree)
	}{
		{n.maxOpen > 0, func(c *tree) { c.maxOpen = 0 }},
		{n.maxBody > 0, func(c *tree) { c.maxBody = 0 }},
		{n.ahead, func(c *tree) { c.ahead = false }},
		{n.attempts > 0, func(c *tree) { c.attempts = 0 }},
		{n.flat, func(c *tree) { c.flat = false }},
		{n.keyed, func(c *tree) { c.keyed = false }},
	} {
		if f.set {
			change(f.f)
		}
	}
	return out
}
