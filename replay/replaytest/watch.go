package replaytest

import (
	"context"
	"slices"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/callsite"
	"github.com/perdure/perdure/internal/substitute"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/internal/hosting"
)

// watch is the context that the function is invoked with.
func (k *kit) watch(ctx context.Context) context.Context {
	c := newCourse()
	if k.effects != nil {
		c.invocation = k.exec.Invocations()
	}
	ctx = substitute.With(ctx, func(path string, n node.Node) node.Node { return k.substitute(c, path, n) })
	open := make(map[string]string) // operations of this invocation that have begun and not ended, by group
	return hosting.WithWatcher(ctx, &hosting.Watcher{Logs: &logs{k: k}, Interceptor: replay.Interceptor{
		OperationStart: func(_ context.Context, o replay.OperationInfo) { k.reached(o); k.begun(open, o) },
		OperationEnd: func(_ context.Context, o replay.OperationInfo) {
			k.reached(o)
			k.note(func() {
				delete(open, o.ParentID)
				k.effects.over(o.Path)
			})
		},
		AttemptStart: func(_ context.Context, a replay.AttemptInfo) { k.reached(a.OperationInfo) },
	}})
}

func (k *kit) reached(o replay.OperationInfo) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.paths[o.ID]; !ok && o.Path != "" {
		k.paths[o.ID] = o.Path
		k.order = append(k.order, o.ID)
	}
}

// begun notes an operation that begins before the one before it in its group has ended: that was
// started as a future, whether anybody awaits it or not. Code goes on beside callbacks and relaxed
// steps in any case.
func (k *kit) begun(open map[string]string, o replay.OperationInfo) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, other := open[o.ParentID]; other {
		k.beside = true
	}
	if o.Kind != string(checkpoint.KindCallback) && !k.relaxed[o.Path] {
		open[o.ParentID] = o.ID
	}
}

// substitute sees every operation of an invocation before it runs.
func (k *kit) substitute(c *course, path string, n node.Node) node.Node {
	h := n.Head()
	if a, ok := n.(*node.Await); ok {
		if _, callback := node.Origin(a).(*node.Callback); !callback {
			k.note(func() { k.beside = true })
		}
		return n
	}
	s := k.stubFor(path, h)
	at := callsite.Here()
	if k.cfg.ran != nil {
		k.cfg.ran(at)
	}
	input, line := fingerprint(h.Input), lineText(at)
	var undoes *compensation // of another operation
	if step, ok := n.(*node.Step); ok {
		undoes, _ = step.Body.(*compensation)
	}
	k.note(func() {
		if k.lines[path] == "" {
			k.lines[path] = line
		}
		k.same.ran(c, path, h, input)
		k.known = append(k.known, h.Known...)
		k.classify(path, n)
		k.names[h.Name] = path
		k.seen.note(path, n)
		if s != nil {
			k.stubbed(s, path, n)
		}
		if h.Key == "" && strings.Contains(lastOf(path), "#") && !slices.Contains(k.repeated, path) {
			k.repeated = append(k.repeated, path)
		}
	})
	if s != nil {
		n = s.replace(n)
	}
	if undoes == nil {
		n = k.effects.watch(k, c, path, n)
	}
	if step, ok := n.(*node.Step); ok {
		watched := *step
		watched.Body = &body{k: k, path: path, inner: step.Body, undoes: undoes}
		return &watched
	}
	return n
}

// classify notes what matters of each kind of operation. Called with the lock.
func (k *kit) classify(path string, n node.Node) {
	switch n := n.(type) {
	case *node.Callback:
		k.readers[path] = readerOf(n)
		if !slices.Contains(k.callbacks, scopeOf(path)) {
			k.asks(path)
		}
	case *node.Group:
		if n.Outside { // its result is the callback's, and its codec counts
			k.readers[path] = readerOf(n)
			k.asks(path)
		}
	case *node.Batch:
		k.beside, k.batches[path] = true, n
	case *node.Step:
		k.relaxed[path] = n.Config.Semantics == node.Relaxed
	case *node.Wait, *node.Invoke, *node.Await, *node.Choice, *node.Inline:
	}
}

// asks notes a path at which a callback is answered. Called with the lock.
func (k *kit) asks(path string) {
	if !slices.Contains(k.callbacks, path) {
		k.callbacks = append(k.callbacks, path)
	}
}

// stubbed notes a stub that an operation has. Called with the lock.
func (k *kit) stubbed(s *stub, path string, n node.Node) {
	k.used[s] = true
	if what := misfit(s, path, n); what != "" && !slices.Contains(k.misfits, what) {
		k.misfits = append(k.misfits, what)
	}
}

// body counts the runs of a body.
type body struct {
	k     *kit
	path  string
	inner node.Body
	// undoes is what it compensates; nil for a body that does something new.
	undoes *compensation
}

func (b *body) Run(ctx context.Context) (any, error) {
	var run int
	b.k.note(func() {
		b.k.runs[b.path]++
		run = b.k.runs[b.path]
		b.k.running[b.path]++
	})
	defer b.k.note(func() {
		if b.k.running[b.path]--; b.k.running[b.path] == 0 {
			delete(b.k.running, b.path)
		}
	})
	inner := b.inner.Run
	if b.undoes != nil {
		inner = b.k.effects.compensating(b.k, b.undoes, inner)
	}
	if b.k.body == nil {
		return inner(ctx)
	}
	return b.k.body(ctx, b.path, run, inner)
}
