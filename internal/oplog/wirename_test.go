package oplog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/internal/oplog"
)

// keyed are names and keys, one pair for each way to make a wire name.
func keyed() []struct{ reason, name, key string } {
	return []struct{ reason, name, key string }{
		{"no key", "charge-card", ""},
		{"a key", "pack-item", "SKU-1"},
		{"an escaped key", "pack-item", "Größe [L] 50%"},
		{"a key that is cut", "pack-item", strings.Repeat("ä", 200)},
		{"a name that leaves no room", strings.Repeat("n", 256), "k"},
	}
}

func TestIsWireNameAgreesWithWireName(t *testing.T) {
	t.Parallel()
	for _, tt := range keyed() {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			wire := oplog.WireName(tt.name, tt.key)
			if !oplog.IsWireName(wire, tt.name, tt.key) {
				t.Errorf("%q is not the wire name", wire)
			}
			for _, other := range []string{"", wire + "]", wire[:len(wire)-1]} {
				if oplog.IsWireName(other, tt.name, tt.key) {
					t.Errorf("%q is the wire name", other)
				}
			}
		})
	}
	p := properties(500)
	p.Property("IsWireName(w, n, k) == (w == WireName(n, k))", prop.ForAll(
		func(name, key, other string) bool {
			return oplog.IsWireName(oplog.WireName(name, key), name, key) &&
				oplog.IsWireName(other, name, key) == (other == oplog.WireName(name, key))
		}, gen.AlphaString(), gen.AnyString(), gen.AlphaString()))
	p.TestingRun(t)
}

//nolint:paralleltest // counts allocations of the whole process
func TestIsWireNameAllocatesNothing(t *testing.T) {
	for _, tt := range keyed() {
		wire := oplog.WireName(tt.name, tt.key)
		if n := testing.AllocsPerRun(10, func() { oplog.IsWireName(wire, tt.name, tt.key) }); n > 0 {
			t.Errorf("%s: %v allocations", tt.reason, n)
		}
	}
}

func ExampleIsWireName() {
	fmt.Println(oplog.IsWireName("notify[customer]", "notify", "customer"))
	// Output: true
}
