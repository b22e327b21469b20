package codec_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/perdure/perdure/codec"
)

type broken struct{ at []int } // cannot be compared

func (broken) Error() string { return "broken" }

type other struct{}

func (other) Error() string { return "other" }

func TestValidateKnown(t *testing.T) {
	t.Parallel()
	a, b := errors.New("a"), errors.New("b")
	const twice = `the name "x" is registered for two errors`
	tests := []struct {
		reason string
		known  []codec.KnownError
		want   string
	}{
		{"nothing is registered", nil, ""},
		{"two names", []codec.KnownError{codec.Sentinel("x", a), codec.Sentinel("y", b)}, ""},
		{"one error with two names", []codec.KnownError{codec.Sentinel("x", a), codec.Sentinel("y", a)}, ""},
		{"the same twice", []codec.KnownError{codec.Sentinel("x", a), codec.Sentinel("x", a)}, ""},
		{"a type twice", []codec.KnownError{codec.ErrorType[other]("x"), codec.ErrorType[other]("x")}, ""},
		{"errors that cannot be compared", []codec.KnownError{codec.Sentinel("x", broken{[]int{1}}), codec.Sentinel("x", broken{[]int{2}})}, ""},
		{"two errors", []codec.KnownError{codec.Sentinel("x", a), codec.Sentinel("y", a), codec.Sentinel("x", b)}, twice},
		{"two types", []codec.KnownError{codec.ErrorType[other]("x"), codec.ErrorType[broken]("x")}, twice},
		{"a type and a pointer to it", []codec.KnownError{codec.ErrorType[other]("x"), codec.ErrorType[*other]("x")}, twice},
		{"an error and its type", []codec.KnownError{codec.Sentinel("x", other{}), codec.ErrorType[other]("x")}, twice},
		{"a former name", []codec.KnownError{codec.Renamed("x", codec.Sentinel("y", a)), codec.Sentinel("z", b)}, ""},
		{"a former name that another has", []codec.KnownError{codec.Renamed("x", codec.Sentinel("y", a)), codec.Sentinel("x", b)}, twice},
		{"one former name of two", []codec.KnownError{codec.Renamed("x", codec.Sentinel("y", a)), codec.Renamed("x", codec.Sentinel("z", b))}, twice},
		{"a former name that is none", []codec.KnownError{codec.Renamed("", codec.Sentinel("y", a))}, "use 1 to 256 printable"},
		{"an invalid one", []codec.KnownError{codec.Sentinel("x", a), {}}, "the zero KnownError"},
	}
	for _, tt := range tests {
		err := codec.ValidateKnown(tt.known...)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.reason, err, tt.want)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	encode, decode := func(int) ([]byte, error) { return nil, nil }, func([]byte) (int, error) { return 0, nil }
	tests := []struct {
		reason string
		codec  codec.Codec
		valid  bool
	}{
		{"nil leaves the choice to others", nil, true},
		{"one of the package", codec.JSON(), true},
		{"two functions", codec.Of(encode, decode).Codec(), true},
		{"the zero value", codec.Typed[int]{}.Codec(), false},
		{"no decoder", codec.Of(encode, nil).Codec(), false},
		{"no encoder", codec.Of(nil, decode).Codec(), false},
	}
	for _, tt := range tests {
		if err := codec.Validate(tt.codec); (err == nil) != tt.valid {
			t.Errorf("%s: got %v", tt.reason, err)
		}
	}
}
