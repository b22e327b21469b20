package op_test

import (
	"context"
	"strings"
	"testing"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
)

// A codec that cannot convert anything is an error of the declaration, before anything runs.
func TestValidateAsksCodecs(t *testing.T) {
	t.Parallel()
	broken := codec.Chain(nil)
	var typed codec.Typed[string]
	body := func(context.Context) (string, error) { return "", nil }
	tests := []struct {
		reason string
		op     op.Operation
		want   string // part of the error; empty for none
	}{
		{"a chain without a base", op.Step("pay", body, op.WithCodec(broken)), `op.WithCodec: codec.Chain: the base is nil`},
		{"a chain inside of a chain", op.Step("pay", body, op.WithCodec(codec.Chain(broken))), `the base is nil`},
		{"a group", op.Group("pay", func(op.Context) (string, error) { return "", nil }, op.WithCodec(broken)), `the base is nil`},
		{"a codec of one type that was not made", op.Step("pay", body).WithCodec(typed), `Op.WithCodec: codec: a function of this codec is nil`},
		{"a codec for the input", op.Invoke[string]("pay", "bills", 1, op.WithInputCodec(broken)), `op.WithInputCodec: codec.Chain`},
		{"a valid chain", op.Step("pay", body, op.WithCodec(codec.Chain(codec.JSON()))), ""},
		{"nil means the handler's", op.Step("pay", body, op.WithCodec(nil)), ""},
		{"nil means the handler's for an input, too", op.Invoke[string]("pay", "bills", 1, op.WithInputCodec(nil)), ""},
	}
	for _, tt := range tests {
		err := op.Validate(tt.op)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: Validate returns %v, want %q", tt.reason, err, tt.want)
		}
	}
}
