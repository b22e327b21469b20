package replaytest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ours begins the names of all functions of the module's packages.
const ours = "github.com/perdure/perdure/"

// callSite finds the line of the handler that runs an operation: the first on the stack outside of
// the packages that run it. It is empty for what a batch runs by itself.
func callSite() string {
	const most = 64
	var pcs [most]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])]) //nolint:mnd // without this function
	for {
		f, more := frames.Next()
		switch name := f.Function; {
		case !more && f.PC == 0, strings.HasPrefix(name, "runtime."):
			return ""
		case runs(name):
		default:
			return fmt.Sprintf("%s:%d", near(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

// runs reports whether a function belongs to the packages that run operations.
func runs(function string) bool {
	for _, p := range []string{"replay.", "replay/internal/engine.", "internal/turn.", "replay/replaytest.", "op.", "op/node.", "checkpoint.", "checkpoint/local."} {
		if strings.HasPrefix(function, ours+p) {
			return true
		}
	}
	return false
}

// near is a file as it is seen from the test's folder.
func near(file string) string {
	here, err := os.Getwd()
	if err != nil {
		return file
	}
	if rel, err := filepath.Rel(here, file); err == nil && !strings.HasPrefix(rel, filepath.Join("..", "..", "..")) {
		return rel
	}
	return file
}

// at says where an operation is run, or what is around it: " (orders.go:12)"; empty if that is not
// known.
func (k *kit) at(path string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.atLine(path)
}

// atLine is at. Called with the lock.
func (k *kit) atLine(path string) string {
	for ; path != ""; path = path[:max(0, strings.LastIndexAny(path, "/["))] {
		if line := k.lines[path]; line != "" {
			return " (" + line + ")"
		}
	}
	return ""
}
