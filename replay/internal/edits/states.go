package edits

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Verdict is what has become of an execution that other code has ended.
type Verdict string

// The verdicts.
const (
	// Right: it succeeded with the result of the old or the new code, no body ran again whose
	// result was durable, and nothing that both versions do is missing.
	Right Verdict = "right"
	// Surprising: the same, but something is missing that the new code does.
	Surprising Verdict = "surprising"
	// Diverged: the new code was stopped.
	Diverged Verdict = "diverged"
	// Failed: it failed otherwise.
	Failed Verdict = "failed"
	// Wrong: it succeeded with the value of another operation, with a lost value, or with an effect
	// twice or never.
	Wrong Verdict = "wrong"
)

// State is what one version left behind, and what the other one made of it.
type State struct {
	// Where says at what point the code was deployed.
	Where string
	// Log is what the new code was invoked with first.
	Log checkpoint.Invocation
	// Rehearsal is what the new code said of that before, Verdict what came of it, Why the reason
	// of a verdict that is not right, End how the execution ended.
	Rehearsal *replay.Rehearsal
	Verdict   Verdict
	Why, End  string
	// Events are the history up to the deployment.
	Events []local.Event
}

// divergence is what the error of an execution says that has diverged.
const divergence = "the execution diverged"

// begin is when executions begin.
func begin() time.Time { return time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC) }

// Run runs a version to its end, without any change, and returns its execution.
func Run(ctx context.Context, v Version, input string) (*local.Execution, []Effect, error) {
	w := &World{}
	p := newPlay(v(w), nil, nil)
	defer p.close()
	err := p.drive(ctx, input)
	return p.exec, w.Effects(), err
}

// States runs an execution once for each state that the old code leaves behind: after each
// checkpoint call, where the function is lost, at each suspend, and inside each body whose START is
// recorded. After goes on from there. States with the same log count once.
func (e *Edit) States(ctx context.Context, after Version, each func(s State) error) error {
	was, is, err := e.both(ctx, after)
	if err != nil {
		return err
	}
	seen := make(map[string]bool)
	for way := range ways {
		for n := 1; ; n++ {
			s, p, w, err := e.state(ctx, way, n, after)
			if err != nil {
				return err
			}
			if p == nil {
				break
			}
			if mark := markOf(s.Log); !seen[mark] {
				seen[mark] = true
				s.Verdict, s.Why = judge(s.End, p.durable, w[0].Effects(), w[1].Effects(), was, is)
				if err := each(s); err != nil {
					return fmt.Errorf("%s, %s: %w", e.ID, s.Where, err)
				}
			}
		}
	}
	return nil
}

// ways is in how many ways a function can leave a state behind.
const ways = 3

// State is one of the states that [Edit.States] lists, of the n-th call, suspend or body; false if
// there is none. Its verdict says only whether it has diverged.
func (e *Edit) State(ctx context.Context, way, n int, after Version) (State, bool, error) {
	s, p, _, err := e.state(ctx, way%ways, n, after)
	if err == nil && p != nil && strings.Contains(s.End, divergence) {
		s.Verdict = Diverged
	}
	return s, p != nil, err
}

func (e *Edit) state(ctx context.Context, way, n int, after Version) (s State, p *play, w [2]*World, err error) {
	var where string
	switch way {
	case 0:
		where, p, w = e.lostAfterCall(n, after)
	case 1:
		where, p, w = e.suspended(n+1, after)
	default:
		where, p, w = e.insideBody(n, after)
	}
	defer p.close()
	if err := p.drive(ctx, e.Input); err != nil {
		return s, nil, w, fmt.Errorf("%s, %s: %w", e.ID, where, err)
	}
	s, deployed := p.state()
	if !deployed {
		return s, nil, w, nil
	}
	s.Where = where
	return s, p, w, nil
}

// through is what a version does without any change.
type through struct {
	end     string
	effects []Effect
}

func (e *Edit) both(ctx context.Context, after Version) (was, is through, err error) {
	for _, of := range []struct {
		v     Version
		input string
		to    *through
	}{{e.Before, e.Input, &was}, {after, cmp.Or(e.NewInput, e.Input), &is}} {
		exec, effects, err := Run(ctx, of.v, of.input)
		if err != nil {
			return was, is, fmt.Errorf("%s, without a change: %w", e.ID, err)
		}
		*of.to = through{endOf(exec), effects}
	}
	return was, is, nil
}

func (e *Edit) lostAfterCall(n int, after Version) (string, *play, [2]*World) {
	w := [2]*World{{}, {}}
	calls := 0
	return fmt.Sprintf("lost after call %d", n), newPlay(e.Before(w[0]), after(w[1]), func(p local.Point) (lose, deploy bool) {
		if p.Moment == local.MomentAfterCall && len(p.Updates) > 0 {
			calls++
			return calls == n, calls == n
		}
		return false, false
	}), w
}

func (e *Edit) suspended(n int, after Version) (string, *play, [2]*World) {
	w := [2]*World{{}, {}}
	return fmt.Sprintf("suspended before invocation %d", n), newPlay(e.Before(w[0]), after(w[1]), func(p local.Point) (lose, deploy bool) {
		return false, p.Moment == local.MomentBegin && p.Invocation == n
	}), w
}

func (e *Edit) insideBody(n int, after Version) (string, *play, [2]*World) {
	w := [2]*World{{Options: []replay.HandlerOption{replay.WithStepDefaults(op.WithCrashCounting())}, killAt: n}, {}}
	return fmt.Sprintf("lost inside body %d", n), newPlay(e.Before(w[0]), after(w[1]), func(p local.Point) (lose, deploy bool) {
		return false, p.Moment == local.MomentBegin && w[0].killed()
	}), w
}

func (w *World) killed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.killAt > 0 && w.bodies >= w.killAt
}

// play is an execution that begins with one version and may be ended by another one.
type play struct {
	svc   *local.Service
	clock *local.VirtualClock
	exec  *local.Execution

	mu            sync.Mutex
	before, after Function
	deployed      bool
	first         *State // as soon as the new code was invoked
	failure       error
	durable       map[string]bool // operations that had ended then
}

func newPlay(before, after Function, at func(p local.Point) (lose, deploy bool)) *play {
	p := &play{clock: local.NewVirtualClock(begin()), before: before, after: after}
	p.svc = local.New(local.WithClock(p.clock), local.WithFaults(local.Faults{Lose: func(point local.Point) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if at == nil || p.deployed || !strings.Contains(point.ARN, ":order") {
			return false
		}
		lose, deploy := at(point)
		p.deployed = deploy
		return lose
	}}))
	return p
}

func (p *play) close() { _ = p.svc.Close() }

// Invoke invokes the version that is deployed; the new one is rehearsed before its first
// invocation.
func (p *play) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	p.mu.Lock()
	code, first := p.before, false
	if p.deployed {
		code, first = p.after, p.first == nil
	}
	p.mu.Unlock()
	if first {
		s, err := p.rehearse(ctx, payload)
		p.mu.Lock()
		p.first, p.failure = s, err
		p.mu.Unlock()
	}
	return code.Invoke(ctx, payload)
}

func (p *play) rehearse(ctx context.Context, payload []byte) (*State, error) {
	s := &State{}
	event, err := checkpoint.DecodeInvocation(slices.Clone(payload))
	if err != nil {
		return s, err
	}
	s.Log = checkpoint.Invocation{ARN: event.ARN, Operations: event.Operations, Updated: event.Updated}
	s.Events = p.exec.History()
	p.durable = make(map[string]bool)
	for _, o := range p.exec.Operations() {
		p.durable[o.ID] = o.Status.Terminal()
	}
	s.Rehearsal, err = p.after.Rehearse(ctx, s.Log)
	return s, err
}

// drive runs the execution to its end: callbacks are answered, and time passes.
func (p *play) drive(ctx context.Context, input string) error {
	if input == "" {
		input = "null"
	}
	stock := local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte(`"charge"`), nil })
	err := errors.Join(p.svc.Host("order", p), p.svc.Host("stock", stock, local.WithPlainFunction()))
	if err == nil {
		p.exec, err = p.svc.Start(ctx, "order", "", []byte(input))
	}
	if err != nil {
		return err
	}
	const most = 500
	for range most {
		if err := p.exec.RunUntilSuspended(ctx); err != nil {
			return err
		}
		for _, e := range p.svc.Executions() {
			if !e.Status().Terminal() && e != p.exec {
				_ = e.RunUntilSuspended(ctx)
			}
		}
		if p.exec.Status().Terminal() {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.failure
		}
		if p.answer() {
			continue
		}
		at, ok := p.clock.Next()
		if !ok {
			return errors.New("nothing will ever happen")
		}
		p.svc.Advance(at.Sub(p.clock.Now()))
	}
	return errors.New("the execution does not end")
}

// answer answers the callbacks that wait.
func (p *play) answer() (answered bool) {
	for _, o := range p.exec.Operations() {
		if o.Kind == checkpoint.KindCallback && o.Status == checkpoint.StatusStarted {
			answered = p.svc.CompleteCallback(o.CallbackID, []byte(`"yes"`)) == nil || answered
		}
	}
	return answered
}

// state returns the state in which the new code began, and how it ended; false if the new code did
// not run.
func (p *play) state() (State, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first == nil {
		return State{}, false
	}
	s := *p.first
	s.End = endOf(p.exec)
	return s, true
}

// endOf says how an execution ended.
func endOf(e *local.Execution) string {
	if f := e.Failure(); f != nil {
		return fmt.Sprintf("%s %s: %s", e.Status(), f.Type, f.Message)
	}
	return fmt.Sprintf("%s %s", e.Status(), e.Result())
}

// markOf distinguishes logs but for their times.
func markOf(log checkpoint.Invocation) string {
	lines := make([]string, len(log.Operations))
	for i := range log.Operations {
		o := &log.Operations[i]
		lines[i] = fmt.Sprint(o.ID, o.Status, o.Payload, o.Attempt, o.Failure != nil)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// judge says what has become of an execution.
func judge(end string, durable map[string]bool, before, after []Effect, was, is through) (Verdict, string) {
	switch {
	case strings.Contains(end, divergence):
		return Diverged, end
	case !strings.HasPrefix(end, string(local.StatusSucceeded)):
		return Failed, end
	}
	names := func(effects ...[]Effect) (list []string) {
		for _, e := range slices.Concat(effects...) {
			list = append(list, e.Name)
		}
		return list
	}
	for _, e := range before {
		if !durable[e.ID] {
			continue
		}
		if slices.Contains(names(after), e.Name) {
			return Wrong, e.Name + " ran again"
		}
		for _, n := range is.effects {
			if n.ID == e.ID && n.Name != e.Name {
				return Wrong, "the result of " + e.Name + " stands for " + n.Name
			}
		}
	}
	if end != was.end && end != is.end {
		return Wrong, fmt.Sprintf("ended as %s, the old code as %s, the new one as %s", end, was.end, is.end)
	}
	all := names(before, after)
	for _, name := range names(is.effects) {
		if slices.Contains(all, name) {
			continue
		}
		if slices.Contains(names(was.effects), name) {
			return Wrong, name + " never ran"
		}
		return Surprising, name + " did not run"
	}
	return Right, ""
}
