package replaytest

import (
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// history is what the events of an execution in the cloud say.
type history struct {
	events []local.Event
	// log is the log that the function was given, that of the execution first, as far as events
	// say. cut holds the IDs of operations whose result or failure the service has cut off.
	log []checkpoint.Operation
	cut map[string]bool
	// began and over are the times of the first and the last event; over is zero until the
	// execution has ended.
	began, over time.Time
	// invocations counts those that have ended.
	invocations int
}

// readHistory makes the log of an execution from its events.
func readHistory(arn string, events []local.Event, cut map[int]bool) *history {
	h := &history{events: events, log: local.LogOf(arn, events).Operations, cut: make(map[string]bool)}
	for i := range events {
		switch e := &events[i]; e.Type { //nolint:exhaustive // all others are about operations, or change nothing here
		case local.EventInvocationCompleted:
			h.invocations++
		case local.EventExecutionStarted:
			h.began = e.Time
		case local.EventExecutionSucceeded, local.EventExecutionFailed, local.EventExecutionTimedOut, local.EventExecutionStopped:
			h.over = e.Time
		default:
			h.cut[e.OperationID] = h.cut[e.OperationID] || cut[e.ID]
		}
	}
	return h
}

// pathsOf finds the paths of the operations of a log, by their IDs: an ID is derived from the
// scope, the name, the key and the occurrence, so that those can be tried. An operation whose path
// is not found, because its key was cut or its branch has no record, and seen does not know it
// either, has its name behind the path of what is around it.
func pathsOf(log []checkpoint.Operation, seen *sights) map[string]string {
	p := &pathfinder{
		paths: make(map[string]string), scopes: make(map[string]place), log: log, batches: maps.Clone(seen.batches), heads: seen.heads,
	}
	p.open(oplog.NewScope(""), "")
	for i := range log {
		rec := &log[i]
		if rec.Kind == checkpoint.KindExecution {
			continue
		}
		path := p.path(rec)
		p.paths[rec.ID] = path
		p.open(oplog.NewScope(rec.ID), path)
		if n := p.batches[path]; n != nil {
			p.branches(rec.ID, path, n)
		}
	}
	return p.paths
}

// sights are the operations that a rehearsal has reached. The nil sights note nothing.
type sights struct {
	batches map[string]*node.Batch    // by path
	heads   map[string][]*node.Header // of operations with a key, by the path of their scope
}

func (s *sights) note(path string, n node.Node) {
	if s == nil {
		return
	}
	if b, ok := n.(*node.Batch); ok {
		s.batches[path] = b
	}
	if h := n.Head(); h.Key != "" {
		scope := scopeOf(path)
		s.heads[scope] = append(s.heads[scope], h)
	}
}

type pathfinder struct {
	log     []checkpoint.Operation
	heads   map[string][]*node.Header // by the path of their scope
	batches map[string]*node.Batch    // by path
	paths   map[string]string         // by ID
	scopes  map[string]place          // by tag
}

// branches notes the scopes of the branches of a batch, which may have no records.
func (p *pathfinder) branches(id, path string, n *node.Batch) {
	batch := oplog.NewScope(id)
	for i := range n.N {
		o := n.Child(i)
		h := o.Head()
		name, label, occurrence := h.Name, oplog.WireName(h.Name, h.Key), 0
		switch {
		case n.Indexed && h.Key != "":
			name, label = itemName, h.Key
		case n.Indexed:
			name, label, occurrence = itemName, strconv.Itoa(i), i
		}
		at := oplog.ItemPath(path, label)
		p.open(oplog.NewScope(string(batch.AppendID(nil, name, h.Key, occurrence))), at)
		if inner, ok := o.(*node.Batch); ok {
			p.batches[oplog.Path(at, h.Name, "", 0)] = inner
		}
	}
}

// place is a scope and its path.
type place struct {
	ids  oplog.Scope
	path string
}

// open notes a scope and that of its compensations.
func (p *pathfinder) open(ids oplog.Scope, path string) {
	p.scopes[ids.Tag()] = place{ids, path}
	undo := oplog.NewScope(oplog.UndoScope(ids.ID()))
	p.scopes[undo.Tag()] = place{undo, path}
}

func (p *pathfinder) path(rec *checkpoint.Operation) string {
	if branch, ok := p.scopes[oplog.NewScope(rec.ID).Tag()]; ok {
		return branch.path
	}
	tag, ours := oplog.ScopeTag(rec.ID)
	at, ok := p.scopes[tag]
	if !ok && ours {
		at, ok = p.flat(tag, rec)
	}
	name, key := splitName(rec.Name)
	if ok {
		switch rec.SubType {
		case subtype.MapItem:
			if label, ok := p.item(at.ids, rec); ok {
				return oplog.ItemPath(at.path, label)
			}
		case subtype.ParallelBranch:
			return oplog.ItemPath(at.path, rec.Name)
		}
		for n := range len(p.log) {
			if isID(at.ids, rec.ID, rec.Name, "", n) {
				return oplog.Path(at.path, rec.Name, "", n)
			}
			if key != "" && isID(at.ids, rec.ID, name, key, n) {
				return oplog.Path(at.path, name, key, n)
			}
		}
	}
	for _, h := range p.heads[at.path] {
		if ok && isID(at.ids, rec.ID, h.Name, h.Key, 0) {
			return oplog.Path(at.path, h.Name, h.Key, 0)
		}
	}
	return oplog.Path(p.paths[rec.ParentID], name, key, 0)
}

// item finds the label of an item of a map: its key, or its index.
func (p *pathfinder) item(in oplog.Scope, rec *checkpoint.Operation) (label string, ok bool) {
	if _, key := splitName("[" + rec.Name + "]"); key != "" && isID(in, rec.ID, itemName, key, 0) {
		return key, true
	}
	text, _ := strings.CutPrefix(rec.Name, itemName+"-")
	if n, err := strconv.Atoi(text); err == nil && isID(in, rec.ID, itemName, "", n) {
		return text, true
	}
	return "", false
}

// itemName is the name that IDs of items are derived from.
const itemName = "item"

// flat finds the branch of a flat batch that has no record itself: an item by its index, or a
// branch that is the one operation in it.
func (p *pathfinder) flat(tag string, rec *checkpoint.Operation) (place, bool) {
	batch := oplog.NewScope(rec.ParentID)
	around, ok := p.paths[rec.ParentID]
	if !ok {
		return place{}, false
	}
	try := func(name string, n int, label string) (place, bool) {
		ids := oplog.NewScope(string(batch.AppendID(nil, name, "", n)))
		at := place{ids, oplog.ItemPath(around, label)}
		if ids.Tag() != tag {
			return place{}, false
		}
		p.open(ids, at.path)
		return at, true
	}
	if at, ok := try(rec.Name, 0, rec.Name); ok {
		return at, true
	}
	const most = 10_000 // items; a hash each
	for n := range most {
		if at, ok := try(itemName, n, strconv.Itoa(n)); ok {
			return at, true
		}
	}
	return place{}, false
}

func isID(in oplog.Scope, id, name, key string, occurrence int) bool {
	var buf [64]byte
	return string(in.AppendID(buf[:0], name, key, occurrence)) == id
}

// splitName splits the name on the wire, "name[key]"; the key is empty if there is none, or if it
// was cut.
func splitName(wire string) (name, key string) {
	name, rest, ok := strings.Cut(wire, "[")
	escaped, closed := strings.CutSuffix(rest, "]")
	if !ok || !closed {
		return wire, ""
	}
	key, err := url.PathUnescape(escaped)
	if err != nil {
		return wire, ""
	}
	return name, key
}
