package handlers

import (
	"context"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// changesItsMind runs another operation at its first place when it is replayed, which handlers must
// not do: the execution has diverged, and the body of the step does not run.
func changesItsMind(ctx op.Context, _ op.None) (string, error) {
	const slot = "identity-slot"
	if !ctx.Execution().Replaying {
		return "", replay.Exec(ctx, op.Wait(slot, time.Second))
	}
	ctx.Logger().Info("DETERMINISM_REPLAY_CANARY")
	return replay.Run(ctx, op.Step(slot, func(ctx context.Context) (string, error) {
		op.LoggerFrom(ctx).Info("DETERMINISM_STEP_BODY_EXECUTED")
		return "ran", nil
	}))
}

// Value is a number.
type Value struct {
	Value int `json:"value"`
}

func increment(ctx op.Context, in Value) (Value, error) {
	return replay.Run(ctx, op.Step("increment", give(Value{in.Value + 1})))
}
