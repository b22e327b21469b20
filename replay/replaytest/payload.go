package replaytest

import (
	"context"
	"encoding/json"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay/internal/hosting"
)

// restorer is the part of a function that reads its payloads.
type restorer interface {
	Codec() codec.Codec
}

// insist reads until that does not fail for now, a few times at most.
func insist(read func(ctx context.Context) error) (err error) {
	const most = 10
	ctx := context.Background() //nolint:forbidigo // what is read has ended
	for range most {
		if err = read(ctx); !codec.IsTransient(err) {
			break
		}
	}
	return err
}

// decodeResult decodes the result of an execution.
func decodeResult(f restorer, arn string, payload []byte, v any) error {
	return insist(func(ctx context.Context) error {
		return codec.Decode(ctx, f.Codec(), codec.Meta{ExecutionARN: arn, Part: codec.PartResult}, payload, v)
	})
}

// plainResult is a result without what it went through, if the codec of the function knows.
// Executions that have the same have the same, though what seals payloads never makes the same
// twice.
func plainResult(f restorer, arn string, payload []byte) []byte {
	var raw json.RawMessage
	if names, err := codec.TransformsOf(payload); f == nil || err != nil || len(names) == 0 {
		return payload
	}
	if decodeResult(f, arn, payload, &raw) != nil {
		return payload
	}
	return raw
}

// restore returns the error that an execution, or the operation that m names, has failed with. ok
// is false if the codec of errors cannot read it.
func restore(f restorer, m codec.Meta, failure *checkpoint.Failure, known []codec.KnownError) (e *op.Error, ok bool) {
	r, ok := hosting.RestorerOf(f)
	if !ok { // each was looked at where the test passed it
		panic("replaytest: a function that package replay has not made") //nolint:forbidigo // a broken invariant of the kit
	}
	err := insist(func(ctx context.Context) (err error) {
		e, err = r.Restore(ctx, m, failure, known...)
		return err
	})
	return e, err == nil
}

// plainMessage is the message of an execution's error.
func plainMessage(f restorer, arn string, failure *checkpoint.Failure) string {
	if f == nil {
		return failure.Message
	}
	e, _ := restore(f, codec.Meta{ExecutionARN: arn}, failure, nil)
	return e.Message
}

// restoreReport reads a recorded error. It may have been written under the ID of an operation
// around its own, which passes on how that ends.
func restoreReport(
	f restorer, arn string, recs map[string]checkpoint.Operation, r *report, known []codec.KnownError,
) *op.Error {
	m := codec.Meta{ExecutionARN: arn, OperationID: r.id, OperationName: r.name}
	first, ok := restore(f, m, &r.failure, known)
	for id := r.parent; !ok && id != ""; id = recs[id].ParentID {
		var e *op.Error
		m.OperationID = id
		if e, ok = restore(f, m, &r.failure, known); ok {
			return e
		}
	}
	return first
}
