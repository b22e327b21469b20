package offload_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
)

// A reference is read where it was written for, and nowhere else.
func TestReferencesThatWereMoved(t *testing.T) {
	t.Parallel()

	const forked = "arn:aws:lambda:eu-west-1:111122223333:function:orders:$LATEST/durable-execution/o-1-fork-1/0f0f"

	step := codec.Meta{ExecutionARN: orders, OperationID: "a"}
	input := codec.Meta{ExecutionARN: orders, OperationID: "b", Part: codec.PartInput, Function: "bills:live"}
	forward := codec.Meta{ExecutionARN: orders, Part: codec.PartInput, Function: "arn:aws:lambda:eu-west-1:111122223333:function:orders:$LATEST"}
	answer := codec.Meta{ExecutionARN: bills}
	broken := codec.Meta{ExecutionARN: bills, Part: codec.PartFailure}
	with := func(m codec.Meta, change func(*codec.Meta)) codec.Meta {
		change(&m)
		return m
	}

	tests := []struct {
		reason string
		from   codec.Meta
		to     codec.Meta
		ok     bool
	}{
		{reason: "where it was written", from: step, to: step, ok: true},
		{reason: "the name of an operation may change", from: step, to: with(step, func(m *codec.Meta) { m.OperationName = "charge" }), ok: true},
		{reason: "another operation", from: step, to: with(step, func(m *codec.Meta) { m.OperationID = "c" })},
		{reason: "another part", from: step, to: with(step, func(m *codec.Meta) { m.Part = codec.PartState })},
		{reason: "another execution", from: step, to: with(step, func(m *codec.Meta) { m.ExecutionARN = next })},
		{reason: "a fork", from: step, to: with(step, func(m *codec.Meta) { m.ExecutionARN, m.ForkedFrom = forked, []string{"arn:x", orders} }), ok: true},
		{reason: "a fork of another one", from: step, to: with(step, func(m *codec.Meta) { m.ExecutionARN, m.ForkedFrom = forked, []string{next} })},
		{
			reason: "another operation of a fork", from: step,
			to: with(step, func(m *codec.Meta) { m.ExecutionARN, m.ForkedFrom, m.OperationID = forked, []string{orders}, "c" }),
		},
		{reason: "what is invoked has the input", from: input, to: codec.Meta{ExecutionARN: bills, Part: codec.PartInput}, ok: true},
		{reason: "a successor has the input", from: forward, to: codec.Meta{ExecutionARN: next, Part: codec.PartInput}, ok: true},
		{reason: "a result as an input", from: step, to: codec.Meta{ExecutionARN: bills, Part: codec.PartInput}},
		{reason: "an input as a result", from: input, to: step},
		{
			reason: "what a function returns", from: answer,
			to: codec.Meta{ExecutionARN: orders, OperationID: "b", Function: "bills:live"}, ok: true,
		},
		{
			reason: "by ARN", from: answer, ok: true,
			to: codec.Meta{ExecutionARN: orders, OperationID: "b", Function: "arn:aws:lambda:eu-west-1:111122223333:function:bills:live"},
		},
		{
			reason: "what it fails with", from: broken, ok: true,
			to: codec.Meta{ExecutionARN: orders, OperationID: "b", Function: "bills:live", Part: codec.PartFailure},
		},
		{reason: "what another function returns", from: answer, to: codec.Meta{ExecutionARN: orders, OperationID: "b", Function: "bill"}},
		{reason: "what an operation returns, as that of a function", from: step, to: codec.Meta{ExecutionARN: next, OperationID: "b", Function: "orders"}},
		{reason: "what a function returns, at an operation that calls none", from: answer, to: step},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			store := &memory{}
			c := codec.Chain(codec.JSON(), offload.New(store, offload.WithThreshold(0)))

			p, err := codec.Encode(t.Context(), c, tt.from, "paid")
			if err != nil {
				t.Fatal(err)
			}

			var got string

			err = codec.Decode(t.Context(), c, tt.to, p, &got)
			if errors.Is(err, offload.ErrMoved) == tt.ok || tt.ok && (err != nil || got != "paid") || codec.IsTransient(err) {
				t.Errorf("Decode = %q, %v, want it moved: %v", got, err, !tt.ok)
			}

			anywhere := codec.Chain(codec.JSON(), offload.New(store, offload.AnyPlace()))
			if err := codec.Decode(t.Context(), anywhere, tt.to, p, &got); err != nil || got != "paid" {
				t.Errorf("Decode with AnyPlace = %q, %v", got, err)
			}
		})
	}
}

// References that were written before they named a place are read anywhere.
func TestReferencesWithoutAPlace(t *testing.T) {
	t.Parallel()

	c := codec.Chain(codec.JSON(), offload.New(&memory{}, offload.WithThreshold(0)))

	p, err := codec.Encode(t.Context(), c, charge, "paid")
	if err != nil {
		t.Fatal(err)
	}

	before, rest, _ := strings.Cut(string(p), ":t2 ")
	line, preview, _ := strings.Cut(rest, `\n`)
	old := before + ":t1 " + line[:strings.LastIndexByte(line, ' ')] + `\n` + preview

	var got string
	if err := codec.Decode(t.Context(), c, codec.Meta{ExecutionARN: next}, []byte(old), &got); err != nil || got != "paid" {
		t.Errorf("Decode(%s) = %q, %v", old, got, err)
	}
}
