package replaytest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
)

// functionName is the name under which the function is hosted that the test does not name.
const functionName = "function"

// errTooMany says that an execution makes no progress.
var errTooMany = errors.New("the execution makes no progress")

// kit is one execution of a function in a service of its own.
type kit struct {
	cfg    *config
	number string // distinguishes its goroutines from those of others
	clock  *local.VirtualClock
	svc    *local.Service
	exec   *local.Execution
	chain  *chain // of the chain of executions that continue each other
	// body runs the body of a step; nil runs it as it is. It is given the path and which run of it
	// this is.
	body func(ctx context.Context, path string, run int, next func(context.Context) (any, error)) (any, error)
	// waits reports whether a reply is not due yet, and rest lets time pass until one is; both may
	// be nil.
	waits func(r reply) bool
	rest  func() (passed bool)
	// resume has the execution go on if it is paused; nil leaves it as it is.
	resume func() (resumed bool, err error)
	// budgeted reports whether the invocations that have failed in a row count as they do on AWS;
	// nil if the service counts them.
	budgeted func() bool

	mu      sync.Mutex        // guards what follows
	paths   map[string]string // by ID
	order   []string          // of the IDs, as they were reached
	known   []codec.KnownError
	readers map[string]reader // callbacks and what waits for one, by path
	runs    map[string]int    // of bodies, by path
	running map[string]int    // bodies that have not ended, by path
	seen    *sights           // what was run; nil if no one asks

	same    determinism
	earlier []string          // what was wrong with the code that ran before
	started []Started         // by the executions that this one continues
	lines   map[string]string // of the handler, by path

	used    map[*stub]bool
	replied map[string]bool   // by the path of a reply
	names   map[string]string // of the operations that were run, with the path of one
	// callbacks are the paths of those that were created.
	callbacks, misfits, repeated []string

	relaxed map[string]bool        // steps, by path
	batches map[string]*node.Batch // by path
	beside  bool                   // something ran concurrently
	effects *effects               // what was done and undone; nil if no one asks
	logs    []Log
}

// newKit hosts the function in a service of its own.
func newKit(cfg *config, h local.Handler, faults ...local.Faults) (*kit, error) {
	k := emptyKit(cfg)
	k.clock = local.NewVirtualClock(cfg.start)
	opts := slices.Clone(cfg.service)
	for _, f := range faults {
		opts = append(opts, local.WithFaults(f))
	}
	if len(faults) > 0 {
		opts = slices.Insert(opts, 0, local.WithLimits(local.Limits{FailedInvocations: countedHere}))
	}
	k.svc = local.New(append(opts, local.WithClock(k.clock))...)
	err := k.host(h)
	for _, other := range cfg.hosts {
		err = errors.Join(err, k.svc.Host(other.function, k.labelled(other.handler), other.opts...))
	}
	for _, s := range cfg.stubs {
		err = errors.Join(err, s.err)
	}
	if cfg.cloud != nil {
		err = errors.Join(err, errCloud)
	}
	return k, err
}

// host makes h the function, from the next invocation on.
func (k *kit) host(h local.Handler) error {
	return k.svc.Host(k.cfg.function(), local.HandlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		r := k.roundOf(payload)
		return r.labelled(h).Invoke(r.watch(ctx), payload)
	}))
}

func emptyKit(cfg *config) *kit {
	return &kit{
		cfg: cfg, number: strconv.FormatInt(numbers.Add(1), 10), chain: &chain{ahead: make(map[string]*kit)}, running: make(map[string]int), paths: make(map[string]string), readers: make(map[string]reader), runs: make(map[string]int),
		same: newDeterminism(), lines: make(map[string]string), used: make(map[*stub]bool), replied: make(map[string]bool),
		names: make(map[string]string), relaxed: make(map[string]bool), batches: make(map[string]*node.Batch),
	}
}

// start starts the execution.
func (k *kit) start(ctx context.Context, input []byte) (err error) {
	k.exec, err = k.svc.Start(ctx, k.cfg.function(), "test", input)
	return err
}

// drive runs the execution to its end.
func (k *kit) drive(ctx context.Context) error {
	for {
		if err := k.settle(ctx); err != nil || k.ended() {
			return err
		}
		if k.rest != nil && k.rest() {
			continue
		}
		if err := k.pass(ctx); err != nil {
			return err
		}
	}
}

// settle runs what is due, and answers the callbacks that have a reply.
func (k *kit) settle(ctx context.Context) error {
	for {
		if err := k.exec.RunUntilSuspended(ctx); err != nil {
			return err
		}
		rec := k.exec.Record()
		if k.gaveUp(rec) || rec.FailedInRow > mostFailed {
			return fmt.Errorf("%w: %d invocations in a row have failed, the last one with %s", errTooMany, rec.FailedInRow, k.lastFailure())
		}
		if k.ended() {
			return nil
		}
		if k.exec.Invocations() > k.cfg.most {
			return fmt.Errorf("%w: it was invoked %d times", errTooMany, k.exec.Invocations())
		}
		if k.resume != nil {
			resumed, err := k.resume()
			if err != nil {
				return err
			}
			if resumed {
				continue
			}
		}
		answered, err := k.reply()
		if err != nil || !answered {
			return err
		}
	}
}

// gaveUp reports whether too many invocations in a row have failed for the service.
func (k *kit) gaveUp(rec local.ExecutionRecord) bool {
	most := k.svc.Limits().FailedInvocations
	if most != countedHere {
		return rec.Status == local.StatusFailed && rec.FailedInRow == most
	}
	return rec.FailedInRow >= mostOnAWS() && (k.budgeted == nil || k.budgeted())
}

// countedHere has the service give up no execution because its invocations fail: the kit does, when
// the failures are those of the function. It differs from the -1 by which a test says no limit.
const countedHere = math.MinInt

// mostOnAWS is how many invocations in a row may fail unless a test says otherwise.
var mostOnAWS = sync.OnceValue(func() int { //nolint:gochecknoglobals // it never changes
	s := local.New()
	_ = s.Close() // it holds nothing
	return s.Limits().FailedInvocations
})

// mostFailed is how many invocations in a row may fail before someone is informed, if the service
// does not give up before.
const mostFailed = 50

// lastFailure is what the last invocation failed with.
func (k *kit) lastFailure() string {
	for _, e := range slices.Backward(k.exec.History()) {
		if e.Type == local.EventInvocationCompleted && e.Failure != nil {
			return e.Failure.Type + ": " + e.Failure.Message
		}
	}
	return "nothing that was recorded"
}

// pass lets time pass until the next timer.
func (k *kit) pass(ctx context.Context) error {
	if rec := k.exec.Record(); rec.Status == local.StatusPaused {
		return fmt.Errorf("%w: it is paused: %s; Continue deploys other code and resumes it", local.ErrStalled, rec.Pause.Reason)
	}
	at, ok := k.clock.Next()
	if !ok {
		return fmt.Errorf("%w: %s", local.ErrStalled, waitsFor(k.operations(), k.cfg.replies, byHand))
	}
	k.clock.AdvanceTo(at)
	return ctx.Err()
}

func (k *kit) ended() bool { return k.exec.Status().Terminal() }

// reply answers the first open callback that has a reply, and reports whether there is one.
func (k *kit) reply() (bool, error) {
	for _, r := range k.cfg.replies {
		if k.waits != nil && k.waits(r) {
			continue
		}
		if done, err := k.replyTo(r); done {
			return true, err
		}
	}
	return false, nil
}

// replyTo answers the first open callback that a reply is for.
func (k *kit) replyTo(r reply) (bool, error) {
	if rec, ok := k.open(r); ok {
		k.note(func() { k.replied[r.path] = true })
		if err := r.act(&Callback{k: k, id: rec.CallbackID, path: k.path(rec), outer: k.parentPath(rec), arn: k.exec.ARN(), to: k.svc}); err != nil {
			return true, fmt.Errorf("the reply for %q: %w", r.path, err)
		}
		return true, nil
	}
	return false, nil
}

// open returns the first open callback that a reply is for.
func (k *kit) open(r reply) (checkpoint.Operation, bool) {
	for _, rec := range k.exec.Operations() {
		if !rec.Status.Terminal() && k.answers(r, rec) {
			return rec, true
		}
	}
	return checkpoint.Operation{}, false
}

// answers reports whether the reply is for an operation.
func (k *kit) answers(r reply, rec checkpoint.Operation) bool {
	return rec.Kind == checkpoint.KindCallback && (matches(r.path, k.path(rec)) || matches(r.path, k.parentPath(rec)) || matches(r.path, branchAround(k.parentPath(rec))))
}

// path is the path of a record; its name if the code was never seen to reach it.
func (k *kit) path(rec checkpoint.Operation) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p, ok := k.paths[rec.ID]; ok {
		return p
	}
	return rec.Name
}

func (k *kit) parentPath(rec checkpoint.Operation) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.paths[rec.ParentID]
}

func (k *kit) note(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
}
