package turn

// queue is a first-in, first-out queue. The zero value is empty.
type queue[T any] struct {
	items []T
	head  int
}

// push adds an item. A queue that is never empty does not grow with the items that were taken from
// it.
func (q *queue[T]) push(v T) {
	if len(q.items) == cap(q.items) && q.head > len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v)
}

func (q *queue[T]) len() int { return len(q.items) - q.head }

// pop takes the first item; ok is false if there is none.
func (q *queue[T]) pop() (v T, ok bool) {
	if q.len() == 0 {
		return v, false
	}
	var none T
	v, q.items[q.head] = q.items[q.head], none
	if q.head++; q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return v, true
}
