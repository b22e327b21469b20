package turn

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
)

// number reads the number of the calling goroutine from its stack. That takes a microsecond at the
// top of a goroutine and more further down, so it is read when a strand begins, and only if its
// stack does not show whose it is.
func number() uint64 {
	var buf [64]byte
	return parseNumber(buf[:runtime.Stack(buf[:], false)])
}

// parseNumber reads the number from the first line of a stack: "goroutine 12 [running]:".
func parseNumber(stack []byte) uint64 {
	rest, ok := bytes.CutPrefix(stack, []byte("goroutine "))
	if !ok {
		return 0
	}
	digits, _, _ := bytes.Cut(rest, []byte(" "))
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// stackOf returns the stack of one goroutine out of a dump of all, with its first line; nil if it
// is not among them.
func stackOf(dump []byte, number uint64) []byte {
	want := []byte("goroutine " + strconv.FormatUint(number, 10) + " ")
	for stack := range bytes.SplitSeq(dump, []byte("\n\n")) {
		if bytes.HasPrefix(stack, want) {
			return stack
		}
	}
	return nil
}

// mainName is how [Strand.main] is named in a stack, up to its arguments.
const mainName = "turn.(*Strand).main("

// shown is what is known of the stacks of this program: nothing yet, that they say whose they are,
// or that they do not.
var shown atomic.Int32 //nolint:gochecknoglobals // how the program was compiled is the same for all turns

const (
	shows = iota + 1
	showsNot
)

// showsStrands reports whether the stack of a strand shows which strand it is, and of which turn,
// as the arguments of its main function. That is so wherever we have looked, but no one has
// promised it, so the first strand looks at its own.
func showsStrands(s *Strand) bool {
	if shown.Load() == 0 {
		look(s)
	}
	return shown.Load() == shows
}

//go:noinline
func look(s *Strand) {
	var buf [2 << 10]byte // main is among the first functions
	if s.isMainOf(buf[:runtime.Stack(buf[:], false)]) {
		shown.Store(shows)
		return
	}
	shown.Store(showsNot)
}

// isMainOf reports whether a stack shows the strand and its turn as the arguments of its main
// function.
func (s *Strand) isMainOf(stack []byte) bool {
	strand, turn, ok := mainIn(stack)
	return ok && string(strand) == fmt.Sprintf("%p", s) && string(turn) == fmt.Sprintf("%p", s.turn)
}

// mainIn reads the arguments of the main function of a strand from a stack.
func mainIn(stack []byte) (strand, turn []byte, ok bool) {
	_, rest, ok := bytes.Cut(stack, []byte(mainName))
	if !ok {
		return nil, nil, false
	}
	rest, _, ok = bytes.Cut(rest, []byte(")"))
	if !ok {
		return nil, nil, false
	}
	strand, turn, ok = bytes.Cut(rest, []byte(", "))
	// A question mark: it need not be kept any more.
	return bytes.TrimSuffix(strand, []byte("?")), bytes.TrimSuffix(turn, []byte("?")), ok
}

// Whose returns what a stack out of a dump says of its goroutine: whether it is that of a strand,
// and whether of one of this turn. It needs no turn.
func (t *Turn) Whose(stack []byte) (strand, own bool) {
	if !bytes.Contains(stack, []byte(mainName)) {
		return false, false
	}
	if shown.Load() == showsNot {
		t.mu.Lock()
		defer t.mu.Unlock()
		return true, t.numbers[parseNumber(stack)]
	}
	_, turn, ok := mainIn(stack)
	return true, ok && string(turn) == fmt.Sprintf("%p", t)
}

// numbered notes the number of a goroutine.
func (t *Turn) numbered(number uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.numbers == nil {
		t.numbers = make(map[uint64]bool)
	}
	t.numbers[number] = true
}

// find returns the stack of the strand out of a dump of all, with its first line; nil if it is not
// among them.
func (s *Strand) find(dump []byte) []byte {
	if s.number != 0 {
		return stackOf(dump, s.number)
	}
	for stack := range bytes.SplitSeq(dump, []byte("\n\n")) {
		if s.isMainOf(stack) {
			return stack
		}
	}
	return nil
}

// waits reports whether a goroutine with this stack waits for another one: it neither runs nor
// could.
func waits(stack []byte) bool {
	line, calls, _ := bytes.Cut(stack, []byte("\n"))
	_, state, ok := bytes.Cut(line, []byte("["))
	if !ok {
		return false
	}
	if bytes.HasPrefix(state, []byte("semacquire")) {
		// Code that allocates, and begins a collection while a dump has stopped the world, waits
		// for the runtime's own semaphore, which no frame shows. Other code waits in a function of
		// this name.
		top, _, _ := bytes.Cut(calls, []byte("\n"))
		return bytes.Contains(top, []byte(".runtime_Semacquire"))
	}
	for _, busy := range []string{
		"running", "runnable", "syscall", "copystack", "preempted",
		"GC ", "garbage collection", "wait for GC cycle", "stopping the world", "flushing proc caches",
		"trace goroutine status", "dumping heap",
	} {
		if bytes.HasPrefix(state, []byte(busy)) {
			return false
		}
	}
	return true
}
