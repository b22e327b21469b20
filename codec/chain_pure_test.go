package codec_test

import (
	"context"
	"testing"

	"github.com/perdure/perdure/codec"
)

// waiting is a transform that says of itself that it waits for something, and calm one that does
// not.
type (
	waiting struct{ xor }
	calm    struct{ xor }
)

func (waiting) Pure() bool { return false }
func (calm) Pure() bool    { return true }

// custom is a codec that says nothing of itself.
type custom struct{ codec.Codec }

func TestChainIsPureIfAllItsPartsAre(t *testing.T) {
	t.Parallel()

	pure := calm{xor{name: "calm", key: 1}}

	tests := []struct {
		reason string
		chain  codec.Codec
		want   bool
	}{
		{"JSON alone converts without waiting", codec.Chain(codec.JSON()), true},
		{"a pure transform adds nothing to wait for", codec.Chain(codec.JSON(), pure), true},
		{"a transform that says nothing may wait", codec.Chain(codec.JSON(), xor{name: "xor"}), false},
		{"a transform may say that it waits", codec.Chain(codec.JSON(), waiting{xor{name: "wait"}}), false},
		{"one part that may wait is enough", codec.Chain(codec.JSON(), pure, xor{name: "xor"}), false},
		{"the base is a part", codec.Chain(custom{codec.JSON()}, pure), false},
		{"a chain is a base like others", codec.Chain(codec.Chain(codec.JSON(), pure), pure), true},
		{"and passes on that it waits", codec.Chain(codec.Chain(codec.JSON(), xor{name: "xor"}), pure), false},
		{"what is only read is a part", codec.Chain(codec.JSON(), codec.ReadOnly(xor{name: "xor"})), false},
		{"and stays as pure as it was", codec.Chain(codec.JSON(), codec.ReadOnly(pure)), true},
		{"what is required stays as pure as it was", codec.Chain(codec.JSON(), codec.Required(pure)), true},
		{"and waits as it did", codec.Chain(codec.JSON(), codec.Required(xor{name: "xor"})), false},
		{"a chain that can convert nothing fails at once", codec.Chain(nil, xor{name: "xor"}), true},
	}

	for _, tt := range tests {
		if got := codec.IsPure(tt.chain); got != tt.want {
			t.Errorf("%s: Pure is %v, want %v", tt.reason, got, tt.want)
		}
	}
}

// An invalid chain never calls its parts, so that nothing can wait.
func TestInvalidChainCallsNothing(t *testing.T) {
	t.Parallel()

	var seen []codec.Stage

	c := codec.Chain(codec.JSON(), xor{name: "x", seen: &seen}, xor{name: "x", seen: &seen})
	if _, err := codec.Encode(context.Background(), c, codec.Meta{}, 1); err == nil {
		t.Error("a chain with two transforms of one name encodes")
	}

	if err := codec.Decode(context.Background(), c, codec.Meta{}, []byte("1"), new(int)); err == nil {
		t.Error("a chain with two transforms of one name decodes")
	}

	if len(seen) != 0 || !codec.IsPure(c) {
		t.Errorf("it called %d parts, and Pure is %v", len(seen), codec.IsPure(c))
	}
}
