package handlers

import (
	"encoding/json"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// oneByOne opens the branches of a batch one after the other.
func oneByOne() op.BatchOption { return op.WithMaxConcurrency(1) }

// ok is a branch that succeeds, bad one that fails.
func ok[T any](name string, v T) op.Op[T] {
	return op.Group(name, func(op.Context) (T, error) { return v, nil })
}

func bad(name string) op.Op[string] {
	return op.Group(name, func(op.Context) (string, error) { return "", errRefused })
}

func parallelSteps(ctx op.Context, _ op.None) ([]string, error) {
	return values(ctx, op.Parallel("parallel", []op.Op[string]{
		op.Group("first", run(op.Step("work", give("task-1")))),
		op.Group("second", run(op.Step("work", give("task-2")))),
	}, oneByOne()))
}

func parallelGroups(ctx op.Context, _ op.None) ([]string, error) {
	return values(ctx, op.Parallel("both", []op.Op[string]{ok("a", "alpha"), ok("b", "beta")}, oneByOne()))
}

func parallelNamed(ctx op.Context, _ op.None) ([]string, error) {
	return values(ctx, op.Parallel("named", []op.Op[string]{ok("first", "one"), ok("second", "two")}, oneByOne()))
}

func parallelMixed(ctx op.Context, _ op.None) ([]any, error) {
	return values(ctx, op.Parallel("mixed", []op.Op[any]{
		ok[any]("text", "hello"), ok[any]("number", 42), ok[any]("object", map[string]string{"k": "v"}),
	}, oneByOne()))
}

func parallelFails(ctx op.Context, _ op.None) ([]string, error) {
	return values(ctx, op.Parallel("throwing", []op.Op[string]{bad("b0"), ok("b1", "never")}, oneByOne(),
		op.WithCompletion(op.Tolerate(0))))
}

func parallelEnough(ctx op.Context, _ op.None) (Started, error) {
	b, err := replay.Run(ctx, op.Parallel("min-successful",
		[]op.Op[string]{ok("b0", "r0"), ok("b1", "r1"), ok("b2", "r2"), ok("b3", "r3")}, oneByOne(),
		op.WithCompletion(op.MinSuccessful(2))))
	return started(b), err
}

func parallelTolerates(ctx op.Context, _ op.None) (Judged, error) {
	b, err := replay.Run(ctx, op.Parallel("tolerated",
		[]op.Op[string]{ok("b0", "r0"), bad("b1"), ok("b2", "r2")}, oneByOne(), op.WithCompletion(op.Tolerate(1))))
	return judged(b), err
}

func parallelToleratesTooFew(ctx op.Context, _ op.None) (Counted, error) {
	b, err := settle(ctx, op.Parallel("exceeded",
		[]op.Op[string]{bad("b0"), bad("b1"), ok("b2", "never")}, oneByOne(), op.WithCompletion(op.Tolerate(1))))
	return counted(b), err
}

func parallelConcurrent(ctx op.Context, _ op.None) ([]string, error) {
	return values(ctx, op.Parallel("concurrent",
		[]op.Op[string]{ok("b0", "r0"), ok("b1", "r1"), ok("b2", "r2")}, op.WithMaxConcurrency(2)))
}

func parallelToleratesPercent(ctx op.Context, _ op.None) (Counted, error) {
	b, err := settle(ctx, op.Parallel("percentage",
		[]op.Op[string]{bad("b0"), bad("b1"), ok("b2", "never"), ok("b3", "never")}, oneByOne(),
		op.WithCompletion(op.ToleratePercent(25))))
	return counted(b), err
}

func parallelWaits(ctx op.Context, _ op.None) ([]string, error) {
	return values(ctx, op.Parallel("suspend", []op.Op[string]{
		op.Group("b0", run(op.Step("work", give("b0")))),
		op.Group("b1", func(ctx op.Context) (string, error) {
			return "b1", replay.Exec(ctx, op.Wait("pause", 2*time.Second))
		}),
	}, oneByOne()))
}

// envelope wraps a value in its payload.
type envelope struct {
	Wrapped string `json:"wrapped"`
}

func parallelWithCodec(ctx op.Context, _ op.None) ([]string, error) {
	wrap := codec.Of(
		func(v string) ([]byte, error) { return json.Marshal(envelope{Wrapped: v}) },
		func(p []byte) (string, error) {
			var e envelope
			err := json.Unmarshal(p, &e)
			return e.Wrapped, err
		},
	)
	return values(ctx, op.Parallel("wrapped",
		[]op.Op[string]{ok("b0", "x").WithCodec(wrap), ok("b1", "y").WithCodec(wrap)}, oneByOne()))
}

func parallelAllFail(ctx op.Context, _ op.None) (Judged, error) {
	b, err := replay.Run(ctx, op.Parallel("all-fail",
		[]op.Op[string]{bad("b0"), bad("b1"), bad("b2")}, oneByOne(), op.WithCompletion(op.Tolerate(3))))
	return judged(b), err
}

func parallelInvalid(ctx op.Context, _ op.None) ([]string, error) {
	return values(ctx, op.Parallel("invalid",
		[]op.Op[string]{ok("b0", "r0"), ok("b1", "r1")}, op.WithMaxConcurrency(0)))
}

func parallelAtTolerance(ctx op.Context, _ op.None) (Judged, error) {
	b, err := replay.Run(ctx, op.Parallel("boundary",
		[]op.Op[string]{bad("b0"), ok("b1", "r1"), ok("b2", "r2"), ok("b3", "r3")}, oneByOne(),
		op.WithCompletion(op.ToleratePercent(25))))
	return judged(b), err
}

// branchesOfTypes starts branches of different types, and reads their results at the end.
func branchesOfTypes(ctx op.Context, _ op.None) ([]any, error) {
	return replay.Run(ctx, op.OpenParallel("typed-branches", func(ctx op.Context) ([]any, error) {
		reserved := replay.Go(ctx, branch("reservation", "reserved"))
		status := replay.Go(ctx, branch("status", 200))
		price := replay.Go(ctx, branch("price", map[string]string{"currency": "USD"}))
		r, err := replay.Run(ctx, reserved.Result())
		if err != nil {
			return nil, err
		}
		s, err := replay.Run(ctx, status.Result())
		if err != nil {
			return nil, err
		}
		p, err := replay.Run(ctx, price.Result())
		return []any{r, s, p}, err
	}, op.WithMaxConcurrency(1)))
}

// branchAfterBranch starts a branch with the result of another one.
func branchAfterBranch(ctx op.Context, _ op.None) ([]string, error) {
	return replay.Run(ctx, op.OpenParallel("early-start", func(ctx op.Context) ([]string, error) {
		first, err := replay.Run(ctx, replay.Go(ctx, branch("first", "ready")).Result())
		if err != nil {
			return nil, err
		}
		second, err := replay.Run(ctx, replay.Go(ctx, branch("second", first+"-second")).Result())
		return []string{first, second}, err
	}, op.WithMaxConcurrency(1)))
}

// branch is a branch that succeeds.
func branch[T any](name string, v T) op.Op[T] {
	return op.Branch(name, func(op.Context) (T, error) { return v, nil })
}
