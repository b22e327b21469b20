package handlers

import (
	"errors"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Started says how a batch ended and how much of it was started.
type Started struct {
	Reason    op.Reason `json:"completionReason"`
	Succeeded int       `json:"successCount"`
	Total     int       `json:"totalCount"`
}

// Counted is Started with the failures.
type Counted struct {
	Started

	Failed int `json:"failureCount"`
}

// Judged is Counted with the status.
type Judged struct {
	Counted

	Status op.Status `json:"status"`
}

func started[T any](b op.Batch[T]) Started {
	return Started{Reason: b.Reason, Succeeded: len(b.Succeeded()), Total: b.Len()}
}

func counted[T any](b op.Batch[T]) Counted {
	return Counted{Started: started(b), Failed: len(b.Failed())}
}

func judged[T any](b op.Batch[T]) Judged { return Judged{Counted: counted(b), Status: b.Status()} }

// settle runs a batch whose failure is part of its result.
func settle[T any](ctx op.Context, o op.Op[op.Batch[T]]) (op.Batch[T], error) {
	b, err := replay.Run(ctx, o)
	if _, failed := errors.AsType[*op.BatchError](err); failed {
		return b, nil
	}
	return b, err
}

// values runs a batch of which all must succeed.
func values[T any](ctx op.Context, o op.Op[op.Batch[T]]) ([]T, error) {
	b, err := replay.Run(ctx, o)
	return b.Values(), err
}
