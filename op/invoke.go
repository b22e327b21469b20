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
// out, an [ErrStopped] if it was stopped, and an [ErrContinued] if it goes on as another execution.
func Invoke[Out, In any](name, function string, in In, opts ...InvokeOption) Op[Out] {
	n := &node.Invoke{Header: header[Out](name, subtype.Invoke), Function: function}
	n.Input = in
	checkFunction(&n.Header, "op.Invoke", function)
	for _, o := range opts {
		if o != nil {
			o.applyInvoke(n)
		}
	}
	return Op[Out]{n: n}
}

// checkFunction refuses what cannot be the name of a function.
func checkFunction(h *node.Header, by, function string) {
	switch {
	case h.Err != nil:
	case function == "":
		h.Err = misuse(h.Name, "%s without a function: pass its name or ARN, with a version, an alias or $LATEST if it is durable", by)
	case !limits.IsFunctionName(function):
		h.Err = misuse(h.Name, "%s of %q: want the name of a function or its ARN, with a version, an alias or $LATEST after "+
			"a colon (Lambda API, FunctionName)", by, function)
	}
}

// calling is what is said of the function that an operation calls.
type calling struct {
	h      *node.Header
	tenant *string
	codec  *codec.Codec
}

// callOption is an option of every operation that calls a function.
type callOption func(c calling)

func (o callOption) applyInvoke(n *node.Invoke) { o(calling{&n.Header, &n.Tenant, &n.InputCodec}) }
func (o callOption) applyStart(s *starting)     { o(calling{&s.Header, &s.what.Tenant, &s.what.Codec}) }

// WithTenant calls the function for a tenant, 1 to 256 of A-Z a-z 0-9 . _ : / = + @ - and the
// space (Lambda API, ChainedInvokeOptions.TenantId). The empty string means none, the default.
func WithTenant(id string) InvokeOption {
	return callOption(func(c calling) {
		if !validTenant(id) && c.h.Err == nil {
			c.h.Err = misuse(c.h.Name, "op.WithTenant(%q): want at most 256 of A-Z a-z 0-9 . _ : / = + @ - and the space", id)
		}
		*c.tenant = id
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
	return callOption(func(of calling) {
		refuseCodec(of.h, "op.WithInputCodec", err)
		*of.codec = c
	})
}
