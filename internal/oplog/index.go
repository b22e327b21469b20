package oplog

import "hash/maphash"

// index finds the entries of a log by their IDs. It is a hash table of places, whose keys are in
// the entries themselves: a replay makes an entry for each of thousands of records, and a map would
// hold every key once more.
type index struct {
	seed  maphash.Seed
	slots []int32 // one more than a place in the entries; zero: free. A power of two of them, a quarter of them free.
}

// newIndex returns an index with room for n entries.
func newIndex(n int) index {
	size := 8
	for size*3/4 < n {
		size *= 2
	}
	return index{seed: maphash.MakeSeed(), slots: make([]int32, size)}
}

// find returns the place of the entry with this ID; ok is false if there is none.
func (x *index) find(l *Log, id []byte) (place int32, ok bool) {
	mask := len(x.slots) - 1
	for i := x.slot(maphash.Bytes(x.seed, id)); x.slots[i] != 0; i = (i + 1) & mask {
		if place = x.slots[i] - 1; l.id(place) == string(id) {
			return place, true
		}
	}
	return 0, false
}

// findText is find for an ID that is a string.
func (x *index) findText(l *Log, id string) (place int32, ok bool) {
	mask := len(x.slots) - 1
	for i := x.slot(maphash.String(x.seed, id)); x.slots[i] != 0; i = (i + 1) & mask {
		if place = x.slots[i] - 1; l.id(place) == id {
			return place, true
		}
	}
	return 0, false
}

// added puts the last of the entries into the index, whose ID is not in it.
func (x *index) added(l *Log) {
	if len(l.entries) > len(x.slots)*3/4 {
		x.slots = make([]int32, 2*len(x.slots))
		for place := range l.entries {
			x.put(l, int32(place))
		}
		return
	}
	x.put(l, int32(len(l.entries))-1) //nolint:gosec // an execution has thousands of operations
}

func (x *index) put(l *Log, place int32) {
	mask := len(x.slots) - 1
	i := x.slot(maphash.String(x.seed, l.id(place)))
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = place + 1
}

// slot returns the slot where an ID with this hash is, or would be, unless others are there.
func (x *index) slot(hash uint64) int {
	return int(hash & uint64(len(x.slots)-1)) //nolint:gosec // less than the number of slots
}
