package local

import (
	"slices"
	"strconv"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

// Markers say where the next page begins: in the log, or in the changes of the log.
const (
	markLog     = "log-"
	markChanges = "changes-"
)

// page collects operations until it is full.
type page struct {
	items, bytes int // room left; items is negative if it is unlimited
	ops          []checkpoint.Operation
	sent         []*record
}

func (l Limits) newPage(items int) page {
	if items == 0 || l.PageItems != 0 && l.PageItems < items {
		items = l.PageItems
	}
	if items == 0 {
		items = -1
	}
	return page{items: items, bytes: l.PageBytes}
}

// add puts r on the page and reports whether there was room.
func (p *page) add(r *record) bool {
	size := operationSize(&r.Record)
	if p.items == 0 || size > p.bytes {
		return false
	}
	p.items--
	p.bytes -= size
	p.ops = append(p.ops, r.Operation)
	p.sent = append(p.sent, r)
	return true
}

// force puts r on the page if it is the first: a page that holds nothing leads nowhere.
func (p *page) force(r *record) bool {
	if len(p.ops) > 0 {
		return false
	}
	p.items, p.bytes = 1, operationSize(&r.Record)
	p.add(r)
	p.items, p.bytes = 0, 0
	return true
}

// operationSize estimates how long a record is as JSON.
func operationSize(r *Record) int {
	return 256 + len(r.ID) + len(r.ParentID) + len(r.Name) + len(r.CallbackID) + len(r.Payload.Bytes()) + failureSize(r.Failure)
}

// logPage collects the log from a position on, without what finished contexts hide. An event may
// hold nothing at all if the first record is too large for it.
func (e *Execution) logPage(from int, p *page, mayBeEmpty bool) (next string) {
	hidden := make(map[string]bool)
	for i, r := range e.records {
		if e.hides(r.ParentID, hidden) {
			hidden[r.ID] = true
			continue
		}
		if i < from || p.add(r) || !mayBeEmpty && p.force(r) {
			continue
		}
		return markLog + strconv.Itoa(i)
	}
	return ""
}

// hides reports whether the children of a context are left out: it has ended and does not keep
// them, or is left out itself (Lambda API, GetDurableExecutionState). A parent comes before its
// children, so hidden knows it.
func (e *Execution) hides(parent string, hidden map[string]bool) bool {
	if parent == "" {
		return false
	}
	p := e.index[parent]
	return hidden[parent] || p.Status.Terminal() && !p.ReplayChildren
}

// changePage collects the records that changed from a position on. A record that has changed
// again comes at its last change. fresh leaves out what the function has been sent since.
func (e *Execution) changePage(from int, p *page, fresh bool) (next int) {
	for i := from; i < len(e.changes); i++ {
		r := e.changes[i].r
		if r.revision != i+1 || fresh && r.sent == r.revision {
			continue
		}
		if !p.add(r) && !p.force(r) {
			return i
		}
	}
	return len(e.changes)
}

// reply is the answer to a checkpoint call, and what the function knows when it has it.
type reply struct {
	out       checkpoint.CheckpointOutput
	inv       *invocation
	sent      []*record
	revisions []int
	told      int
}

// reply uses up the token and answers with what the function does not know yet. The execution's
// mutex is held.
func (e *Execution) reply() reply {
	e.inv.accepted++
	r := reply{inv: e.inv}
	p := e.svc.limits.newPage(0)
	r.told = e.changePage(e.known, &p, true)
	r.out.Operations, r.sent = p.ops, p.sent
	for _, s := range p.sent {
		r.revisions = append(r.revisions, s.revision)
	}
	if e.rec.Status.Terminal() {
		return r
	}
	r.out.Token = e.inv.token()
	if r.told < len(e.changes) {
		r.out.NextMarker = markChanges + strconv.Itoa(r.told)
	}
	return r
}

// replied notes that the function has a reply.
func (e *Execution) replied(r reply) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inv != r.inv {
		return
	}
	e.known = max(e.known, r.told)
	for i, s := range r.sent {
		s.sent = max(s.sent, r.revisions[i])
	}
}

// untold reports whether something has changed that the last invocation does not know of.
// The execution's mutex is held.
func (e *Execution) untold() bool {
	for i := e.known; i < len(e.changes); i++ {
		if r := e.changes[i].r; r.revision == i+1 && r.sent != r.revision {
			return true
		}
	}
	return false
}

// updatedSince returns the IDs of the operations that the service has changed since a change.
func (e *Execution) updatedSince(position int) []string {
	var ids []string
	for _, c := range e.changes[position:] {
		if c.external && !slices.Contains(ids, c.r.ID) {
			ids = append(ids, c.r.ID)
		}
	}
	return ids
}

// state returns a page of the log, or of the changes that a reply had no room for.
func (e *Execution) state(in checkpoint.StateInput) (checkpoint.StateOutput, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out checkpoint.StateOutput
	if !e.accepts(in.Token) {
		return out, staleToken(api.CallState)
	}
	if in.MaxItems < 0 || in.MaxItems > limits.PageItems {
		return out, api.Refuse(api.CallState, "Value '"+strconv.Itoa(in.MaxItems)+"' at 'maxItems' failed to satisfy constraint: 0 to 1000")
	}
	items := in.MaxItems
	if items == 0 {
		items = limits.DefaultPageItems
	}
	p := e.svc.limits.newPage(items)
	from, inLog, ok := readMarker(in.Marker)
	switch {
	case !ok || !inLog && from > len(e.changes):
		return out, api.Refuse(api.CallState, "Invalid marker")
	case inLog:
		out.NextMarker = e.logPage(from, &p, false)
	default:
		next := e.changePage(from, &p, false)
		e.known = max(e.known, next)
		if next < len(e.changes) {
			out.NextMarker = markChanges + strconv.Itoa(next)
		}
	}
	out.Operations = p.ops
	for _, r := range p.sent {
		r.sent = r.revision
	}
	return out, nil
}

func readMarker(marker string) (from int, inLog, ok bool) {
	if marker == "" {
		return 0, true, true
	}
	text, inLog := strings.CutPrefix(marker, markLog)
	if !inLog {
		if text, ok = strings.CutPrefix(marker, markChanges); !ok {
			return 0, false, false
		}
	}
	from, err := strconv.Atoi(text)
	return from, inLog, err == nil && from >= 0
}
