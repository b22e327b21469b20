// Package stacks says where goroutines of a function wait in the user's code.
package stacks

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Frame is a call on a stack. At is the file and the line of it.
type Frame struct{ Function, At string }

// Goroutine is a goroutine as [runtime.Stack] prints it.
type Goroutine struct {
	Text string
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
				g.State = stateOf(line)
			case strings.HasPrefix(line, "created by "):
				function = ""
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

// stateOf reads what a goroutine does from the first line of its stack: "goroutine 34 [select, 2
// minutes]:".
func stateOf(line string) string {
	_, state, _ := strings.Cut(line, "[")
	return state[:max(0, strings.IndexAny(state, ",]"))]
}

// OfUsers puts the goroutines first in which the engine has called the user's code, and that has
// not called the engine: where it is, in a line each, and the stacks in their new order.
func OfUsers(all []Goroutine) (lines []string, ordered []Goroutine) {
	var others []Goroutine
	for _, g := range all {
		line := ""
		if called := slices.IndexFunc(g.Frames, func(f Frame) bool { return strings.HasPrefix(f.Function, engine) }); called >= 0 {
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
