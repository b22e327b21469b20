package node

// With returns a copy of n whose header change has changed: of a [Choice], those of its sides.
func With(n Node, change func(*Header)) Node {
	switch n := n.(type) {
	case *Step:
		c := *n
		change(&c.Header)
		return &c
	case *Wait:
		c := *n
		change(&c.Header)
		return &c
	case *Callback:
		c := *n
		change(&c.Header)
		return &c
	case *Invoke:
		c := *n
		change(&c.Header)
		return &c
	case *Group:
		c := *n
		change(&c.Header)
		return &c
	case *Batch:
		c := *n
		change(&c.Header)
		return &c
	case *Await:
		c := *n
		change(&c.Header)
		return &c
	case *Inline:
		c := *n
		change(&c.Header)
		return &c
	case *Choice:
		c := *n
		if c.New != nil {
			c.New = With(c.New, change)
		}
		if c.Old != nil {
			c.Old = With(c.Old, change)
		}
		return &c
	}
	return n
}
