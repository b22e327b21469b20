package node

// Origin returns the operation whose payload n has: n itself, unless n passes on that of another.
func Origin(n Node) Node {
	for {
		var of Node
		switch n := n.(type) {
		case *Group:
			of = n.Of
		case *Await:
			of = n.Of
		case *Step, *Wait, *Callback, *Invoke, *Batch, *Choice, *Inline:
		}
		if of == nil {
			return n
		}
		n = of
	}
}

// FromOutside reports whether the payload of n is written by others: whether it can be decoded is
// then a question of data, not of code.
func FromOutside(n Node) bool {
	switch n := Origin(n).(type) {
	case *Callback, *Invoke:
		return true
	case *Group:
		return n.Outside
	case *Step, *Wait, *Batch, *Await, *Choice, *Inline:
	}
	return false
}
