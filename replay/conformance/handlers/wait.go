package handlers

import (
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func waitOnce(ctx op.Context, _ op.None) (op.None, error) {
	return replay.Run(ctx, op.Wait("pause", 2*time.Second))
}

// Waits is the result of a function that waits.
type Waits struct {
	Completed int `json:"completedWaits"`
}

func waitTwice(ctx op.Context, _ op.None) (Waits, error) {
	var waits Waits
	for _, name := range []string{"wait-1", "wait-2"} {
		if err := replay.Exec(ctx, op.Wait(name, 2*time.Second)); err != nil {
			return waits, err
		}
		waits.Completed++
	}
	return waits, nil
}

func waitAnHour(ctx op.Context, _ op.None) (op.None, error) {
	return replay.Run(ctx, op.Wait("pause", time.Hour))
}
