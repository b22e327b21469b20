package replaytest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op/node"
)

// determinism compares the invocations of one execution: each must run the same operations with the
// same inputs, and those of a scope in the same order. Its methods are called with the lock of the
// kit.
type determinism struct {
	inputs  map[string]string // fingerprints, by path
	changed [3]string         // a path, what its input was, and what it became
	// rank is the order in which operations were run first, by path; reordered are two that changed
	// places.
	rank      map[string]int
	reordered [2]string
}

func newDeterminism() determinism {
	return determinism{inputs: make(map[string]string), rank: make(map[string]int)}
}

// course is what one invocation has run, and the last operation of each scope. Invocations of an
// event that is delivered twice run beside each other.
type course struct {
	visited map[string]bool
	latest  map[string]string
	// invocation is its number; zero if no one asks.
	invocation int
}

func newCourse() *course {
	return &course{visited: make(map[string]bool), latest: make(map[string]string)}
}

// ran notes an operation and the fingerprint of its input.
func (d *determinism) ran(c *course, path string, h *node.Header, input string) {
	if was, ok := d.inputs[path]; !ok {
		d.inputs[path] = input
	} else if was != input && d.changed[0] == "" {
		d.changed = [3]string{path, was, input}
	}
	d.place(c, path, h)
}

// place checks the order. The code of a scope may run twice in an invocation, to see what it has to
// undo.
func (d *determinism) place(c *course, path string, h *node.Header) {
	scope := scopeOf(path)
	first := oplog.Path(scope, h.Name, h.Key, 0)
	branch := path != first && !strings.HasPrefix(path, first+"#")
	if c.visited[path] || branch || strings.HasSuffix(h.Name, "-undo") { // branches and compensations have no order
		return
	}
	c.visited[path] = true
	if _, again := d.rank[path]; !again {
		d.rank[path] = len(d.rank)
	}
	before := c.latest[scope]
	c.latest[scope] = path
	if before != "" && d.rank[path] < d.rank[before] && d.reordered[0] == "" {
		d.reordered = [2]string{path, before}
	}
}

// complaints say what was not the same in all invocations, and where.
func (d *determinism) complaints(at func(path string) string) (list []string) {
	if path := d.changed[0]; path != "" {
		list = append(list, fmt.Sprintf(notDeterministic+"the input of %q%s was %s, and %s when the code was replayed; %s",
			path, at(path), d.changed[1], d.changed[2], causes))
	}
	if path, before := d.reordered[0], d.reordered[1]; path != "" {
		list = append(list, fmt.Sprintf(notDeterministic+"an invocation ran %q%s after %q%s, an earlier one before it; %s",
			path, at(path), before, at(before), causes))
	}
	return list
}

// nondeterminism says in what the invocations of the execution differ.
func (k *kit) nondeterminism() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.same.complaints(k.atLine)
}

// notDeterministic begins what is said of such a handler.
const notDeterministic = "the handler is not deterministic: "

// causes is where to look when code is not deterministic.
const causes = "look for what reads the clock (use replay.Now), random numbers (replay.Rand) or the environment, " +
	"iterates a map, or changes a variable that the handler and its bodies share"

// fingerprint distinguishes inputs.
func fingerprint(in any) string {
	if in == nil {
		return ""
	}
	b, err := json.Marshal(in)
	if err != nil {
		return ""
	}
	const most = 200
	if len(b) <= most {
		return string(b)
	}
	h := fnv.New64a()
	_, _ = h.Write(b)
	return fmt.Sprintf("%s… (%d bytes, %x)", b[:most], len(b), h.Sum64())
}
