package changes

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Maker makes random programs and random changes of them. All names that it gives are different,
// but those of statements that are meant to repeat one.
type Maker struct {
	r       *rand.Rand
	names   int
	changes int
	// theme is what programs are about: large ones have what small ones have not, and of small
	// ones a change meets more.
	theme theme
	// Timers says whether programs may have a limit that would pass while an execution is held.
	Timers bool
	// Drawn counts the changes that were made, by what they are.
	Drawn map[string]int
}

// theme is what a program is about.
type theme int

const (
	mixed   theme = iota // everything
	small                // a few statements
	beside               // a batch
	bounded              // a batch that fails before all of its branches have had their turn
	weighty              // a batch whose results are too large, and whose operands come and go
)

// NewMaker returns a Maker that makes the same of the same seed.
func NewMaker(seed uint64) *Maker {
	m := &Maker{r: rand.New(rand.NewPCG(seed, 18)), Timers: true, Drawn: make(map[string]int)}
	m.theme = []theme{mixed, mixed, small, small, beside, bounded, weighty}[m.r.IntN(7)]
	return m
}

// Rand is what the Maker draws from.
func (m *Maker) Rand() *rand.Rand { return m.r }

func (m *Maker) name() string {
	m.names++
	return fmt.Sprintf("n%d", m.names)
}

// one says yes once in n times.
func (m *Maker) one(n int) bool { return m.r.IntN(n) == 0 }

// Program makes a program.
func (m *Maker) Program() []*Stmt {
	switch m.theme {
	case small:
		return m.list(2+m.r.IntN(3), 1, true)
	case beside:
		return []*Stmt{m.batch(1), m.plain()}
	case bounded:
		return []*Stmt{m.bounded(), m.plain()}
	case weighty:
		return []*Stmt{m.weighty(), m.plain()}
	case mixed:
	}
	return m.list(2+m.r.IntN(4), 2, true)
}

// large says whether a result is to be too large for its record.
func (m *Maker) large() bool {
	return m.one(map[theme]int{mixed: 12, small: 8, beside: 5, bounded: 5, weighty: 5}[m.theme])
}

func (m *Maker) list(n, depth int, futures bool) []*Stmt {
	var list []*Stmt
	for range n {
		switch draw := m.r.IntN(100); {
		case draw < 16 && depth > 0:
			list = append(list, m.group(depth))
		case draw < 30 && depth > 0:
			list = append(list, m.batch(depth))
		case draw < 38 && depth > 0:
			list = append(list, m.open(depth))
		case draw < 46 && futures:
			list = append(list, &Stmt{Kind: Future, Body: []*Stmt{m.plain()}, Forgotten: m.one(4)})
			if m.one(3) {
				list = append(list, &Stmt{Kind: Await})
			}
		case draw < 54:
			name := m.name()
			for i := range 2 + m.r.IntN(2) {
				list = append(list, &Stmt{Kind: Step, Name: name, Nth: i})
			}
		default:
			list = append(list, m.plain())
		}
	}
	return list
}

// plain makes an operation that has nothing inside.
func (m *Maker) plain() *Stmt {
	s := &Stmt{Kind: Step, Name: m.name()}
	switch draw := m.r.IntN(100); {
	case draw < 50:
		s.Undo, s.Relaxed = m.one(3), m.one(8)
	case draw < 70:
		s.Kind = Wait
	default:
		s.Kind = []Kind{Flaky, Retry, Callback, Invoke, Condition, Race, Map}[m.r.IntN(7)]
	}
	return s
}

// group makes a group.
func (m *Maker) group(depth int) *Stmt {
	g := &Stmt{Kind: Group, Name: m.name(), Fails: m.one(3)}
	g.Body = m.list(1+m.r.IntN(4), depth-1, true)
	if !g.Fails {
		g.Large = m.large()
		return g
	}
	if m.one(5) {
		g.Late = true
		g.Body = append(g.Body, &Stmt{Kind: Future, Forgotten: true, Body: []*Stmt{m.loud(false)}})
	}
	m.undone(g.Body)
	return g
}

// undone gives statements of a scope that fails compensations.
func (m *Maker) undone(list []*Stmt) {
	for _, s := range list {
		switch s.Kind {
		case Step:
			s.Undo = s.Undo || !repeated(list, s)
		case Group, Open, Batch, Map, Condition:
			s.Undo = !s.Fails && m.one(2)
		case Future:
			m.undone(s.Body)
		case Flaky, Retry, Wait, Callback, Never, Invoke, Race, Await, Declared:
		}
	}
}

// loud makes a group that fails, which nothing catches.
func (m *Maker) loud(branch bool) *Stmt {
	s := &Stmt{Kind: Group, Name: m.name(), Fails: true, Loud: true, Fixed: true, Branch: branch, Body: []*Stmt{m.plain()}}
	if m.one(2) {
		s.Body = append(s.Body, &Stmt{Kind: Wait, Name: m.name()})
	}
	m.undone(s.Body)
	return s
}

// never makes an operation that does not end: a group of a step and a callback, or the callback.
func (m *Maker) never() *Stmt {
	s := &Stmt{Kind: Never, Name: m.name(), Fixed: true}
	if m.one(2) {
		return s
	}
	return &Stmt{Kind: Group, Name: m.name(), Body: []*Stmt{{Kind: Step, Name: m.name(), Undo: m.Timers, Fixed: true}, s}}
}

// open makes an open parallel.
func (m *Maker) open(depth int) *Stmt {
	o := &Stmt{Kind: Open, Name: m.name(), Most: m.r.IntN(4), Fails: m.one(3)}
	for range 2 + m.r.IntN(3) {
		if m.one(5) {
			o.Body = append(o.Body, m.plain())
		}
		o.Body = append(o.Body, &Stmt{Kind: Future, Body: []*Stmt{m.branch(depth)}, Forgotten: m.one(4)})
		if m.one(4) {
			o.Body = append(o.Body, &Stmt{Kind: Await})
		}
	}
	if !o.Fails {
		return o
	}
	if o.Late = m.one(2); o.Late {
		o.Body = append(o.Body, &Stmt{Kind: Future, Forgotten: true, Body: []*Stmt{m.loud(true)}})
	} else if m.one(2) {
		o.Most = 0
		never := m.never()
		if never.Kind == Never {
			never = &Stmt{Kind: Group, Name: m.name(), Body: []*Stmt{never}}
		}
		never.Branch = true
		o.Body = slices.Insert(o.Body, m.r.IntN(len(o.Body)+1), &Stmt{Kind: Future, Forgotten: true, Body: []*Stmt{never}})
	}
	m.undone(o.Body)
	return o
}

// branch makes a branch of an open parallel.
func (m *Maker) branch(depth int) *Stmt {
	return &Stmt{Kind: Group, Name: m.name(), Branch: true, Body: m.list(1+m.r.IntN(2), depth-1, false)}
}

// batch makes a batch.
func (m *Maker) batch(depth int) *Stmt {
	b := &Stmt{Kind: Batch, Name: m.name(), Rule: Rule(m.r.IntN(int(Indexed) + 1))}
	switch {
	case b.Rule == Limit:
		if !m.Timers {
			b.Rule = All
		}
		b.Body = []*Stmt{m.operand(b, depth)}
		return b
	case b.Rule.One():
		winner := m.winner(b, depth)
		winner.Wins = true
		b.Body = []*Stmt{winner}
		for range 1 + m.r.IntN(2) {
			b.Body = append(b.Body, m.loser(b))
		}
	default:
		for range 2 + m.r.IntN(2) {
			b.Body = append(b.Body, m.operand(b, depth))
		}
		b.Most = m.r.IntN(3)
		if b.Rule == Settled && m.one(2) {
			b.Body = append(b.Body, m.as(b, m.loud(false)))
		}
		if b.Fails = b.Rule != Settled && m.one(3); b.Fails {
			b.Body = append(b.Body, m.as(b, m.loud(false)))
			if m.one(3) {
				b.Most = 0
				b.Body = append(b.Body, m.as(b, m.never()))
			}
			m.undone(b.Body)
			for _, o := range b.Body {
				o.Large = false
			}
		}
	}
	m.r.Shuffle(len(b.Body), func(i, j int) { b.Body[i], b.Body[j] = b.Body[j], b.Body[i] })
	return b
}

// bounded makes a batch of which one branch fails, while others have begun and others have not.
func (m *Maker) bounded() *Stmt {
	b := &Stmt{Kind: Batch, Name: m.name(), Rule: []Rule{All, Parallel, Parallel, FlatParallel, Keyed, FlatKeyed}[m.r.IntN(6)], Fails: true, Most: 1 + m.r.IntN(2)}
	for range 1 + m.r.IntN(2) {
		g := &Stmt{Kind: Group, Name: m.name(), Body: []*Stmt{{Kind: Step, Name: m.name()}, {Kind: Wait, Name: m.name()}}}
		b.Body = append(b.Body, m.as(b, g))
	}
	b.Body = append(b.Body, m.operand(b, 1), m.as(b, m.loud(false)))
	m.undone(b.Body)
	for _, o := range b.Body {
		m.undone(o.Body)
	}
	m.r.Shuffle(len(b.Body), func(i, j int) { b.Body[i], b.Body[j] = b.Body[j], b.Body[i] })
	return b
}

// weighty makes a batch one of whose operands is too large for its record, and ends before others
// do that may come and go.
func (m *Maker) weighty() *Stmt {
	rules := []Rule{All, Settled, Parallel, Parallel, FlatParallel, FlatParallel, Keyed, FlatKeyed, Any, First, Winner}
	b := &Stmt{Kind: Batch, Name: m.name(), Rule: rules[m.r.IntN(len(rules))]}
	for i := range 2 + m.r.IntN(2) {
		if i > 0 && b.Rule.One() {
			b.Body = append(b.Body, m.loser(b))
			continue
		}
		g := &Stmt{Kind: Group, Name: m.name(), Large: i == 0, Wins: b.Rule.One()}
		for range 1 + m.r.IntN(2) {
			g.Body = append(g.Body, &Stmt{Kind: Wait, Name: m.name(), Fixed: g.Wins})
		}
		b.Body = append(b.Body, m.as(b, g))
	}
	m.r.Shuffle(len(b.Body), func(i, j int) { b.Body[i], b.Body[j] = b.Body[j], b.Body[i] })
	return b
}

// operand makes an operand of a batch that ends without failing.
func (m *Maker) operand(b *Stmt, depth int) *Stmt {
	switch draw := m.r.IntN(100); {
	case draw < 45:
		o := m.plain()
		o.Undo = o.Undo && b.Rule != Limit // which has it as its own
		return m.as(b, o)
	case draw < 50 && depth > 1:
		return m.as(b, m.group(depth-1))
	case draw < 85 || depth < 2:
		g := &Stmt{Kind: Group, Name: m.name(), Body: m.list(1+m.r.IntN(3), max(0, depth-2), m.one(2))}
		g.Large = !b.Fails && m.large()
		return m.as(b, g)
	case draw < 95:
		return m.as(b, m.batch(depth-1))
	}
	return m.as(b, m.open(depth-1))
}

// winner makes an operand that ends before those that do not end, and after what they do before.
func (m *Maker) winner(b *Stmt, depth int) *Stmt {
	if !m.Timers { // there is nothing that must be over by then
		return m.operand(b, depth)
	}
	wait := &Stmt{Kind: Wait, Name: m.name(), Fixed: true}
	return m.as(b, &Stmt{Kind: Group, Name: m.name(), Body: []*Stmt{wait, m.operand(b, depth)}})
}

// loser makes an operand of a batch that ends as one of them, which is not that one.
func (m *Maker) loser(b *Stmt) *Stmt {
	if b.Rule == Any && m.one(2) {
		loud := m.loud(false)
		for _, s := range loud.Body {
			s.Undo, s.Fixed = s.Undo && m.Timers, true
		}
		return m.as(b, loud)
	}
	return m.as(b, m.never())
}

// as gives an operand what identifies it in a batch.
func (m *Maker) as(b, o *Stmt) *Stmt {
	if b.Rule == Keyed || b.Rule == FlatKeyed || b.Rule != Indexed && m.one(6) {
		o.Key = "k" + m.name()
	}
	return o
}

// repeats reports whether a name repeats.
func repeats(list []*Stmt) bool {
	return slices.ContainsFunc(list, func(s *Stmt) bool { return s.Name != "" && repeated(list, s) })
}

// repeated reports whether the name of s is that of another statement.
func repeated(list []*Stmt, s *Stmt) bool {
	return slices.ContainsFunc(list, func(o *Stmt) bool { return o != s && o.Name == s.Name })
}
