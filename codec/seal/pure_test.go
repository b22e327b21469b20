package seal_test

import (
	"testing"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/seal"
)

// lazy is a keyring that says nothing of itself.
type lazy struct{ seal.Keyring }

// Payloads are sealed where the handler's code runs only if nothing can keep it waiting.
func TestSealingIsPureIfItsKeysAreInMemory(t *testing.T) {
	t.Parallel()

	keys := seal.Static(newKey(t, "k1"))

	tests := []struct {
		reason string
		last   codec.Transform
		want   bool
	}{
		{"keys in memory are there at once", seal.New(keys), true},
		{"a file is looked at for each payload", seal.New(seal.File("keys")), false},
		{"a keyring that says nothing may ask a service", seal.New(lazy{keys}), false},
		{"without a keyring it fails at once", seal.New(nil), true},
		{"a store answers when it answers", offload.New(&heap{}), false},
	}

	for _, tt := range tests {
		if got := codec.IsPure(codec.Chain(codec.JSON(), tt.last)); got != tt.want {
			t.Errorf("%s: Pure is %v, want %v", tt.reason, got, tt.want)
		}
	}
}
