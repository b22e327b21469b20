package replaytest

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/perdure/perdure/internal/callsite"
)

// lineText is a line as it is seen from the test's folder; empty if it is not known.
func lineText(l callsite.Line) string {
	if l.File != "" {
		l.File = near(l.File)
	}
	return l.String()
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
