package replay_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// traceRun carries out a script: inputs, one at a time, each when nothing can go on without
// another.
type traceRun struct {
	start   time.Time
	service *traceService
	program []*traceStmt
	opts    []replay.HandlerOption
	fn      *replay.Function[op.None, string]
	// stop ends the invocation that runs; nil if none does.
	stop context.CancelFunc

	mu sync.Mutex // guards what follows
	out
	gates  map[string]chan traceEnd
	locks  map[string]chan struct{}
	timers []*traceTimer
	armed  int
	calls  int
	number int  // of the invocation
	silent bool // no one sees what an invocation does that was given up
	// inside is how many goroutines run code of the handler's.
	inside atomic.Int32
}

// out is what came of one input. What strands do is in order; bodies run beside each other.
type out struct {
	turn, side, wire []string
	answer           string
}

// traceEnd is how a body ends.
type traceEnd struct {
	v   string
	err error
}

// traceTimer is a timer of the engine's.
type traceTimer struct {
	at   time.Time
	nth  int
	f    func()
	gone bool
}

func newTraceRun() *traceRun {
	r := &traceRun{start: time.Now(), gates: make(map[string]chan traceEnd), locks: make(map[string]chan struct{})}
	r.service = newTraceService(r)
	return r
}

func (r *traceRun) now() time.Time { return time.Now() }

func (r *traceRun) since(t time.Time) string { return "+" + t.Sub(r.start).String() }

// Now implements checkpoint.Clock, with the time of the bubble.
func (r *traceRun) Now() time.Time { return time.Now() }

// AfterFunc implements checkpoint.Clock. Timers fire in the order of their times, and as they were
// set.
func (r *traceRun) AfterFunc(d time.Duration, f func()) func() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.armed++
	t := &traceTimer{at: time.Now().Add(d), nth: r.armed, f: f}
	r.timers = append(r.timers, t)
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		was := t.gone
		t.gone = true
		return !was
	}
}

// advance lets time pass, and fires what is set.
func (r *traceRun) advance(d time.Duration) {
	end := time.Now().Add(d)
	for {
		r.mu.Lock()
		var first *traceTimer
		for _, t := range r.timers {
			if !t.gone && !t.at.After(end) && (first == nil || t.at.Before(first.at) || t.at.Equal(first.at) && t.nth < first.nth) {
				first = t
			}
		}
		if first != nil {
			first.gone = true
		}
		r.mu.Unlock()
		if first == nil {
			break
		}
		time.Sleep(time.Until(first.at))
		synctest.Wait()
		go first.f()
		synctest.Wait()
	}
	time.Sleep(time.Until(end))
	synctest.Wait()
}

// user notes what code of the handler's says. Two at a time would be a fault of the engine's.
func (r *traceRun) user(format string, args ...any) {
	if len(args) == 2 { // the result of an operation, which may be long
		if v, ok := args[1].(string); ok && len(v) > 1<<10 {
			args[1] = fmt.Sprintf("%.10s… (%d bytes)", v, len(v))
		}
	}
	n := r.inside.Add(1)
	runtime.Gosched()
	text := fmt.Sprintf(format, args...)
	if n > 1 {
		text += " [BESIDE OTHERS]"
	}
	r.mu.Lock()
	if !r.silent {
		r.turn = append(r.turn, text)
	}
	r.mu.Unlock()
	r.inside.Add(-1)
}

// beside notes what is done without the turn.
func (r *traceRun) beside(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.silent {
		r.side = append(r.side, fmt.Sprintf(format, args...))
	}
}

func (r *traceRun) gate(name string) chan traceEnd {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gateOf(name)
}

func (r *traceRun) gateOf(name string) chan traceEnd {
	if r.gates[name] == nil {
		r.gates[name] = make(chan traceEnd)
	}
	return r.gates[name]
}

func (r *traceRun) lock(name string) chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.locks[name] == nil {
		r.locks[name] = make(chan struct{}, 1)
	}
	return r.locks[name]
}

// body is a body of the user's: it ends when the script says so, whatever becomes of its context.
func (r *traceRun) body(ctx context.Context, name, more string) (string, error) {
	r.beside("body %s%s begins", name, more)
	gate, done := r.gate(name), ctx.Done()
	for {
		select {
		case end := <-gate:
			if end.err == errTraceExit { //nolint:errorlint // a sign of this file's
				runtime.Goexit()
			}
			return end.v, end.err
		case <-done:
			r.beside("context of %s ends: %v", name, context.Cause(ctx))
			done = nil
		}
	}
}

var errTraceExit = errors.New("goexit")

// called notes a checkpoint call.
func (r *traceRun) called(in checkpoint.CheckpointInput) *traceCall {
	call := &traceCall{in: in, done: make(chan traceAnswer)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.service.call != nil {
		r.traffic("TWO CALLS ARE IN FLIGHT")
	}
	if in.Token != r.service.current() {
		r.traffic("THE TOKEN IS STALE")
	}
	r.service.call = call
	r.calls++
	if len(in.Updates) == 0 {
		r.traffic(fmt.Sprintf("call %d: a poll", r.calls))
		return call
	}
	r.traffic(fmt.Sprintf("call %d:", r.calls))
	fresh := make(map[string]string)
	for i := range in.Updates {
		text := r.service.show(&in.Updates[i], fresh)
		if i >= 12 && i < len(in.Updates)-2 {
			if i == 12 {
				r.traffic(fmt.Sprintf("  … %d more", len(in.Updates)-14))
			}
			continue
		}
		r.traffic("  " + text)
	}
	return call
}

func (r *traceRun) traffic(text string) {
	if !r.silent {
		r.wire = append(r.wire, text)
	}
}

// input carries out one input and returns what came of it.
func (r *traceRun) input(line string) (string, error) {
	synctest.Wait()
	words := strings.Fields(line)
	if err := r.do(words[0], words[1:]); err != nil {
		return "", fmt.Errorf("%s: %w", line, err)
	}
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.out
	r.out = out{}
	lines := o.lines()
	if o.answer != "" {
		lines = append(lines, o.answer)
	}
	if len(lines) == 0 {
		lines = []string{"(nothing)"}
	}
	return strings.Join(lines, "\n") + "\n", nil
}

// lines are what came of an input: what strands do, then what bodies do, in no order of theirs,
// then calls.
func (o *out) lines() []string {
	slices.Sort(o.side)
	return slices.Concat(o.turn, o.side, o.wire)
}

// flush keeps what there is before what comes next.
func (r *traceRun) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn, r.side, r.wire = r.lines(), nil, nil
}

func (r *traceRun) do(what string, args []string) error {
	switch what {
	case "run":
		return r.invoke(args)
	case "end":
		return r.end(args)
	case "signal":
		return r.send("signal "+args[0], traceEnd{})
	case "clock":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return err
		}
		r.advance(d)
	case "outside":
		r.service.tick(r.now())
		for _, what := range args {
			if err := r.service.finish(what, r.now()); err != nil {
				return err
			}
		}
	case "reply", "mute", "last":
		return r.reply(what, args)
	case "lose", "drop", "throttle", "refuse":
		return r.fault(what)
	case "settle":
		for range 20 {
			if r.service.call == nil {
				break
			}
			r.flush()
			if err := r.reply("reply", nil); err != nil {
				return err
			}
			synctest.Wait()
		}
	case "crash":
		r.crash()
	default:
		return errors.New("no such input")
	}
	return nil
}

// end ends a body: "end NAME", "end NAME fails MESSAGE", "end NAME again STATE".
func (r *traceRun) end(args []string) error {
	how := slices.IndexFunc(args, func(w string) bool { return slices.Contains([]string{"ok", "fails", "again", "exits"}, w) })
	name, end := strings.Join(args, " "), traceEnd{}
	if how < 0 {
		how = len(args)
	} else {
		name = strings.Join(args[:how], " ")
	}
	end.v = "v-" + name
	if how < len(args) {
		text := strings.Join(args[how+1:], " ")
		switch args[how] {
		case "ok":
			if n, err := strconv.Atoi(text); err == nil {
				text = strings.Repeat("x", n)
			}
			end.v = text
		case "fails":
			end.err = errors.New(text)
		case "again":
			end.err = retry.Again(text)
		case "exits":
			end.err = errTraceExit
		}
	}
	return r.send(name, end)
}

// send lets who waits at a gate go on.
func (r *traceRun) send(gate string, end traceEnd) error {
	select {
	case r.gate(gate) <- end:
		return nil
	default:
		return fmt.Errorf("nothing waits at %q", gate)
	}
}

// invoke begins an invocation: "run", "run deadline=30s".
func (r *traceRun) invoke(args []string) error {
	if r.stop != nil {
		return errors.New("an invocation is running")
	}
	event, err := r.service.event()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	for _, a := range args {
		text, ok := strings.CutPrefix(a, "deadline=")
		d, bad := time.ParseDuration(text)
		if !ok || bad != nil {
			cancel()
			return fmt.Errorf("%q: want deadline=30s", a)
		}
		free := cancel
		var late context.CancelFunc
		ctx, late = context.WithTimeout(ctx, d) //nolint:fatcontext // once, at the end of a loop
		cancel = func() { late(); free() }
	}
	ctx = checkpoint.WithClock(checkpoint.WithClient(ctx, traceClient{r}), r)
	r.stop = cancel
	r.number++
	n, fn := r.number, r.function()
	go func() {
		b, err := fn.Invoke(ctx, event)
		r.mu.Lock()
		defer r.mu.Unlock()
		if n != r.number || r.silent {
			return
		}
		r.stop = nil
		cancel()
		if err != nil {
			text, _, _ := strings.Cut(err.Error(), "\ngoroutine ")
			r.out.answer = "= error " + text
			return
		}
		if len(b) > 1<<12 {
			b = fmt.Appendf(nil, "%.40s… (%d bytes)", b, len(b))
		}
		r.out.answer = "= " + string(b)
	}()
	return nil
}

// function is the durable function of the program. It is the same in all invocations, as in one
// environment.
func (r *traceRun) function() *replay.Function[op.None, string] {
	if r.fn == nil {
		opts := append([]replay.HandlerOption{
			replay.WithLogHandler(traceLogs{r}),
		}, r.opts...)
		program := r.program
		r.fn = replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
			s := &traceScope{r: r, ctx: ctx, futures: make(map[string]*replay.Future[string]), results: make(map[string]op.Op[string])}
			return s.block(program)
		}, opts...)
	}
	return r.fn
}

// crash ends the invocation as if its process had ended: nothing that it does from here on is seen.
func (r *traceRun) crash() {
	r.mu.Lock()
	r.silent = true
	r.service.call = nil
	r.mu.Unlock()
	if r.stop != nil {
		r.stop()
	}
	r.release()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop, r.silent = nil, false
	r.number++
	r.out = out{}
	for _, t := range r.timers {
		t.gone = true
	}
}

// release ends all bodies, and what else waits for the script.
func (r *traceRun) release() {
	for again := true; again; {
		synctest.Wait()
		r.mu.Lock()
		gates := slices.Collect(maps.Values(r.gates))
		locks := slices.Collect(maps.Values(r.locks))
		r.mu.Unlock()
		again = false
		for _, g := range gates {
			select {
			case g <- traceEnd{err: errors.New("given up")}:
				again = true
			default:
			}
		}
		for _, l := range locks {
			select {
			case <-l:
				again = true
			default:
			}
		}
	}
	time.Sleep(2 * time.Second) // the grace of the engine
	synctest.Wait()
}
