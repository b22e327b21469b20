package node

// Choice is an operation of which the log decides which of two it is: executions that have begun
// the old one in this place end it, all others run the new one. Nil is a side that claims nothing.
//
// It is resolved before anything is claimed: an interpreter runs one of the [Sides], and says in
// [Result.Sides] which.
type Choice struct {
	New, Old Node
	// Left says that Old is not run: what has begun is left as it is.
	Left bool
	// As is the constructor, for messages.
	As string
	// Err is what is wrong with the declaration, beside what is wrong with its sides.
	Err error
}

// Head returns the header of the newest side that claims something, with what is wrong with the
// declaration or with a side. A Choice has none of its own: a replay makes one for each declared
// change that it passes.
func (c *Choice) Head() *Header {
	n, err := c.New, c.Err
	if n == nil {
		n = c.Old
	}
	h := n.Head()
	if err == nil && h.Err == nil && c.Old != nil {
		err = c.Old.Head().Err
	}
	if err == nil {
		return h
	}
	refused := *h
	refused.Err = err
	return &refused
}

// Inline is code that runs in the scope around it. It claims nothing itself; its name is for
// messages.
type Inline struct {
	Header

	Body ScopeBody
}

func (*Choice) node() {}
func (*Inline) node() {}

// Sides says which side of a [Choice] was taken, and of each Choice that this side is: the
// outermost has the lowest bit, which is set for Old. The zero value is the newest side of all.
type Sides uint64

// MostSides is how deep choices may be nested.
const MostSides = 64

// Under returns the sides of a Choice whose side Old, or New, was taken, which took s.
func (s Sides) Under(old bool) Sides {
	s <<= 1
	if old {
		s |= 1
	}
	return s
}

// Split returns whether the outermost Choice took its side Old, and what that took.
func (s Sides) Split() (old bool, inner Sides) { return s&1 != 0, s >> 1 }

// Side returns what is left of n when each Choice has taken its side: n itself unless it is a
// Choice. It is nil if that claims nothing.
func Side(n Node, s Sides) Node {
	for {
		c, ok := n.(*Choice)
		if !ok {
			return n
		}
		old, inner := s.Split()
		if n, s = c.New, inner; old {
			n = c.Old
		}
	}
}

// Walk calls visit for each side of n that is no Choice and not nil, the newest first, until it
// returns false: n itself unless it is a Choice. left says that the side is not run.
func Walk(n Node, visit func(side Node, s Sides, left bool) bool) { walk(n, 0, 0, false, visit) }

func walk(n Node, s Sides, depth int, left bool, visit func(Node, Sides, bool) bool) bool {
	c, ok := n.(*Choice)
	switch {
	case n == nil:
		return true
	case !ok:
		return visit(n, s, left)
	case depth == MostSides:
		return true
	}
	return walk(c.New, s, depth+1, left, visit) && walk(c.Old, s|1<<depth, depth+1, left || c.Left, visit)
}

// Depth is how many choices are nested in n.
func Depth(n Node) int {
	c, ok := n.(*Choice)
	if !ok {
		return 0
	}
	return 1 + max(Depth(c.New), Depth(c.Old))
}
