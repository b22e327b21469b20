package handlers

import (
	"context"
	"log/slog"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// submit hands the ID of a callback to the outside system.
func submit(ctx context.Context, callbackID string) error {
	op.LoggerFrom(ctx).Info("submitted", slog.String("callbackId", callbackID))
	return nil
}

func awaitApproval(ctx op.Context, _ op.None) (string, error) {
	return replay.Run(ctx, op.WaitForCallback[string]("approval", submit))
}

func awaitNamed(ctx op.Context, name string) (string, error) {
	return replay.Run(ctx, op.WaitForCallback[string](name, submit))
}

func awaitForThreeSeconds(ctx op.Context, name string) (string, error) {
	return replay.Run(ctx, op.WaitForCallback[string](name, submit, op.WithTimeout(3*time.Second)))
}

func awaitCaught(ctx op.Context, name string) (string, error) {
	out, err := replay.Run(ctx, op.WaitForCallback[string](name, submit))
	if err != nil {
		return "recovered", nil //nolint:nilerr // the error is what the function recovers from
	}
	return out, nil
}

func awaitInGroup(ctx op.Context, name string) (string, error) {
	return replay.Run(ctx, op.Group("wrapper", run(op.WaitForCallback[string](name, submit))))
}

func awaitTwice(ctx op.Context, _ op.None) (string, error) {
	if err := replay.Exec(ctx, op.WaitForCallback[string]("first", submit)); err != nil {
		return "", err
	}
	return replay.Run(ctx, op.WaitForCallback[string]("second", submit))
}

func awaitAfterWaitAndStep(ctx op.Context, name string) (string, error) {
	if err := replay.Exec(ctx, op.Wait("pause", time.Second)); err != nil {
		return "", err
	}
	if err := replay.Exec(ctx, op.Step("prepare", give("data"))); err != nil {
		return "", err
	}
	return replay.Run(ctx, op.WaitForCallback[string](name, submit))
}

// Decision is what the outside system decides.
type Decision struct {
	Status string `json:"status"`
}

func awaitDecision(ctx op.Context, name string) (string, error) {
	d, err := replay.Run(ctx, op.WaitForCallback[Decision](name, submit))
	return d.Status, err
}

func awaitMissesHeartbeat(ctx op.Context, name string) (string, error) {
	return replay.Run(ctx, op.WaitForCallback[string](name, submit, op.WithHeartbeatTimeout(5*time.Second)))
}

func awaitWithHeartbeat(ctx op.Context, name string) (string, error) {
	return replay.Run(ctx, op.WaitForCallback[string](name, submit, op.WithHeartbeatTimeout(10*time.Second)))
}
