// Package stacks says where goroutines of a function wait in the user's code.
package stacks

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Frame is a call on a stack. At is the file and the line of it.
type Frame struct{ Function, At string }

// Goroutine is a goroutine as [runtime.Stack] prints it.
type Goroutine struct {
	Text string
	// Number is its own, and Creator that of the goroutine that began it, which may have ended;
	// zero if it is not said.
	Number, Creator uint64
	// State is what it does, such as "running" or "chan receive".
	State  string
	Frames []Frame // the innermost call first
}

// Waits says where the user's code waits or runs, from the innermost call on; empty if there is
// none of it. state is what the goroutine does, as [runtime.Stack] names it, empty for not known.
func Waits(state string, frames []Frame) string {
	for i, f := range frames {
		if f.machinery() {
			continue
		}
		for _, above := range slices.Backward(frames[:i]) {
			if !strings.HasPrefix(above.Function, "runtime.") && !strings.HasPrefix(above.Function, "internal/") {
				return fmt.Sprintf("%s waits in %s (%s)", f.Function, above.Function, filepath.Base(f.At))
			}
		}
		return fmt.Sprintf("%s was %sat %s", f.Function, doing(state), filepath.Base(f.At))
	}
	return ""
}

// doing says in words what a goroutine does; it is empty if that is not known.
func doing(state string) string {
	switch state {
	case "":
		return ""
	case "running", "runnable":
		return "running "
	case "select":
		return "waiting in a select "
	}
	return "waiting (" + state + ") "
}

const module = "github.com/perdure/perdure/"

// engine begins the names of the functions that run bodies and handlers.
const engine = module + "replay/internal/engine."

// strand is the outermost function of the goroutines that run bodies and handlers.
const strand = module + "internal/turn.(*Strand).main"

func (f Frame) isEngines() bool { return strings.HasPrefix(f.Function, engine) }

// machinery reports whether a frame is one of Go or of the SDK.
func (f Frame) machinery() bool {
	for _, prefix := range []string{
		"runtime", "sync", "internal/", "time.", "context.",
		module + "replay.", module + "replay/internal", module + "replay/replaytest.", module + "op.", module + "op/",
		module + "checkpoint", module + "internal/",
	} {
		if strings.HasPrefix(f.Function, prefix) {
			return true
		}
	}
	return false
}

// Parse reads what [runtime.Stack] has written.
func Parse(dump []byte) (list []Goroutine) {
	for text := range strings.SplitSeq(strings.TrimSpace(string(dump)), "\n\n") {
		g := Goroutine{Text: text}
		function := ""
		for n, line := range strings.Split(text, "\n") {
			at, isPlace := strings.CutPrefix(line, "\t")
			switch {
			case n == 0:
				g.Number, g.State = numberIn(line), stateOf(line)
			case strings.HasPrefix(line, "created by "):
				function = ""
				_, after, _ := strings.Cut(line, " in ")
				g.Creator = numberIn(after)
			case !isPlace:
				function = line[:max(0, strings.LastIndex(line, "("))] // without the arguments
			case function != "":
				at, _, _ = strings.Cut(at, " +0x")
				g.Frames = append(g.Frames, Frame{function, at})
			}
		}
		list = append(list, g)
	}
	return list
}

// numberIn reads the number of a goroutine from a text that begins with it: "goroutine 34
// [select]:".
func numberIn(text string) uint64 {
	rest, _ := strings.CutPrefix(text, "goroutine ")
	digits, _, _ := strings.Cut(rest, " ")
	n, _ := strconv.ParseUint(digits, 10, 64)
	return n
}

// stateOf reads what a goroutine does from the first line of its stack: "goroutine 34 [select, 2
// minutes]:".
func stateOf(line string) string {
	_, state, _ := strings.Cut(line, "[")
	return state[:max(0, strings.IndexAny(state, ",]"))]
}

// Whose is what one of several invocations in a process knows of a goroutine.
type Whose int

const (
	// Unknown is one that the invocation knows nothing of.
	Unknown Whose = iota
	// Own is one of its own.
	Own
	// Others is one of another invocation.
	Others
)

// OfOne leaves out what may be of other invocations than one. whose says what is known of a
// goroutine by itself. What a goroutine has begun is of the same invocation. If all are known, for
// the dump is whole, and none is of another invocation, what is of neither stays.
func OfOne(all []Goroutine, whole bool, whose func(g *Goroutine) Whose) []Goroutine {
	known := make(map[uint64]*Goroutine, len(all))
	for i := range all {
		known[all[i].Number] = &all[i]
	}
	others := !whole
	of := make([]Whose, len(all))
	for i := range all {
		g := &all[i]
		of[i] = whose(g)
		for left := len(all); of[i] == Unknown && g != nil && left > 0; left-- {
			if g = known[g.Creator]; g != nil {
				of[i] = whose(g)
			}
		}
		others = others || of[i] == Others
	}
	var list []Goroutine
	for i, g := range all {
		if of[i] == Own || of[i] == Unknown && !others {
			list = append(list, g)
		}
	}
	return list
}

// OfUsers puts the goroutines first in which the engine has called the user's code, and that has
// not called the engine: where it is, in a line each, and the stacks in their new order. Others of
// the engine, which call the service or log, are not among them.
func OfUsers(all []Goroutine) (lines []string, ordered []Goroutine) {
	var others []Goroutine
	for _, g := range all {
		line := ""
		if called := slices.IndexFunc(g.Frames, Frame.isEngines); called >= 0 && g.Frames[len(g.Frames)-1].Function == strand {
			line = Waits(g.State, g.Frames[:called])
		}
		if line == "" {
			others = append(others, g)
			continue
		}
		lines, ordered = append(lines, line), append(ordered, g)
	}
	return lines, append(ordered, others...)
}

// FromPanic leaves out of a stack that [runtime/debug.Stack] has written in a deferred function
// what stands above the call that panicked: how the panic was recovered, and what the runtime does.
// A stack without a panic stays as it is.
func FromPanic(stack []byte) []byte {
	lines := strings.SplitAfter(string(stack), "\n")
	at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "panic(") })
	if at < 1 {
		return stack
	}
	at += 2 // a call has its place below it
	for at+2 < len(lines) && strings.HasPrefix(lines[at], "runtime.") {
		at += 2
	}
	if at >= len(lines) {
		return stack
	}
	return []byte(lines[0] + strings.Join(lines[at:], ""))
}

// Text returns the stacks as [runtime.Stack] writes them, at most that many bytes.
func Text(all []Goroutine, most int) string {
	var b strings.Builder
	for i, g := range all {
		if i > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(g.Text)
		if b.Len() >= most {
			return b.String()[:most]
		}
	}
	return b.String()
}
