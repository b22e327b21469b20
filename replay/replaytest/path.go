package replaytest

import (
	"slices"
	"strings"
)

// scopeOf is the path of what an operation runs in: a group, or the branch of a batch; empty for the handler.
func scopeOf(path string) string { return path[:max(0, strings.LastIndexByte(path, '/'))] }

// lastOf is what a path has after that of its scope.
func lastOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// matches reports whether a path is the one of an option, in which a star stands for any text
// without a slash.
func matches(pattern, path string) bool {
	patterns, parts := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(patterns, parts, matchesPart)
}

// matchesPart is matches for what stands between two slashes.
func matchesPart(pattern, part string) bool {
	texts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(part, texts[0])
	if len(texts) == 1 || !ok {
		return pattern == part
	}
	last := len(texts) - 1
	for _, text := range texts[1:last] {
		if _, rest, ok = strings.Cut(rest, text); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, texts[last])
}

// starred puts a star in place of the items of a path.
func starred(path string) string {
	var b strings.Builder
	for {
		head, rest, ok := strings.Cut(path, "[")
		_, tail, closed := strings.Cut(rest, "]")
		b.WriteString(head)
		if !ok || !closed {
			return b.String()
		}
		b.WriteString("[*]")
		path = tail
	}
}
