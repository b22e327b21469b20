package replay

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// cancelMargin is the least time that a wait must still last to be cancelled: a call that races
// with the service's timer is wasted.
const cancelMargin = time.Minute

// branch is one operation of a batch, in a scope of its own.
type branch struct {
	b     *batch
	index int
	// n is the operation, without its key: it is alone in its scope. head is as it was declared.
	n    node.Node
	head *node.Header
	// name and key identify the branch, or its index does.
	name, key string
	indexed   bool
	wire      string // its name in the log
	label     string // its place in paths
	id        string
	rec       *checkpoint.Operation // of the branch itself; nil if there is none
	s         *scope
	t         *task

	done, counted bool
	payload       checkpoint.Payload
	failure       *checkpoint.Failure
}

var errCreatedInBatch = errors.New("a callback is created by a branch: create it before and pass its Result()")

// newBranch makes the i-th operation of a batch.
func newBranch(n *node.Batch, i int) (*branch, error) {
	o := n.Child(i)
	h := o.Head()
	if h.Err != nil {
		return nil, h.Err
	}
	if _, ok := o.(*node.Callback); ok {
		return nil, errCreatedInBatch
	}
	k := &branch{index: i, n: o, head: h, name: h.Name, key: h.Key}
	switch {
	case !n.Indexed:
		k.wire = checkpoint.WireName(h.Name, h.Key)
		k.label = k.wire
	case h.Key != "":
		k.name = "item"
		k.wire = checkpoint.KeyName(h.Key)
		k.label = h.Key
	default:
		k.name, k.indexed = "item", true
		k.wire = "item-" + strconv.Itoa(i)
		k.label = strconv.Itoa(i)
	}
	k.n = node.With(o, func(h *node.Header) { h.Key = "" })
	return k, nil
}

// origin is the ID and the path of the operation whose result is the branch's: codecs may ask for it. batch is the ID of the batch, path its path.
func (k *branch) origin(batch, path string) (id, at string) {
	occurrence := 0
	if k.indexed {
		occurrence = k.index
	}
	id = string(checkpoint.NewScope(batch).AppendID(nil, k.name, k.key, occurrence))
	at = checkpoint.ItemPath(path, k.label)
	if a, ok := k.n.(*node.Await); ok {
		if o, ok := a.Target.(*operation); ok && o.id != "" {
			return o.id, o.path()
		}
	}
	if _, plain := k.plain(); plain {
		return id, at
	}
	name := k.n.Head().Name
	return string(checkpoint.NewScope(id).AppendID(nil, name, "", 0)), checkpoint.Path(at, name, "", 0)
}

// path names the branch for people.
func (k *branch) path() string { return checkpoint.ItemPath(k.b.path(), k.label) }

// plain reports whether the operation is a group that runs in the branch's own context.
func (k *branch) plain() (*node.Group, bool) {
	g, ok := k.n.(*node.Group)
	return g, ok && g.SubType == groupSubType && g.Of == nil && !g.Outside
}

// groupSubType is the sub-type of groups that users declare.
const groupSubType = "RunInChildContext"

// start opens a branch. One that has ended in an earlier invocation is read from the log. Called
// with the lock held.
func (b *batch) start(k *branch) {
	k.b = b
	b.next++
	b.progress.Started += k.weight()
	b.open++
	if !b.n.Flat && b.s.inv.hooks != nil && !b.in.readOnly {
		b.s.inv.hooks.reached(k.operation().info(), k.rec)
	}
	if k.rec != nil && k.rec.Status.Terminal() && !k.rec.ReplayChildren {
		k.payload, k.failure = k.rec.Payload, k.rec.Failure
		if k.rec.Status == checkpoint.StatusFailed && k.failure == nil {
			k.failure = &checkpoint.Failure{}
		}
		b.end(k)
		return
	}
	if k.rec == nil && !b.n.Flat {
		b.s.inv.writer.Add(k.update(checkpoint.ActionStart), b.s.inv.writer.RoundTrip())
	}
	if _, plain := k.plain(); plain && b.s.inv.swap != nil {
		k.n = b.s.inv.swap(k.path(), k.n)
	}
	k.s = k.scope(k.rec != nil && k.rec.Status.Terminal())
	k.t = b.s.inv.spawn(b.t, k.path(), k)
	k.t.cancel = k.s.cancel
}

// weight is how many items of the batch the branch counts as.
func (k *branch) weight() int {
	if inner, ok := k.n.(*node.Batch); ok && k.b.n.Total > 0 {
		return inner.N
	}
	return 1
}

// failures is how many of these items failed in a branch that succeeded.
func (k *branch) failures() int {
	if k.b.n.Total == 0 {
		return 0
	}
	e, _ := readEnvelope(k.payload.Bytes())
	return strings.Count(e.Status, string(rune(node.ItemFailed)))
}

// scope returns the scope of the branch.
func (k *branch) scope(readOnly bool) *scope {
	in := k.b.in
	s := &scope{
		inv: in.inv, parent: in, ids: checkpoint.NewScope(k.id), real: k.id, path: k.path(), ordered: true,
		readOnly: in.readOnly || readOnly, known: concat(k.n.Head().Known, in.known), slots: in.slots, now: in.now,
		unseen: in.unseen,
	}
	_, plain := k.plain()
	s.single = !plain
	switch k.n.(type) {
	case *node.Step, *node.Wait, *node.Invoke:
		s.private = true
	case *node.Group, *node.Batch, *node.Await, *node.Callback:
	}
	if k.b.n.Flat {
		s.real = in.real
	}
	s.ctx, s.cancel = context.WithCancelCause(k.b.ctx)
	return s
}

var _ routine = (*branch)(nil)

// run runs the branch's operation. The payload of an operation that is not a plain group is passed
// on as it stands.
func (k *branch) run(t *task) {
	k.s.t = t
	h := &handle{s: k.s, ctx: k.s.ctx}
	var v any
	var err error
	switch g, plain := k.plain(); {
	case k.s.inv.hooks != nil && !k.b.n.Flat: // a flat branch is no operation: there is nothing to report
		v, err = k.reported(g)
	case plain:
		v, err = t.guardScope(g.Body, h)
	default:
		v, err = k.result(h.Run(k.n))
	}
	t.panicked = nil
	k.conclude(v, k.s.end(err))
}

// reported runs the branch's operation, a plain group if g is not nil, between the reports to
// interceptors.
func (k *branch) reported(g *node.Group) (v any, err error) {
	k.s.inv.hooks.group(k.s.ctx, k.operation(), func(ctx context.Context) error {
		h := &handle{s: k.s, ctx: ctx}
		if g != nil {
			v, err = k.s.t.guardScope(g.Body, h)
		} else {
			v, err = k.result(h.Run(k.n))
		}
		return err
	})
	return v, err
}

// result is what an operation that is not a plain group has come to.
func (k *branch) result(r node.Record) (any, error) {
	if c := k.n.Head().Check; r.Err == nil && c != nil && node.FromOutside(k.n) {
		r.Err = c.Check(r) // what cannot be read must not count as a success
	}
	return node.Verbatim{Payload: r.Payload}, r.Err
}

// conclude queues how the branch ended. Nobody but the batch sees that, so it need not be durable
// before it counts.
func (k *branch) conclude(v any, err error) {
	inv, t := k.s.inv, k.s.t
	var payload checkpoint.Payload
	if err == nil {
		o := &operation{s: k.b.in, head: k.n.Head(), kind: checkpoint.KindContext, id: k.id, ctx: k.s.ctx}
		payload, err = o.payload(v)
	}
	inv.mu.Lock()
	t.check()
	k.payload = payload
	u := k.update(checkpoint.ActionSucceed)
	if err != nil {
		if k.rec != nil && k.rec.Status == checkpoint.StatusSucceeded {
			k.s.diverge(refailed(k.rec, err))
		}
		k.payload, k.failure = checkpoint.Payload{}, inv.set.failure(err, k.s.known)
		u.Action, u.Failure = checkpoint.ActionFail, k.failure
	}
	u.Payload = k.payload
	if u.Payload.Size() > maxInline {
		u.ReplayChildren, u.Payload = true, checkpoint.TextPayload("")
	}
	if !k.s.readOnly && !k.b.n.Flat {
		inv.writer.Add(u, inv.writer.RoundTrip())
	}
	inv.mu.Unlock()
}

// ended notes how the branch's goroutine ended.
func (k *branch) ended(err error) {
	if err != nil {
		k.failure = k.s.inv.set.failure(err, k.s.known)
	}
	k.s.cancel(errEnded)
	k.b.end(k)
}

// operation is the branch as an operation of its own.
func (k *branch) operation() *operation {
	return &operation{
		s: k.b.in, head: &node.Header{Name: k.wire, SubType: k.b.n.ItemSubType}, kind: checkpoint.KindContext,
		id: k.id, at: k.path(), found: k.rec,
	}
}

// abandon leaves the branch behind. Called with the lock held.
func (k *branch) abandon() {
	if k.t != nil && !k.done {
		k.t.abandon()
	}
}

func (k *branch) update(a checkpoint.Action) checkpoint.Update {
	return checkpoint.Update{
		ID: k.id, ParentID: k.b.in.real, Name: k.wire, SubType: k.b.n.ItemSubType,
		Kind: checkpoint.KindContext, Action: a,
	}
}
