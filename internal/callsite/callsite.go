// Package callsite finds the lines of a handler at which operations are run: for messages that say
// where the code does not fit a log.
package callsite

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/perdure/perdure/internal/substitute"
	"github.com/perdure/perdure/op/node"
)

// ours begins the names of all functions of the module's packages.
const ours = "github.com/perdure/perdure/"

// Line is a line of a file. The zero value is one that is not known.
type Line struct {
	File string
	Line int
}

// String returns "order.go:58"; empty for a line that is not known.
func (l Line) String() string {
	if l.File == "" {
		return ""
	}
	return l.File + ":" + strconv.Itoa(l.Line)
}

// Here finds the line of the handler that runs an operation: the first on the stack outside of the
// packages that run it. It is not known for what a batch runs by itself.
func Here() Line {
	const most = 64
	var pcs [most]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])]) //nolint:mnd // without this function
	for {
		f, more := frames.Next()
		switch name := f.Function; {
		case !more && f.PC == 0, strings.HasPrefix(name, "runtime."):
			return Line{}
		case runs(name):
		default:
			return Line{f.File, f.Line}
		}
		if !more {
			return Line{}
		}
	}
}

// runs reports whether a function belongs to the packages that run operations.
func runs(function string) bool {
	name, inside := strings.CutPrefix(function, ours)
	if !inside {
		return false
	}
	for _, p := range []string{
		"replay.", "replay/internal/engine.", "internal/turn.", "internal/callsite.", "replay/replaytest.", "op.", "op/node.",
		"checkpoint.", "checkpoint/local.",
	} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// Lines are those at which a handler runs its operations, by their paths. The zero value has none.
type Lines struct {
	mu     sync.Mutex
	byPath map[string]Line
}

// Watch returns a context in which functions that run note their lines. It takes the place of
// another substitute.Func.
func (l *Lines) Watch(ctx context.Context) context.Context {
	return substitute.With(ctx, func(path string, o node.Node) node.Node {
		if line := Here(); line != (Line{}) {
			l.note(path, line)
		}
		return o
	})
}

func (l *Lines) note(path string, line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byPath == nil {
		l.byPath = make(map[string]Line)
	}
	l.byPath[path] = line
}

// Of returns the line at which the operation of a path is run, or the nearest one around it.
func (l *Lines) Of(path string) Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ; path != ""; path = path[:max(0, strings.LastIndexAny(path, "/[#"))] {
		if line, ok := l.byPath[path]; ok {
			return line
		}
	}
	return Line{}
}
