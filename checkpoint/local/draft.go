package local

import (
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// draft is a transition of an execution in the making. No one sees any of it before it is
// committed, and if it is thrown away nothing has changed: that is what makes calls atomic.
type draft struct {
	e   *Execution
	now time.Time
	// external: the service makes the change, not the function. nothing: there is none.
	external, nothing bool
	// rec and records are changed copies of what the execution holds.
	rec     ExecutionRecord
	records map[string]*Record
	order   []string
	events  []Event
	clear   []TimerKey
	set     []Timer
	// under is called when the transition is committed, with the execution's mutex held, after
	// when it is released.
	under, after []func()
}

// transact makes a transition with f and commits it. If f or the store fails, nothing changes.
func (e *Execution) transact(external bool, f func(d *draft) error) error {
	e.mu.Lock()
	d := e.begin(external)
	err := f(d)
	if err == nil {
		err = d.commit()
	}
	e.mu.Unlock()
	if err != nil {
		return err
	}
	d.conclude()
	return nil
}

// begin returns an empty transition. The execution's mutex is held.
func (e *Execution) begin(external bool) *draft {
	return &draft{
		e: e, now: e.svc.now(), external: external,
		rec: e.rec, records: make(map[string]*Record),
	}
}

// record returns a copy of the record of an operation for reading; nil if there is none.
func (d *draft) record(id string) *Record {
	if r, ok := d.records[id]; ok {
		return r
	}
	if r, ok := d.e.index[id]; ok {
		c := r.Record
		return &c
	}
	return nil
}

// put makes r the record of its operation.
func (d *draft) put(r *Record) {
	if _, ok := d.records[r.ID]; !ok {
		d.order = append(d.order, r.ID)
	}
	d.records[r.ID] = r
}

// log appends an event to the history.
func (d *draft) log(ev Event) {
	ev.ID = len(d.e.events) + len(d.events) + 1
	ev.Time = d.now
	d.events = append(d.events, ev)
}

// logOfExecution appends an event of the execution itself to the history.
func (d *draft) logOfExecution(ev Event) {
	ev.OperationID = d.rec.ID()
	d.log(ev)
}

// logOf appends an event of an operation to the history.
func (d *draft) logOf(r *Record, ev Event) {
	ev.OperationID, ev.ParentID, ev.Name, ev.SubType = r.ID, r.ParentID, r.Name, r.SubType
	d.log(ev)
}

// arm sets a timer in place of the one with its key.
func (d *draft) arm(key TimerKey, after time.Duration) {
	d.set = append(d.set, Timer{TimerKey: key, At: d.now.Add(after)})
}

// disarm removes a timer, if there is one.
func (d *draft) disarm(keys ...TimerKey) {
	for _, key := range keys {
		if _, ok := d.e.timers[key]; ok {
			d.clear = append(d.clear, key)
		}
	}
}

// meter counts an operation against the limit.
func (d *draft) meter() *checkpoint.APIError {
	d.rec.Metered++
	if limit := d.e.svc.limits.Operations; d.rec.Metered > limit {
		return refusef("The execution exceeded the limit of %d operations.", limit)
	}
	return nil
}

// weigh counts stored bytes against the limit.
func (d *draft) weigh(p checkpoint.Payload, f *checkpoint.Failure) *checkpoint.APIError {
	d.rec.DataBytes += len(p.Bytes()) + failureSize(f)
	if limit := d.e.svc.limits.DataBytes; d.rec.DataBytes > limit {
		return refusef("The execution exceeded the limit of %d bytes of stored data.", limit)
	}
	return nil
}

// end ends the execution. The history shows it at once, or, if the function has said so in a
// checkpoint call, when its invocation has ended.
func (d *draft) end(status Status, result checkpoint.Payload, failure *checkpoint.Failure, closing bool) {
	d.rec.Status, d.rec.Result, d.rec.Failure, d.rec.End = status, result, failure, d.now
	d.rec.Closing, d.rec.Pause = closing, Pause{}
	d.set = nil
	for key := range d.e.timers {
		d.clear = append(d.clear, key)
	}
	if r := d.record(d.rec.ID()); r != nil {
		r.Status, r.End = status.operation(), d.now
		d.put(r)
	}
	if !closing {
		d.close()
	}
}

// close writes the last event of the history.
func (d *draft) close() {
	d.rec.Closing = false
	d.logOfExecution(Event{Type: d.rec.Status.event(), Result: d.rec.Result, Failure: d.rec.Failure})
}

// commit hands the transition to the store and then makes it visible. The execution's mutex is
// held; conclude is to be called without it.
func (d *draft) commit() error {
	if !d.nothing {
		if err := d.store(); err != nil {
			return err
		}
	}
	for _, f := range d.under {
		f()
	}
	return nil
}

func (d *draft) store() error {
	e := d.e
	if d.external && len(d.order) > 0 {
		d.rec.Due = true
		for _, id := range d.order {
			if !slices.Contains(d.rec.Updated, id) {
				d.rec.Updated = append(slices.Clip(d.rec.Updated), id)
			}
		}
	}
	t := Transition{Execution: d.rec, Events: d.events, Clear: d.clear, Set: d.set}
	for _, id := range d.order {
		t.Records = append(t.Records, *d.records[id])
	}
	if err := e.svc.store.Commit(t); err != nil {
		return unavailable(api.CallCheckpoint, err)
	}

	e.rec = d.rec
	for _, id := range d.order {
		r := e.index[id]
		if r == nil {
			r = &record{}
			e.index[id] = r
			e.records = append(e.records, r)
		}
		r.Record = *d.records[id]
		e.changes = append(e.changes, change{r: r, external: d.external})
		r.revision = len(e.changes)
	}
	e.events = append(e.events, d.events...)
	for _, key := range d.clear {
		e.stopTimer(key)
	}
	for _, t := range d.set {
		e.startTimer(t, d.now)
	}
	if e.ended() {
		e.closeDone()
		d.after = append(d.after, e.tellParent, e.retire)
	} else if d.external && len(d.order) > 0 {
		e.wake()
	}
	return nil
}

// conclude does what follows from the transition in other executions.
func (d *draft) conclude() {
	for _, f := range d.after {
		f()
	}
	d.e.svc.notify()
}
