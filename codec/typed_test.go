package codec_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/codec"
)

func decimals() codec.Typed[int] {
	return codec.Of(func(n int) ([]byte, error) { return strconv.AppendInt(nil, int64(n), 10), nil },
		func(p []byte) (int, error) { return strconv.Atoi(string(p)) })
}

func texts() codec.Typed[fmt.Stringer] {
	return codec.Of(
		func(s fmt.Stringer) ([]byte, error) {
			if s == nil {
				return []byte("no one"), nil
			}

			return []byte(s.String()), nil
		},
		func(p []byte) (fmt.Stringer, error) { return codec.Part(len(p)), nil })
}

func TestTypedEncodes(t *testing.T) {
	t.Parallel()

	own := &codec.Error{Operation: "mine", Reason: "full"}
	fails := codec.Of(func(int) ([]byte, error) { return []byte("half"), errBroken }, func([]byte) (int, error) { return 0, own })

	tests := []struct {
		reason  string
		codec   codec.Codec
		v       any
		want    string
		wantErr string
		is      error
	}{
		{reason: "a value of the type", codec: decimals().Codec(), v: 7, want: "7"},
		{reason: "a value that implements the interface", codec: texts().Codec(), v: codec.PartInput, want: "input"},
		{reason: "nil is the zero value of an interface", codec: texts().Codec(), v: nil, want: "no one"},
		{
			reason: "nil is no value of another type", codec: decimals().Codec(), v: nil,
			wantErr: `codec: encode result of "charge": the codec converts values of type int, not of type <nil>`,
		},
		{
			reason: "another type", codec: decimals().Codec(), v: "7",
			wantErr: `codec: encode result of "charge": the codec converts values of type int, not of type string`,
		},
		{
			reason: "a type without the interface's methods", codec: texts().Codec(), v: 7,
			wantErr: `codec: encode result of "charge": the codec converts values of type fmt.Stringer, not of type int`,
		},
		{
			reason: "the function fails", codec: fails.Codec(), v: 7,
			wantErr: `codec: encode result of "charge": broken`, is: errBroken,
		},
		{
			reason: "the zero Typed", codec: codec.Typed[int]{}.Codec(), v: 7,
			wantErr: `codec: encode result of "charge": codec: a function of this codec is nil: make it with codec.Of and two functions`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			for _, encode := range []func(context.Context, codec.Codec, codec.Meta, any) ([]byte, error){codec.Encode, direct} {
				got, err := encode(t.Context(), tt.codec, charge, tt.v)
				checkError(t, err, tt.wantErr, false, tt.is)

				if diff := cmp.Diff(tt.want, string(got)); diff != "" {
					t.Errorf("payload (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func direct(ctx context.Context, c codec.Codec, m codec.Meta, v any) ([]byte, error) {
	return c.Encode(ctx, m, v)
}

func TestTypedDecodes(t *testing.T) {
	t.Parallel()

	var (
		nilInt *int
		own    = &codec.Error{Operation: "mine", Decoding: true, Reason: "empty"}
		fails  = codec.Of(func(int) ([]byte, error) { return nil, nil }, func([]byte) (int, error) { return 9, own })
		number = new(1)
	)

	tests := []struct {
		reason  string
		codec   codec.Codec
		target  any
		want    any
		wantErr string
		is      error
	}{
		{reason: "a pointer to the type", codec: decimals().Codec(), target: new(int), want: new(42)},
		{reason: "a pointer to the interface", codec: texts().Codec(), target: new(fmt.Stringer), want: new(fmt.Stringer(codec.PartState))},
		{
			reason: "a pointer to another type", codec: decimals().Codec(), target: new("x"), want: new("x"),
			wantErr: `codec: decode result of "charge": the codec stores into a *int that is not nil, not into a *string`,
		},
		{
			reason: "a nil pointer", codec: decimals().Codec(), target: nilInt, want: nilInt,
			wantErr: `codec: decode result of "charge": the codec stores into a *int that is not nil, not into a *int`,
		},
		{
			reason: "the function fails with an *Error, and the target is left alone", codec: fails.Codec(), target: number, want: new(1),
			wantErr: `codec: decode result of "mine": empty`, is: own,
		},
		{
			reason: "the zero Typed", codec: codec.Typed[int]{}.Codec(), target: new(int), want: new(int),
			wantErr: `codec: decode result of "charge": codec: a function of this codec is nil: make it with codec.Of and two functions`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			err := codec.Decode(t.Context(), tt.codec, charge, []byte("42"), tt.target)
			checkError(t, err, tt.wantErr, true, tt.is)

			if diff := cmp.Diff(tt.want, tt.target); diff != "" {
				t.Errorf("target (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTypedReportsNilFunctions(t *testing.T) {
	t.Parallel()

	encode := func(int) ([]byte, error) { return nil, nil }
	decode := func([]byte) (int, error) { return 0, nil }

	tests := []struct {
		reason string
		typed  codec.Typed[int]
		valid  bool
	}{
		{reason: "two functions", typed: codec.Of(encode, decode), valid: true},
		{reason: "the zero value", typed: codec.Typed[int]{}},
		{reason: "no encoder", typed: codec.Of(nil, decode)},
		{reason: "no decoder", typed: codec.Of(encode, nil)},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			_, encodeErr := tt.typed.Encode(1)
			_, decodeErr := tt.typed.Decode(nil)

			for _, err := range []error{tt.typed.Err(), encodeErr, decodeErr} {
				if (err == nil) != tt.valid {
					t.Errorf("error = %v, want one: %t", err, !tt.valid)
				}
			}
		})
	}
}
