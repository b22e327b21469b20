package turn

import (
	"bytes"
	"runtime"
	"strconv"
)

// number reads the number of the calling goroutine from its stack. That takes a microsecond at the
// top of a goroutine and more further down, so it is read when a strand begins, for the watchdog,
// which looks for the goroutine in a dump of all stacks.
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

// stackOf returns the stack of one goroutine out of a dump of all, with its first line; nil if it is
// not among them.
func stackOf(dump []byte, number uint64) []byte {
	want := []byte("goroutine " + strconv.FormatUint(number, 10) + " ")
	for stack := range bytes.SplitSeq(dump, []byte("\n\n")) {
		if bytes.HasPrefix(stack, want) {
			return stack
		}
	}
	return nil
}

// waits reports whether a goroutine with this stack waits for another one: it neither runs nor could.
func waits(stack []byte) bool {
	line, _, _ := bytes.Cut(stack, []byte("\n"))
	_, state, ok := bytes.Cut(line, []byte("["))
	if !ok {
		return false
	}
	for _, busy := range []string{
		"running", "runnable", "syscall", "copystack", "preempted",
		"GC ", "garbage collection", "wait for GC cycle", "stopping the world",
	} {
		if bytes.HasPrefix(state, []byte(busy)) {
			return false
		}
	}
	return true
}
