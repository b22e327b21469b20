// Package asks has what looks right in one run, and is otherwise in the next.
package asks

import (
	"context"
	"time"

	"example.test/shop/rules/asks/ask"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func nop(context.Context) error { return nil }

func keyed(ctx op.Context, key string) error { return replay.Exec(ctx, op.Do("keyed", nop).Key(key)) }

func arrives(ctx op.Context) error {
	if ask.Arriving(ctx) {
		if err := keyed(ctx, "arrived"); err != nil { // want `process: whether the operation runs depends on Execution.Replaying`
			return err
		}
	}
	if !ctx.Execution().Replaying {
		ctx.Logger().Info("began")
	}
	if ctx.Execution().Replaying {
		//perdure:allow process a test of what happens then
		if err := keyed(ctx, "again"); err != nil {
			return err
		}
	}
	return keyed(ctx, "always")
}

func policies(ctx op.Context, w ask.Window) error {
	load := op.Do("load", nop)
	if err := replay.Exec(ctx, op.Retry("in-window", load, w.Counted)); err != nil {
		return err
	}
	return replay.Exec(ctx, op.Retry("load-in-window", load, w.Policy)) // want `clock: ask.Window.Policy → time.Now \(ask.go:\d+\), which is called on each replay, reads the clock`
}

var (
	verify = op.StepFunc("verify", func(_ context.Context, s string) (string, error) { return s, nil })
	sure   = verify.Key(func(s string) string { return s })
)

func builders(ctx op.Context, ids []string) error {
	if _, err := ask.Each(ctx, ids, sure); err != nil {
		return err
	}
	if _, err := ask.One(ctx, "a", verify); err != nil {
		return err
	}
	_, err := ask.Each(ctx, ids, verify) // want `loopkey: operation "verify" runs in a loop without a key`
	return err
}

func unlocks(ctx op.Context, unlock op.Builder[string, op.None]) error {
	defer unlock("a") // want `neverrun: the operation is declared by a deferred call and never run`
	return keyed(ctx, "a")
}

func settled(ctx op.Context, ids []string) error {
	both := []op.Op[string]{sure("a"), sure("b")}
	if err := replay.Exec(ctx, op.AllSettled("lost", both...)); err != nil { // want `dropped: an op.AllSettled succeeds whatever its branches do`
		return err
	}
	if err := replay.Exec(ctx, op.All("all", both...)); err != nil {
		return err
	}
	b, err := replay.Run(ctx, op.AllSettled("asked", both...))
	if err != nil {
		return err
	}
	return b.Err()
}

func entered() op.Op[bool] {
	failures, polls := 0, 0
	return op.WaitForCondition("entered", false, func(ctx context.Context, _ bool) (bool, bool, error) {
		polls++
		if failures++; failures > 3 { // want `bodywrite: failures is written and read in the body of a condition, which runs again in other invocations`
			return false, false, ctx.Err()
		}
		inner := 0
		inner++
		return true, inner > 0, nil
	}, op.WithPolling(retry.Polling(retry.InitialDelay(time.Hour))))
}

func contexts(m *ask.Model) []op.Op[string] {
	return []op.Op[string]{
		op.Step("ask", m.Ask), // want `ignorescontext: ask.Model.Ask → http.NewRequestWithContext \(ask.go:\d+\) gets a context that is kept elsewhere`
		op.Step("mark", m.Mark),
	}
}

func desks(ctx op.Context, d *ask.Desks) error {
	d.Take() // want `blocking: ask.Desks.Take → a send on a channel \(ask.go:\d+\) in handler code blocks`
	err := keyed(ctx, "a")
	d.Leave() // want `blocking: ask.Desks.Leave → a receive from a channel`
	return err
}

type pick struct {
	House string
	Lines int
}

func reserve(ctx op.Context, picks []pick) error {
	for _, p := range picks {
		if err := keyed(ctx, p.House); err != nil {
			return err
		}
	}
	return nil
}

func entries(ctx op.Context, m map[string]int) error {
	var picks []pick
	for _, e := range ask.Entries(m) {
		picks = append(picks, pick{House: e.Key, Lines: e.Value})
	}
	sum := 0
	for _, e := range ask.Entries(m) {
		sum += e.Value
	}
	if sum > 3 {
		return nil
	}
	return reserve(ctx, picks) // want `maporder: the order of a map`
}
