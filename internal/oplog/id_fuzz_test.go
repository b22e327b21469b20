package oplog_test

import (
	"strings"
	"testing"

	"github.com/perdure/perdure/internal/oplog"
)

// FuzzID looks at two operations: IDs show their scope, fit the wire, and are the same for the same
// operation only.
func FuzzID(f *testing.F) {
	f.Add("", "charge-card", "SKU-1", uint16(0), "", "charge-card", "SKU-1", uint16(1))
	f.Add("", "ab", "", uint16(0), "", "a", "b", uint16(0))
	f.Add("a", "b", "c", uint16(0), "", "ab", "c", uint16(0))
	f.Add("\xff", strings.Repeat("n", 256), "é😀", uint16(65535), oplog.UndoScope("\xff"), "-", "%", uint16(2))
	f.Fuzz(func(t *testing.T, scope, name, key string, nth uint16, scope2, name2, key2 string, nth2 uint16) {
		id := oplog.ID(scope, name, key, int(nth))
		if len(id) == 0 || len(id) > 64 {
			t.Errorf("ID %q has %d bytes", id, len(id))
		}
		if tag, ok := oplog.ScopeTag(id); !ok || tag != oplog.NewScope(scope).Tag() {
			t.Errorf("ScopeTag(%q) is %q, %t; the scope is %q", id, tag, ok, scope)
		}
		same := scope == scope2 && name == name2 && key == key2 && nth == nth2
		if other := oplog.ID(scope2, name2, key2, int(nth2)); (other == id) != same {
			t.Errorf("%q for %q %q %q %d, %q for %q %q %q %d", id, scope, name, key, nth, other, scope2, name2, key2, nth2)
		}
		if wire := oplog.WireName(name, key); !oplog.IsWireName(wire, name, key) {
			t.Errorf("%q is not taken for the wire name of %q %q", wire, name, key)
		}
	})
}

// FuzzScopeTag gives IDs of any origin: what is taken for one of ours has the form of ours.
func FuzzScopeTag(f *testing.F) {
	for _, seed := range []string{
		"", "-", oplog.ID("", "a", "", 0), oplog.ID("x", "charge card", "k", 3), "a--", "9f86d081884c7d65",
		"a-0123456789ab-0123456789abcdef", "-a-0123456789ab-0123456789abcdef", "a-0123456789AB-0123456789abcdef",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		tag, ok := oplog.ScopeTag(id)
		if !ok {
			if tag != "" {
				t.Errorf("ScopeTag(%q) is %q and not ok", id, tag)
			}
			return
		}
		parts := strings.Split(id, "-")
		if n := len(parts); n < 3 || len(id) > 64 || parts[n-2] != tag || len(tag) != 12 || len(parts[n-1]) != 16 ||
			strings.Trim(tag+parts[n-1], "0123456789abcdef") != "" {
			t.Errorf("ScopeTag(%q) is %q", id, tag)
		}
	})
}
