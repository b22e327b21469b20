package node

// With returns a copy of n whose header change has changed.
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
	}
	return n
}
