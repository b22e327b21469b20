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
	Text   string
	Frames []Frame // the innermost call first
}

// Waits says where the user's code waits, from the innermost call on; empty if there is none of it.
func Waits(frames []Frame) string {
	for i, f := range frames {
		if f.machinery() {
			continue
		}
		how := "is"
		for _, above := range slices.Backward(frames[:i]) {
			if !strings.HasPrefix(above.Function, "runtime.") && !strings.HasPrefix(above.Function, "internal/") {
				how = "waits in " + above.Function
				break
			}
		}
		return fmt.Sprintf("%s %s (%s)", f.Function, how, filepath.Base(f.At))
	}
	return ""
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
			case n == 0 || strings.HasPrefix(line, "created by "):
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

// OfUsers puts the goroutines first in which the engine has called the user's code, and that has
// not called the engine: where it is, in a line each, and the stacks in their new order.
func OfUsers(all []Goroutine) (lines []string, ordered []Goroutine) {
	var others []Goroutine
	for _, g := range all {
		line := ""
		if called := slices.IndexFunc(g.Frames, func(f Frame) bool { return strings.HasPrefix(f.Function, engine) }); called >= 0 {
			line = Waits(g.Frames[:called])
		}
		if line == "" {
			others = append(others, g)
			continue
		}
		lines, ordered = append(lines, line), append(ordered, g)
	}
	return lines, append(ordered, others...)
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
