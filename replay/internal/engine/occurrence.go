package engine

import (
	"hash/maphash"
	"math/bits"
	"slices"

	"github.com/perdure/perdure/op/node"
)

// identity is what shows operations of a scope apart, but for the occurrence.
type identity struct{ name, key string }

func identityOf(h *node.Header) identity { return identity{h.Name, h.Key} }

// occurrences counts the operations of a scope by name and key. Which of them have occurred once is
// in the log, which knows by which scope a place was claimed: most operations of most scopes occur
// once, and are not kept here.
type occurrences struct {
	last identity // of the operation that was claimed last
	n    int      // how often it has occurred
	// lastKept says that this is kept as well.
	lastKept bool
	kept     identities
}

// uses is how often a name and key have occurred.
type uses struct {
	n int32
	// sure says that this is all. Otherwise it is what sides of declared changes have used up that
	// were not taken, and a first occurrence that was claimed is to be added: the log knows it.
	sure bool
	// past says that an old side of a declared change has had the name and key.
	past bool
}

// of returns what is known here of a name and key, and whether it is kept.
func (o *occurrences) of(id identity) (u uses, kept bool) {
	if o.last == id {
		return uses{n: int32(o.n), sure: true}, o.lastKept //nolint:gosec // an execution has thousands of operations
	}
	if u := o.kept.find(id); u != nil {
		return *u, true
	}
	return u, false
}

// wasPast reports whether an old side of a declared change has had a name and key.
func (o *occurrences) wasPast(id identity) bool {
	u := o.kept.find(id)
	return u != nil && u.past
}

// claimed notes the n-th occurrence of a name and key, which the log knows if it is the first one.
// kept is what of has returned.
func (o *occurrences) claimed(id identity, n int, kept bool) {
	if o.last != id && o.n > 1 && !o.lastKept {
		o.kept.at(o.last).set(o.n)
	}
	o.last, o.n, o.lastKept = id, n, kept
	if kept {
		o.kept.at(id).set(n)
	}
}

// set says how often a name and key have occurred, whatever the log knows.
func (o *occurrences) set(id identity, n int) {
	if o.last == id {
		o.n, o.lastKept = n, true
	}
	o.kept.at(id).set(n)
}

func (u *uses) set(n int) { u.n, u.sure = int32(n), true } //nolint:gosec // as above

// pass notes a name and key of a declared change: counts says that it has occurred without being
// claimed, past that it is an old side's.
func (o *occurrences) pass(id identity, counts, past bool) {
	u := o.kept.at(id)
	switch {
	case counts && o.last == id:
		o.n++
		u.set(o.n)
	case counts:
		u.n++
	}
	u.past = u.past || past
}

// clone returns a copy that changes by itself.
func (o *occurrences) clone() occurrences {
	c := *o
	c.kept.slots = slices.Clone(o.kept.slots)
	return c
}

// identities finds uses by name and key. It is a hash table without pointers: a declared change
// adds to it in each replay, and to a map that takes as long as all else that it does.
type identities struct {
	n     int
	slots []slot // a power of two of them, half of them free
	seed  maphash.Seed
}

// slot is free if it has no fingerprint.
type slot struct {
	fingerprint

	uses
}

// fingerprint stands for a name and key, as the digest in an ID does, which has as many bits. It is
// never zero.
type fingerprint uint64

// find returns the uses of a name and key; nil if they are not kept.
func (t *identities) find(id identity) *uses {
	if t.n == 0 {
		return nil
	}
	if at := t.slot(t.fingerprint(id)); at.fingerprint != 0 {
		return &at.uses
	}
	return nil
}

// at is find that keeps what is not. What it returns is valid up to the next call.
func (t *identities) at(id identity) *uses {
	if 2*t.n >= len(t.slots) {
		t.resize(max(leastKept, 2*t.n))
	}
	f := t.fingerprint(id)
	at := t.slot(f)
	if at.fingerprint == 0 {
		at.fingerprint = f
		t.n++
	}
	return &at.uses
}

const leastKept = 8

// resize makes room for n.
func (t *identities) resize(n int) {
	old := t.slots
	if old == nil {
		t.seed = maphash.MakeSeed()
	}
	t.slots = make([]slot, 1<<bits.Len(uint(2*n-1)))
	for _, k := range old {
		if k.fingerprint != 0 {
			*t.slot(k.fingerprint) = k
		}
	}
}

// slot is where a fingerprint is, or where it would be.
func (t *identities) slot(f fingerprint) *slot {
	mask := len(t.slots) - 1
	i := int(f>>1) & mask
	for t.slots[i].fingerprint != f && t.slots[i].fingerprint != 0 {
		i = (i + 1) & mask
	}
	return &t.slots[i]
}

func (t *identities) fingerprint(id identity) fingerprint {
	h := maphash.String(t.seed, id.name)
	if id.key != "" {
		h ^= bits.RotateLeft64(maphash.String(t.seed, id.key), 1)
	}
	return fingerprint(h | 1)
}
