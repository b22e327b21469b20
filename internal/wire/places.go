package wire

// Absent is the place of a branch that has none.
const Absent = -1

// allEnded is the reason of a batch that ended because all its branches had.
const allEnded = "ALL_COMPLETED"

// Misfit says why the branches of the code cannot be those that a batch ended with.
type Misfit struct {
	// Gone is the place in the envelope of a branch that the code does not have, Added the index of
	// a branch of the code that was not there. The other one of the two is Absent.
	Gone, Added int
}

// Places finds the recorded branches among those of the code, whose marks these are: the i-th
// recorded one is the Places[i]-th of the code, or Absent if it was never started and is gone. What
// is identified by its index is found by it, and so is everything that was written without marks.
//
//  1. If a branch that was started is none of the code's, it does not fit.
//  2. Otherwise, if the batch is closed, as combinators are, and the code has a branch that was not
//     there, it does not fit.
//  3. Otherwise branches of the code that have no place are absent from the outcome.
func (e *Envelope) Places(code []Mark, closed bool) ([]int, *Misfit) {
	if e.IDs == "" {
		return e.placesByIndex(len(code), closed)
	}
	recorded := splitMarks(e.IDs, len(e.Status))
	places := make([]int, len(recorded))
	taken := make([]bool, len(code))
	moved := false
	for i, m := range recorded {
		places[i] = Absent
		if i < len(code) && code[i] == m {
			places[i], taken[i] = i, true
		} else {
			moved = true
		}
	}
	if moved {
		findMoved(recorded, code, places, taken)
	}
	for i := range len(e.Status) {
		if places[i] == Absent {
			return nil, &Misfit{Gone: i, Added: Absent}
		}
	}
	for i := range code {
		if closed && !taken[i] {
			return nil, &Misfit{Gone: Absent, Added: i}
		}
	}
	return places, nil
}

// findMoved finds the branches that are not where they were.
func findMoved(recorded, code []Mark, places []int, taken []bool) {
	free := make(map[Mark]int)
	for i, m := range code {
		if !taken[i] && m != "" {
			free[m] = i
		}
	}
	for i, m := range recorded {
		if at, ok := free[m]; ok && places[i] == Absent {
			places[i], taken[at] = at, true
			delete(free, m)
		}
	}
}

// placesByIndex is Places for an envelope without marks. It holds fewer branches than there were
// if the batch ended early; if all have ended, one more was not there.
func (e *Envelope) placesByIndex(n int, closed bool) ([]int, *Misfit) {
	recorded := len(e.Status)
	switch {
	case recorded > n:
		return nil, &Misfit{Gone: n, Added: Absent}
	case closed && recorded < n && e.Reason == allEnded:
		return nil, &Misfit{Gone: Absent, Added: recorded}
	}
	places := make([]int, recorded)
	for i := range places {
		places[i] = i
	}
	return places, nil
}
