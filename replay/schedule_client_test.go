package replay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// restless is a service in a few lines that never does the same thing twice: calls take a random
// while, waits and pauses end at random, in a reply, in a poll or unsaid, and a reply may leave
// out what the caller has just written, unless that has ended. It is also the clock, whose timers
// fire almost at once.
type restless struct {
	mu      sync.Mutex // guards what follows
	rng     *rand.Rand
	now     time.Time
	records map[string]*checkpoint.Operation
	order   []string
	token   int
	calls   int
	flying  bool
	// untold are records that have changed since the caller was last informed.
	untold map[string]bool
	// wrong is what the caller has done that it must not do.
	wrong []error
}

const restlessARN = "arn:aws:lambda:eu-central-1:123456789012:function:order:1/durable-execution/restless/1"

func newRestless(seed uint64) *restless {
	return &restless{
		rng: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		records: map[string]*checkpoint.Operation{"1": {
			ID: "1", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted,
			Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Payload: checkpoint.TextPayload("{}"),
		}},
		order: []string{"1"}, untold: make(map[string]bool),
	}
}

// Now implements checkpoint.Clock.
func (c *restless) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tick()
}

func (c *restless) tick() time.Time {
	c.now = c.now.Add(time.Duration(c.rng.IntN(400)) * time.Millisecond)
	return c.now
}

// AfterFunc implements checkpoint.Clock.
func (c *restless) AfterFunc(_ time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.AfterFunc(time.Duration(c.rng.IntN(150))*time.Microsecond, f).Stop
}

// dawdle lets others go first.
func (c *restless) dawdle() {
	c.mu.Lock()
	n, sleep := c.rng.IntN(10), c.rng.IntN(120)
	c.mu.Unlock()
	for range n {
		runtime.Gosched()
	}
	if sleep == 0 {
		time.Sleep(50 * time.Microsecond)
	}
}

// Checkpoint implements checkpoint.Client.
func (c *restless) Checkpoint(_ context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	c.mu.Lock()
	if c.flying {
		c.blame("two calls are in flight")
	}
	if in.Token != c.current() {
		c.blame("the call has the token %s, not %s", in.Token, c.current())
	}
	c.flying = true
	c.mu.Unlock()
	c.dawdle()

	c.mu.Lock()
	c.calls++
	told := make(map[string]bool)
	for _, u := range in.Updates {
		c.apply(u)
		// A reply may leave out what was written, but for ends: only the service knows when they
		// were.
		told[u.ID] = told[u.ID] || c.records[u.ID].Status.Terminal() || c.rng.IntN(4) > 0
	}
	c.progress(30)
	var out checkpoint.CheckpointOutput
	for _, id := range c.order {
		rec := c.records[id]
		ours, written := told[id]
		ended := c.untold[id] && c.rng.IntN(3) > 0
		if ended || (written && ours) {
			out.Operations = append(out.Operations, *rec)
			delete(c.untold, id)
		}
	}
	c.token++
	out.Token = c.current()
	c.mu.Unlock()
	c.dawdle()

	c.mu.Lock()
	c.flying = false
	c.mu.Unlock()
	return out, nil
}

// State implements checkpoint.Client.
func (c *restless) State(context.Context, checkpoint.StateInput) (checkpoint.StateOutput, error) {
	return checkpoint.StateOutput{}, errors.New("there are no more pages")
}

func (c *restless) current() string { return "token-" + strconv.Itoa(c.token) }

// blame notes what must not be. The mutex is held.
func (c *restless) blame(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Errorf(format, args...))
}

// apply carries out an update.
func (c *restless) apply(u checkpoint.Update) {
	rec := c.records[u.ID]
	if rec == nil {
		if u.Action != checkpoint.ActionStart {
			c.blame("%s of %s without a START", u.Action, u.Name)
		}
		rec = &checkpoint.Operation{
			ID: u.ID, ParentID: u.ParentID, Name: u.Name, SubType: u.SubType, Kind: u.Kind, Start: c.tick(),
		}
		c.records[u.ID] = rec
		c.order = append(c.order, u.ID)
	}
	if rec.Status.Terminal() {
		c.blame("%s of %s, which is %s", u.Action, u.Name, rec.Status)
	}
	switch u.Action {
	case checkpoint.ActionStart:
		if rec.Status != "" && rec.Status != checkpoint.StatusReady {
			c.blame("START of %s, which is %s", u.Name, rec.Status)
		}
		rec.Status, rec.Payload, rec.Failure = checkpoint.StatusStarted, checkpoint.Payload{}, nil
		if u.Kind == checkpoint.KindWait {
			rec.Due = c.now.Add(u.Wait)
		}
	case checkpoint.ActionSucceed:
		rec.Status, rec.Payload, rec.End = checkpoint.StatusSucceeded, u.Payload, c.tick()
	case checkpoint.ActionFail:
		rec.Status, rec.Failure, rec.End = checkpoint.StatusFailed, u.Failure, c.tick()
	case checkpoint.ActionRetry:
		rec.Status, rec.Payload, rec.Failure = checkpoint.StatusPending, u.Payload, u.Failure
		rec.Due = c.now.Add(u.NextAttemptDelay)
	case checkpoint.ActionCancel:
		c.blame("CANCEL of %s", u.Name)
	}
	if u.Kind == checkpoint.KindStep && u.Action != checkpoint.ActionStart {
		rec.Attempt++
	}
}

// progress ends waits and pauses, each with that many percent. The mutex is held.
func (c *restless) progress(percent int) (some bool) {
	for _, id := range c.order {
		rec := c.records[id]
		if !serviceSide(rec) || c.rng.IntN(100) >= percent {
			continue
		}
		some = true
		c.untold[id] = true
		if rec.Kind == checkpoint.KindWait {
			rec.Status, rec.End = checkpoint.StatusSucceeded, c.tick()
		} else {
			rec.Status = checkpoint.StatusReady
		}
	}
	return some
}

// serviceSide reports whether the service brings an operation further by itself.
func serviceSide(rec *checkpoint.Operation) bool {
	return (rec.Kind == checkpoint.KindWait && rec.Status == checkpoint.StatusStarted) ||
		(rec.Kind == checkpoint.KindStep && rec.Status == checkpoint.StatusPending)
}

// event is that of the next invocation, which is given everything.
func (c *restless) event() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token++
	in := checkpoint.Invocation{ARN: restlessARN, Token: c.current()}
	for _, id := range c.order {
		in.Operations = append(in.Operations, *c.records[id])
	}
	clear(c.untold)
	return checkpoint.EncodeInvocation(in)
}

// resume lets time pass until there is a reason to invoke again, and fails if there never will be.
func (c *restless) resume() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	pending := len(c.untold) > 0
	for _, rec := range c.records {
		pending = pending || serviceSide(rec)
	}
	if !pending {
		return errors.New("PENDING, but nothing is pending in the service: it will not be invoked again")
	}
	for len(c.untold) == 0 {
		c.progress(40)
	}
	return nil
}
