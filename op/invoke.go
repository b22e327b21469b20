package op

import (
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// Invoke calls another Lambda function and waits for its result, without keeping this one
// running. A durable function is named with a version, an alias or $LATEST; names and ARNs go to
// the service as they stand.
//
// The input is encoded by the handler's codec or [WithInputCodec], a nil one as null; an input
// that cannot be encoded ends the execution. The result is decoded by the handler's codec or
// [WithCodec]; one that does not fit is a *codec.Error, which code may handle. An [*Error] has the
// type and message that the function failed with; it is an [ErrTimedOut] if the function timed
// out and an [ErrStopped] if it was stopped.
func Invoke[Out, In any](name, function string, in In, opts ...InvokeOption) Op[Out] {
	n := &node.Invoke{Header: header[Out](name, subtype.Invoke), Function: function}
	n.Input = in
	if function == "" && n.Err == nil {
		n.Err = misuse(name, "op.Invoke without a function: pass its name or ARN, with a version, an alias or $LATEST if it is durable")
	}
	if function != "" && !limits.IsFunctionName(function) && n.Err == nil {
		n.Err = misuse(name, "op.Invoke of %q: want the name of a function or its ARN, with a version, an alias or $LATEST after "+
			"a colon (Lambda API, FunctionName)", function)
	}
	for _, o := range opts {
		if o != nil {
			o.applyInvoke(n)
		}
	}
	return Op[Out]{n: n}
}

type invokeOption func(n *node.Invoke)

func (o invokeOption) applyInvoke(n *node.Invoke) { o(n) }

// WithTenant calls the function for a tenant, 1 to 256 of A-Z a-z 0-9 . _ : / = + @ - and the
// space (Lambda API, ChainedInvokeOptions.TenantId). The empty string means none, the default.
func WithTenant(id string) InvokeOption {
	return invokeOption(func(n *node.Invoke) {
		if !validTenant(id) && n.Err == nil {
			n.Err = misuse(n.Name, "op.WithTenant(%q): want at most 256 of A-Z a-z 0-9 . _ : / = + @ - and the space", id)
		}
		n.Tenant = id
	})
}

func validTenant(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
		case c == '.', c == '_', c == ':', c == '/', c == '=', c == '+', c == '@', c == '-', c == ' ':
		default:
			return false
		}
	}
	return len(id) <= 256
}

// WithInputCodec encodes the input with c instead of the handler's codec. Nil means the
// handler's codec.
func WithInputCodec(c codec.Codec) InvokeOption {
	err := codec.Validate(c)
	return invokeOption(func(n *node.Invoke) {
		refuseCodec(&n.Header, "op.WithInputCodec", err)
		n.InputCodec = c
	})
}
