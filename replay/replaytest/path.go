package replaytest

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op/node"
)

// scopeOf is the path of what an operation runs in: a group, or the branch of a batch; empty for
// the handler.
func scopeOf(path string) string { return path[:max(0, strings.LastIndexByte(path, '/'))] }

// lastOf is what a path has after that of its scope.
func lastOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// branchAround is the path of the branch that an operation is in; empty if it is in none.
func branchAround(path string) string {
	if scope := scopeOf(path); strings.HasSuffix(scope, "]") {
		return scope
	}
	return ""
}

// splitItem takes the path of a branch apart: that of its batch, and what distinguishes the branch
// from others.
func splitItem(path string) (batch, label string, ok bool) {
	at := strings.LastIndexByte(path, '[')
	if at < 0 || !strings.HasSuffix(path, "]") {
		return "", "", false
	}
	return path[:at], path[at+1 : len(path)-1], true
}

// itemPath is the path of the i-th operation of a batch, o, and that of the operation itself, which
// is another one unless that is a group of which the branch is the scope.
func itemPath(batch string, n *node.Batch, o node.Node, i int) (branch, operation string) {
	h := o.Head()
	label := strconv.Itoa(i)
	switch {
	case !n.Indexed:
		label = oplog.WireName(h.Name, h.Key)
	case h.Key != "":
		label = h.Key
	}
	branch = oplog.ItemPath(batch, label)
	if plainGroup(o) {
		return branch, branch
	}
	return branch, oplog.Path(branch, h.Name, "", 0)
}

// plainGroup reports whether an operation is a group that runs in the branch itself if it is one.
func plainGroup(o node.Node) bool {
	g, ok := o.(*node.Group)
	return ok && g.SubType == subTypeGroup && g.Of == nil && !g.Outside
}

// itemsWith are the operations of a batch that may have this label: one if it is an index, else
// all.
func itemsWith(n *node.Batch, label string) iter.Seq[int] {
	return func(yield func(int) bool) {
		if n == nil {
			return
		}
		if i, err := strconv.Atoi(label); err == nil && n.Indexed && i >= 0 && i < n.N && !yield(i) {
			return
		}
		for i := range n.N {
			if !yield(i) {
				return
			}
		}
	}
}

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
