package replay_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

var errLaw = errors.New("a registered error")

// limitError is a registered error with a value.
type limitError struct{ Limit int }

func (e *limitError) Error() string { return fmt.Sprintf("over the limit of %d", e.Limit) }

// lawResult is what steps return. A field of it does not survive the codec: who sees it has got
// the value of the body, and not what the log holds.
type lawResult struct {
	Num, Round, State int
	Lost              string `json:"-"`
}

// lawRun runs a program as a handler, in as many invocations as it takes, and notes what happens.
type lawRun struct {
	p     *program
	seed  int64 // of the schedule
	clock *local.VirtualClock
	// pause, unless nil, is called in each body, instead of dawdle, and between the statements of
	// scopes.
	pause func(ctx context.Context)

	mu sync.Mutex // guards what follows
	// bodies counts the runs of bodies by operation ID and attempt.
	bodies map[string]map[int]int
	// loose are statements of which the program does not say how far they come: futures that were
	// left behind, with all that is in them, and waits that depend on the clock.
	loose map[int]bool
}

func newLawRun(p *program, seed int64, clock *local.VirtualClock) *lawRun {
	return &lawRun{
		p: p, seed: seed, clock: clock,
		bodies: make(map[string]map[int]int), loose: make(map[int]bool),
	}
}

// function is the durable function that runs the program.
func (r *lawRun) function(opts ...replay.HandlerOption) *replay.Function[op.None, string] {
	opts = append(opts, replay.WithErrors(
		codec.Sentinel("law", errLaw), codec.ErrorType[*limitError]("limit")))
	return replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		return r.scope(ctx, r.p.body, r.p.end, nil)
	}, opts...)
}

// lawFutures are the futures that a scope can ask for.
type lawFutures map[int]op.Op[string]

// scope runs statements and returns all their results.
func (r *lawRun) scope(ctx op.Context, body []*stmt, end ending, around lawFutures) (string, error) {
	began := replay.Now(ctx)
	futures := maps.Clone(around)
	if futures == nil {
		futures = make(lawFutures)
	}
	asked := make(map[int]bool)
	var trace strings.Builder
	for _, s := range body {
		if r.pause != nil {
			r.pause(ctx.InvocationContext())
		}
		text, err := r.statement(ctx, s, began, futures)
		if s.kind == doAwait {
			asked[s.future] = true
		}
		if err != nil {
			text = describe(err)
			if !s.swallow {
				r.left(body, asked, true)
				return "", fmt.Errorf("%d: %w", s.num, err)
			}
		}
		fmt.Fprintf(&trace, "%d:%s;", s.num, text)
	}
	r.left(body, asked, end != endValue)
	return trace.String(), r.ending(end, len(body))
}

func (r *lawRun) ending(end ending, n int) error {
	switch end {
	case endError:
		return errors.New("an error")
	case endKnown:
		if n%2 == 0 {
			return fmt.Errorf("known: %w", errLaw)
		}
		return fmt.Errorf("known: %w", &limitError{n})
	case endPanic:
		panic("law")
	case endValue, endings:
	}
	return nil
}

// left notes the futures that a scope leaves behind: waits that no one asked for and, if the
// scope fails, all that no one asked for.
func (r *lawRun) left(body []*stmt, asked map[int]bool, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range body {
		if !s.start || asked[s.num] || (!failed && s.kind != doWait && s.kind != doUntil) {
			continue
		}
		r.loose[s.num] = true
		walkStmts(s.body, 0, func(s *stmt, _ int) { r.loose[s.num] = true })
	}
}

// statement runs or starts one statement.
func (r *lawRun) statement(ctx op.Context, s *stmt, began time.Time, futures lawFutures) (string, error) {
	switch s.kind {
	case doStep:
		return r.one(ctx, s, futures, text(r.step(s, "step", 0)))
	case doEach, doRepeat:
		var all []string
		for i := range s.count {
			o := r.step(s, s.kind.String(), i)
			if s.kind == doEach {
				o = o.Key("k" + strconv.Itoa(i))
			}
			v, err := replay.Run(ctx, text(o))
			if err != nil {
				v = describe(err)
			}
			all = append(all, v)
		}
		return strings.Join(all, ","), nil
	case doWait:
		return r.one(ctx, s, futures, text(op.Wait(name(s, "wait"), time.Duration(s.count)*time.Second)))
	case doUntil:
		_, err := r.one(ctx, s, futures, text(op.WaitUntil(name(s, "until"), began.Add(time.Duration(s.count)*time.Second))))
		return "until", err
	case doGroup:
		inner := maps.Clone(futures)
		return r.one(ctx, s, futures, op.Group(name(s, "group"), func(ctx op.Context) (string, error) {
			return r.scope(ctx, s.body, s.end, inner)
		}))
	case doAwait:
		f, ok := futures[s.future]
		if !ok {
			return "no future", nil
		}
		return replay.Run(ctx, f)
	case doRefused:
		return "", replay.Exec(ctx, refused(s.count))
	case stmtKinds:
	}
	return "", nil
}

// one runs an operation, or starts it.
func (r *lawRun) one(ctx op.Context, s *stmt, futures lawFutures, o op.Op[string]) (string, error) {
	if s.start {
		futures[s.num] = replay.Go(ctx, o).Result()
		return "started", nil
	}
	return replay.Run(ctx, o)
}

// name is unique in the program and identifies the statement.
func name(s *stmt, what string) string { return what + "-" + strconv.Itoa(s.num) }

// stmtOf reads the statement's number out of a name on the wire.
func stmtOf(name string) int {
	name, _, _ = strings.Cut(name, "[")
	n, _ := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	return n
}

// text makes the result of an operation a string, without a record.
func text[T any](o op.Op[T]) op.Op[string] {
	return op.Transform(o, func(v T) (string, error) { return fmt.Sprintf("%+v", v), nil })
}

func refused(n int) op.Op[op.None] {
	switch n {
	case 0:
		return op.Wait("too-short", time.Millisecond)
	case 1:
		return op.Do("", func(context.Context) error { return nil })
	case 2:
		return op.Do("no-body", nil)
	}
	return op.Do("no-policy", func(context.Context) error { return nil }, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(0))))
}

// describe writes all that a program may see of an error.
func describe(err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "error(%v", err)
	if e, ok := errors.AsType[*op.Error](err); ok {
		fmt.Fprintf(&b, ", at %s, %s %s", e.Path, e.Kind, e.Type)
	}
	if errors.Is(err, errLaw) {
		b.WriteString(", law")
	}
	if e, ok := errors.AsType[*limitError](err); ok {
		fmt.Fprintf(&b, ", limit %d", e.Limit)
	}
	return b.String() + ")"
}

// step is a step that follows its script.
func (r *lawRun) step(s *stmt, what string, round int) op.Op[lawResult] {
	sc := s.script
	opts := []op.StepOption{op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(sc.mostAttempts())))}
	switch sc.semantics {
	case atMostOnce:
		opts = append(opts, op.WithSemantics(op.AtMostOncePerRetry))
	case relaxed:
		opts = append(opts, op.WithSemantics(op.Relaxed))
	case countCrashes:
		opts = append(opts, op.WithCrashCounting())
	case atLeastOnce, lawSemanticses:
	}
	return op.Step(name(s, what), func(ctx context.Context) (lawResult, error) {
		return r.body(ctx, s, round)
	}, opts...)
}

// body is one attempt.
func (r *lawRun) body(ctx context.Context, s *stmt, round int) (lawResult, error) {
	info, _ := op.InfoFrom(ctx)
	r.count(info)
	if r.pause != nil {
		r.pause(ctx)
	} else {
		r.dawdle(s.num, info.Attempt)
	}
	sc := s.script
	if sc.advance {
		r.clock.Advance(time.Second)
	}
	if sc.failsIn(info.Attempt) {
		return lawResult{}, fmt.Errorf("attempt failed: %w", errLaw)
	}
	state, _, err := op.StateFrom[int](ctx)
	if err != nil {
		return lawResult{}, retry.Permanent(err)
	}
	if state < sc.again {
		return lawResult{}, retry.Again(state + 1)
	}
	switch sc.end {
	case endError:
		return lawResult{}, retry.Permanent(errors.New("for good"))
	case endKnown:
		return lawResult{}, retry.Permanent(&limitError{s.num})
	case endPanic:
		panic("body")
	case endValue, endings:
	}
	return lawResult{Num: s.num, Round: round, State: state, Lost: "not decoded"}, nil
}

func (r *lawRun) count(info op.Info) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bodies[info.ID] == nil {
		r.bodies[info.ID] = make(map[int]int)
	}
	r.bodies[info.ID][info.Attempt]++
}

// dawdle lets others go first, as often as the schedule says.
func (r *lawRun) dawdle(num, attempt int) {
	rng := rand.New(rand.NewPCG(uint64(r.seed), uint64(num)<<20^uint64(attempt)))
	for range rng.IntN(12) {
		runtime.Gosched()
	}
	if rng.IntN(8) == 0 {
		time.Sleep(time.Duration(rng.IntN(50)) * time.Microsecond)
	}
}
