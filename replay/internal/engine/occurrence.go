package engine

// identity is what tells operations of a scope apart, but for the occurrence.
type identity struct{ name, key string }

// occurrences counts the operations of a scope by name and key. The first name needs no map: the scopes
// of most branches have no other.
type occurrences struct {
	first identity // zero: there is none yet
	n     int
	more  map[identity]int
}

// of returns how often a name and key have occurred.
func (o *occurrences) of(id identity) int {
	if o.first == id {
		return o.n
	}
	return o.more[id]
}

// set says how often a name and key have occurred.
func (o *occurrences) set(id identity, n int) {
	switch {
	case o.first == id, o.first == identity{}:
		o.first, o.n = id, n
	case o.more == nil:
		o.more = map[identity]int{id: n}
	default:
		o.more[id] = n
	}
}
