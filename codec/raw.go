package codec

import (
	"bytes"
	"context"
	"fmt"
)

// Raw returns the codec that records strings and bytes as they stand.
//
// Encode takes a string or a []byte, Decode a *string or a *[]byte; any other type is an [*Error].
// Named types are other types: convert them first, or use [Of]. An empty payload leaves the zero
// value, so that an empty []byte comes back nil. Bytes are copied in both directions.
func Raw() Codec {
	return rawCodec{}
}

type rawCodec struct{}

// Pure returns true: see [IsPure].
func (rawCodec) Pure() bool { return true }

func (rawCodec) Encode(_ context.Context, m Meta, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return []byte(v), nil
	case []byte:
		return bytes.Clone(v), nil
	}

	return nil, newError(m, false, fmt.Errorf(
		"codec.Raw takes a string or a []byte, not a value of type %T: use codec.JSON or codec.Of", v))
}

// Decode stores the bytes of payload in the variable that v points to.
func (rawCodec) Decode(_ context.Context, m Meta, payload []byte, v any) error {
	switch v := v.(type) {
	case *string:
		if v != nil {
			*v = string(payload)
			return nil
		}
	case *[]byte:
		if v != nil {
			*v = append([]byte(nil), payload...)
			return nil
		}
	}

	return newError(m, true, fmt.Errorf(
		"codec.Raw stores into a *string or a *[]byte that is not nil, not into a %T: use codec.JSON or codec.Of", v))
}
