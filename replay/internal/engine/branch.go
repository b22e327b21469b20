package engine

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/internal/wire"
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
	branchIdentity

	id     string
	origin string                // see originID; empty if it was not needed
	rec    *checkpoint.Operation // of the branch itself; nil if there is none
	s      *scope
	f      *fiber
	// supposed says that a rehearsal has opened it before its time: its batch does not count it.
	supposed bool
	// left says that the code does not run it any more: what the log holds of it is left as it is.
	left bool

	branchEnd
}

// branchEnd is how a branch ended.
type branchEnd struct {
	// done says that it has ended, at cause; counted that the batch has taken that in; failed that
	// it counts as failed, which may differ from whether its operation did: see [judge].
	done, counted, failed bool
	// replayed says that how it ended was recorded by an earlier invocation.
	replayed bool
	cause    cause
	payload  checkpoint.Payload
	failure  *checkpoint.Failure
}

// branchIdentity is what shows a branch from the others of its batch.
type branchIdentity struct {
	// name and key identify the branch, or its index does.
	name, key string
	indexed   bool
	wire      string // its name in the log
	label     string // its place in paths
}

// newIdentity returns the identity of the i-th operation of a batch.
func newIdentity(n *node.Batch, h *node.Header, i int) branchIdentity {
	switch {
	case !n.Indexed:
		wire := oplog.WireName(h.Name, h.Key)
		return branchIdentity{name: h.Name, key: h.Key, wire: wire, label: wire}
	case h.Key != "":
		return branchIdentity{name: itemName, key: h.Key, wire: oplog.KeyName(h.Key), label: h.Key}
	}
	place := strconv.Itoa(i)
	return branchIdentity{name: itemName, indexed: true, wire: "item-" + place, label: place}
}

// itemName is the name of the items of a map in their IDs.
const itemName = "item"

// mark is the identity as an envelope holds it.
func (id *branchIdentity) mark() wire.Mark {
	if id.indexed {
		return ""
	}
	return wire.MarkOf(id.name, id.key)
}

var errCreatedInBatch = errors.New("a callback is created by a branch: create it before and pass its Result()")

// newBranch makes the branch of an operand.
func newBranch(o *operand) *branch {
	k := &branch{index: o.index, n: o.n, head: o.head, branchIdentity: o.branchIdentity, left: o.left}
	k.n = node.With(o.n, func(h *node.Header) { h.Key = "" })
	return k
}

// originOf is the ID and the path of the operation whose result is the branch's: codecs may ask for
// it. batch is the ID of the batch, path its path.
func originOf(k *branch, batch, path string) (id, at string) {
	var buf [maxID]byte
	id = string(k.appendID(buf[:0], oplog.NewScope(batch), k.index))
	at = oplog.ItemPath(path, k.label)
	if a, ok := k.n.(*node.Await); ok {
		if o := targetOf(a); o != nil && o.id != "" {
			return o.bound(), o.path()
		}
	}
	if _, plain := k.plain(); plain {
		return id, at
	}
	name := k.n.Head().Name
	return string(oplog.NewScope(id).AppendID(buf[:0], name, "", 0)), oplog.Path(at, name, "", 0)
}

// path names the branch for people.
func (k *branch) path() string { return oplog.ItemPath(k.b.path(), k.label) }

// plain reports whether the operation is a group that runs in the branch's own context.
func (k *branch) plain() (*node.Group, bool) {
	g, ok := k.n.(*node.Group)
	return g, ok && g.SubType == groupSubType && g.Of == nil && !g.Outside
}

// groupSubType is the sub-type of groups that users declare.
const groupSubType = subtype.Group

// admit opens the next branch.
func (b *batch) admit(k *branch) {
	b.next++
	b.open++
	b.begin(k, b.f.logOnly)
}

// begin begins a branch. One that has ended in an earlier invocation is read from the log. With
// look it goes only as far as the log reaches.
func (b *batch) begin(k *branch, look bool) {
	inv := b.s.inv
	if !b.n.Flat && inv.Observer != nil && !b.inner.readOnly && !look {
		inv.Observer.Reached(asOperation(k).sight())
	}
	if k.rec != nil && k.rec.Status.Terminal() && !k.rec.ReplayChildren {
		k.payload, k.failure = k.rec.Payload, k.rec.Failure
		if k.rec.Status == checkpoint.StatusFailed && k.failure == nil {
			k.failure = &checkpoint.Failure{}
		}
		k.cause, k.replayed = cause{at: k.rec.End}, true
		b.branchEnded(k)
		return
	}
	if k.rec == nil && !b.n.Flat && !look {
		inv.usage.operations++
		b.promise(-1)
		inv.out.Add(k.update(checkpoint.ActionStart), inv.due(inv.trip.time()))
	}
	if _, plain := k.plain(); plain && inv.Substitute != nil {
		k.n = inv.Substitute(k.path(), k.n)
	}
	k.f = inv.spawn(b.f, b, k.path(), k)
	k.f.logOnly = k.f.logOnly || look
	k.s = scopeOfBranch(k, k.rec != nil && k.rec.Status.Terminal())
	k.f.cancel = k.s.cancel
}

// ending is how the branch counts; it counts as started if the rule was not asked about it.
func (k *branch) ending() wire.Ending {
	switch {
	case k.left && !k.done:
		return wire.Ending{Status: wire.BranchLeft}
	case k.left && k.failure != nil:
		return k.endingAs(wire.BranchFailed)
	case k.left:
		return k.endingAs(wire.BranchSucceeded)
	case !k.counted:
		return wire.Ending{Status: wire.BranchStarted}
	case k.failed:
		return k.endingAs(wire.BranchFailed)
	}
	return k.endingAs(wire.BranchSucceeded)
}

// endingAs is how the branch's operation ended, with the status that it counts with.
func (k *branch) endingAs(status byte) wire.Ending {
	end := wire.Ending{Status: status}
	switch {
	case k.failure != nil:
		end.Failure = (*wire.Failure)(k.failure)
	case k.payload.Present():
		text := k.payload.String()
		end.Payload = &text
	}
	return end
}

// leftBehind reports whether the batch leaves the branch behind: it was not counted, or its
// operation has completed with a result that counts as a failure. What it did is then to be undone.
func (k *branch) leftBehind() bool {
	return !k.left && (!k.counted || k.failed && k.failure == nil)
}

// scopeOfBranch returns the scope of the branch.
func scopeOfBranch(k *branch, readOnly bool) *scope {
	in := k.b.inner
	s := &scope{inv: in.inv, outer: in, kind: aloneScope, readOnly: in.readOnly || readOnly, time: in.time}
	s.location = location{
		ids: oplog.NewScope(k.id), real: k.id, at: k.path(), known: concat(k.n.Head().Known, in.known), slots: in.slots,
	}
	if g, plain := k.plain(); plain {
		s.kind, s.most = branchScope, g.MaxOpen
		s.saga.report = g.Report
	} else {
		s.passesTo = originID(k)
	}
	if k.b.n.Flat {
		s.real = in.real
	}
	s.ctx, s.cancel = context.WithCancelCause(k.b.ctx)
	s.sit(k.f)
	s.inv.Rehearsal.enter(s)
	return s
}

var _ routine = (*branch)(nil)

// run runs the branch's operation. The payload of an operation that is not a plain group is passed
// on as it stands.
func (k *branch) run(f *fiber) {
	var v any
	var err error
	switch g, plain := k.plain(); {
	case k.s.inv.Observer != nil && (plain || !k.b.n.Flat) && !f.logOnly: // another flat branch has no function to report
		if !plain {
			g = nil
		}
		v, err = k.observed(g)
	case plain:
		v, err = runScope(f, g.Body, &Handle{s: k.s, ctx: k.s.ctx})
	default:
		v, err = k.result(k.s.call(k.s.ctx, k.n, false))
	}
	err = regained(f, err)
	if _, plain := k.plain(); f.logOnly && plain && err == nil && !k.s.readOnly {
		k.payload, err = k.encoded(f, v) // it may be all that is left of it
	}
	k.conclude(v, k.s.close(err))
}

// observed runs the branch's operation, a plain group if g is not nil, between the reports to the
// observer.
func (k *branch) observed(g *node.Group) (v any, err error) {
	sight := asOperation(k).sight()
	if k.b.n.Flat {
		sight.Virtual, sight.Replay = true, k.b.found != nil
	}
	if g != nil {
		return observedGroup(k.s.ctx, k.s, sight, g.Body)
	}
	flushed(k.s)
	k.s.inv.Observer.Group(k.s.ctx, sight, func(ctx context.Context) error {
		v, err = k.result(k.s.call(ctx, k.n, false))
		flushed(k.s)
		return err
	})
	return v, err
}

// result is the result of an operation that is not a plain group.
func (k *branch) result(r node.Result) (any, error) {
	if c := k.n.Head().Check; r.Err == nil && c != nil && node.FromOutside(k.n) {
		_, r.Err = guarded(func() (any, error) { return nil, c.Check(r) }) // what cannot be read must not count as a success
	}
	k.replayed = r.Replayed || r.Outcome != nil && slices.ContainsFunc(r.Outcome.Items, func(it node.Item) bool { return it.Result.Replayed })
	return node.Verbatim{Payload: r.Payload}, r.Err
}

// conclude notes how the branch ended. That is recorded when the batch counts it: no crash falls
// between the end of a branch and what the batch makes of it.
func (k *branch) conclude(v any, err error) {
	f := k.f
	if err == nil {
		k.payload, err = k.encoded(f, v)
	}
	if err != nil {
		if k.rec != nil && k.rec.Status == checkpoint.StatusSucceeded {
			k.s.diverge(refailed(k.rec, err))
		}
		k.payload, k.failure = checkpoint.Payload{}, encodeFailure(f, failureMeta(k), err, k.s.known)
	}
	if k.rec != nil && k.rec.Status.Terminal() {
		f.becauseOf(k.rec, k.rec)
	}
}

// encoded makes the payload of the branch's value.
func (k *branch) encoded(f *fiber, v any) (checkpoint.Payload, error) {
	o := &operation{s: k.b.inner, head: k.n.Head(), kind: checkpoint.KindContext, id: k.id, ctx: k.s.ctx}
	o.boundTo = originID(k)
	return o.payload(f, v)
}

// record queues how the branch ended: tied to the update that is added next, or held back for a
// round trip.
func (k *branch) record(tied bool) {
	if k.b.n.Flat || k.rec != nil && k.rec.Status.Terminal() {
		return
	}
	u := k.update(checkpoint.ActionSucceed)
	if k.failure != nil {
		u.Action, u.Failure = checkpoint.ActionFail, k.failure
	}
	u.Payload = k.payload
	inv := k.b.s.inv
	if k.failure == nil && tooLargeInline(inv, u.Payload) {
		u.ReplayChildren, u.Payload = true, checkpoint.TextPayload("")
	}
	if tied {
		inv.out.AddTied(u, time.Time{})
		return
	}
	inv.out.Add(u, inv.due(inv.trip.time()))
}

// ended notes how the branch's goroutine ended.
func (k *branch) ended(err error) {
	if err != nil {
		k.failure = k.s.inv.cfg.failure(err, k.s.known)
	}
	k.s.cancel(errEnded)
	k.cause = k.f.cause
	k.b.branchEnded(k)
}

// asOperation is the branch as an operation of its own.
func asOperation(k *branch) *operation {
	return &operation{
		s: k.b.inner, head: &node.Header{Name: k.wire, SubType: k.b.n.ItemSubType}, kind: checkpoint.KindContext,
		id: k.id, at: k.path(), found: k.rec,
	}
}

func (k *branch) update(a checkpoint.Action) checkpoint.Update {
	return checkpoint.Update{
		ID: k.id, ParentID: k.b.inner.real, Name: k.wire, SubType: k.b.n.ItemSubType,
		Kind: checkpoint.KindContext, Action: a,
	}
}
