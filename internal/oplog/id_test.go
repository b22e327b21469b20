package oplog_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/internal/oplog"
)

// A changed row breaks every execution that is running: IDs are part of the wire format.
func TestIDsAreFrozen(t *testing.T) {
	t.Parallel()
	item := oplog.ID("", "ship", "", 0)
	tests := []struct {
		reason                 string
		scope, name, key, want string
		occurrence             int
	}{
		{reason: "root scope", name: "reserve-stock", want: "reserve-stock-0748d7a5326c-854f6517190c4c9e"},
		{reason: "key", name: "notify", key: "customer", want: "notify-0748d7a5326c-322d7a8cb0323229"},
		{reason: "first occurrence", name: "poll", want: "poll-0748d7a5326c-015f36409a913a34"},
		{reason: "occurrence", name: "poll", occurrence: 1, want: "poll-0748d7a5326c-3621a9a103348222"},
		{reason: "occurrence of more than one byte", name: "poll", occurrence: 300, want: "poll-0748d7a5326c-b67b125aa1ed35e5"},
		{reason: "key and occurrence", name: "poll", key: "a", occurrence: 2, want: "poll-0748d7a5326c-d47079f754bee2c5"},
		{reason: "scope of an operation", scope: item, name: "pack-item", want: "pack-item-a0886588eb33-b2b144da4868210f"},
		{reason: "scope of compensations", scope: oplog.UndoScope(""), name: "reserve-stock-undo", want: "reserve-stock-undo-d2e342544115-a14f03cd11d8e381"},
		{reason: "compensations below an operation", scope: oplog.UndoScope(item), name: "x", want: "x-a919862ec331-ec98b4dfb30d113c"},
		{reason: "name that is no slug", name: "Charge card (EUR)!", want: "Charge-card-EUR-0748d7a5326c-12caedf1e69f0fc1"},
		{reason: "name that ends in what no slug has", name: "Charge card (EUR)", want: "Charge-card-EUR-0748d7a5326c-b867ad8faa6150ea"},
		{reason: "name of no letters", name: "¿?", want: "op-0748d7a5326c-fad575be21d3184e"},
		{reason: "long name", name: strings.Repeat("long-name-", 20), want: "long-name-long-name-long-name-long-0748d7a5326c-8f3f24137e5cdbca"},
		{reason: "long key", name: "x", key: strings.Repeat("k", 1000), want: "x-0748d7a5326c-47bf743bf13a2c2a"},
		{reason: "key of any bytes", name: "x", key: "\x00\xff/ü", want: "x-0748d7a5326c-f8697f817eaa6732"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, oplog.ID(tt.scope, tt.name, tt.key, tt.occurrence)); diff != "" {
				t.Errorf("ID (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUndoScopeIsFrozen(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff("~undo", oplog.UndoScope("")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("d2e342544115", oplog.NewScope(oplog.UndoScope("")).Tag()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSlug(t *testing.T) {
	t.Parallel()
	tests := []struct{ reason, name, want string }{
		{"a slug stays", "charge-card", "charge-card"},
		{"case and underscore stay", "Charge_Card2", "Charge_Card2"},
		{"a run of other characters is one dash", "a (b)", "a-b"},
		{"a dash beside other characters stays", "a- b", "a--b"},
		{"trimmed at the front", " --a", "a"},
		{"trimmed at the end", "a-- !", "a"},
		{"34 characters fit", strings.Repeat("a", 34), strings.Repeat("a", 34)},
		{"cut to 34", strings.Repeat("a", 35), strings.Repeat("a", 34)},
		{"trimmed after the cut", strings.Repeat("a", 33) + "-b", strings.Repeat("a", 33)},
		{"a run across the cut", strings.Repeat("a", 33) + " b", strings.Repeat("a", 33)},
		{"nothing is left", "!!!", "op"},
		{"dashes only", "---", "op"},
		{"empty", "", "op"},
		{"other alphabets", "größe", "gr-e"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			id := oplog.ID("", tt.name, "", 0)
			got := id[:len(id)-len("-0748d7a5326c-854f6517190c4c9e")]
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("slug of %q (-want +got):\n%s", tt.name, diff)
			}
		})
	}
}

func TestScopeTag(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, id, want string
		ok               bool
	}{
		{"an ID of ours", oplog.ID("", "a", "", 0), oplog.NewScope("").Tag(), true},
		{"an ID of another scope", oplog.ID("x", "a-b", "k", 3), oplog.NewScope("x").Tag(), true},
		{"the longest slug", oplog.ID("", strings.Repeat("a", 99), "", 0), oplog.NewScope("").Tag(), true},
		{"empty", "", "", false},
		{"EXECUTION: the last segment of the ARN", "8f3c1a5e-0b5c-4d8e-9d5a-6f2b1c3d4e5f", "", false},
		{"MD5 of the JavaScript SDK", "c4ca4238a0b92382", "", false},
		{"SHA-256 of the Java SDK", strings.Repeat("6b86b273", 8), "", false},
		{"blake2b of the Python SDK", strings.Repeat("1ced8f5be2db23a6", 4), "", false},
		{"no slug", "-0748d7a5326c-854f6517190c4c9e", "", false},
		{"slug too long", strings.Repeat("a", 35) + "-0748d7a5326c-854f6517190c4c9e", "", false},
		{"slug begins with a dash", "-a-0748d7a5326c-854f6517190c4c9e", "", false},
		{"slug ends with a dash", "a--0748d7a5326c-854f6517190c4c9e", "", false},
		{"slug with a character no ID has", "a.b-0748d7a5326c-854f6517190c4c9e", "", false},
		{"tag is no hex", "a-0748d7a5326g-854f6517190c4c9e", "", false},
		{"tag is upper case", "a-0748D7A5326C-854f6517190c4c9e", "", false},
		{"digest is no hex", "a-0748d7a5326c-854f6517190c4c9g", "", false},
		{"digest too long", "a-0748d7a5326c-854f6517190c4c9e0", "", false},
		{"no dash before the tag", "ab0748d7a5326c-854f6517190c4c9e", "", false},
		{"a scope of compensations", oplog.UndoScope(oplog.ID("", "a", "", 0)), "", false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			tag, ok := oplog.ScopeTag(tt.id)
			if tag != tt.want || ok != tt.ok {
				t.Errorf("ScopeTag(%q) = %q, %t; want %q, %t", tt.id, tag, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestTagsAreFrozen(t *testing.T) {
	t.Parallel()
	tests := []struct{ reason, id, want string }{
		{"the root scope", "", "0748d7a5326c"},
		{"the scope that an operation opens", "ship-0748d7a5326c-ba2bca9eb16f028a", "a0886588eb33"},
		{"the scope of compensations", "~undo", "d2e342544115"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			scope := oplog.NewScope(tt.id)
			if scope.Tag() != tt.want || scope.ID() != tt.id {
				t.Errorf("NewScope(%q) has the tag %q, want %q, and the ID %q", tt.id, scope.Tag(), tt.want, scope.ID())
			}
		})
	}
}

func TestWireName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 300)
	tests := []struct{ reason, name, key, want string }{
		{"no key", "charge card", "", "charge card"},
		{"no key: nothing is escaped", "a[b]%", "", "a[b]%"},
		{"key", "notify", "customer", "notify[customer]"},
		{"printable ASCII stays", "n", "SKU 1/2~", "n[SKU 1/2~]"},
		{"brackets and percent are escaped", "n", "a[0]%", "n[a%5B0%5D%25]"},
		{"control characters are escaped", "n", "a\n\x7f", "n[a%0A%7F]"},
		{"other characters are escaped byte by byte", "n", "é", "n[%C3%A9]"},
		{"bytes that are not UTF-8 are escaped", "n", "\xff", "n[%FF]"},
		{"the longest that fits", "n", long[:253], "n[" + long[:253] + "]"},
		{"one too many", "n", long[:254], "n[" + long[:239] + "%~75537fa67915]"},
		{"cut within an escape", "n", long[:238] + "\xff" + long, "n[" + long[:238] + "%~2d008c9ce5e4]"},
		{"long name", strings.Repeat("n", 256), "k", strings.Repeat("n", 240) + "[%~baca8cb6f5b9]"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got := oplog.WireName(tt.name, tt.key)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("WireName (-want +got):\n%s", diff)
			}
		})
	}
}

// A branch is known by its index, its key or its name alone.
func TestNamesOfBranches(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 300)
	tests := []struct{ reason, label, path, wire string }{
		{"an index", "2", "ship[2]", "2"},
		{"a key", "SKU-1", "ship[SKU-1]", "SKU-1"},
		{"the characters of paths are escaped in paths alone", "SKU/1", "ship[SKU%2F1]", "SKU/1"},
		{"what is not ASCII is escaped on the wire alone", "Größe", "ship[Größe]", "Gr%C3%B6%C3%9Fe"},
		{"brackets are escaped in both", "a[0]", "ship[a%5B0%5D]", "a%5B0%5D"},
		{"the longest key that fits", long[:254], "ship[" + long[:254] + "]", long[:254]},
		{"a longer key is cut on the wire", long[:255], "ship[" + long[:255] + "]", long[:240] + "%~da3884cf718c"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.path, oplog.ItemPath("ship", tt.label)); diff != "" {
				t.Errorf("ItemPath (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.wire, oplog.KeyName(tt.label)); diff != "" {
				t.Errorf("KeyName (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, parent, name, key string
		occurrence                int
		want                      string
	}{
		{"below the handler", "", "charge-card", "", 0, "charge-card"},
		{"below an item", "ship[2]", "pack-item", "", 0, "ship[2]/pack-item"},
		{"key", "", "remind", "2", 0, "remind[2]"},
		{"third occurrence", "", "poll", "", 2, "poll#3"},
		{"key and occurrence", "a/b", "poll", "k", 1, "a/b/poll[k]#2"},
		{"the characters of paths are escaped", "", "a/b#1", "[x]%", 0, "a%2Fb%231[%5Bx%5D%25]"},
		{"what cannot be printed is escaped", "", "n", "a\n\x00\u202e", 0, "n[a%0A%00%E2%80%AE]"},
		{"bytes that are not UTF-8 are escaped", "", "n", "\xffé", 0, "n[%FFé]"},
		{"blanks and other alphabets stay", "", "charge card", "Zoë", 0, "charge card[Zoë]"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got := oplog.Path(tt.parent, tt.name, tt.key, tt.occurrence)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Path (-want +got):\n%s", diff)
			}
		})
	}
}

// declared is what an ID is derived from.
type declared struct {
	scope, name, key string
	occurrence       int
}

func (d declared) id() string { return oplog.ID(d.scope, d.name, d.key, d.occurrence) }

// Lambda API, OperationUpdate.Id: 1–64 of [A-Za-z0-9_-].
func TestIDsFitTheAPI(t *testing.T) {
	t.Parallel()
	p := properties(1000)
	valid := regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	p.Property("an ID is valid, names its scope and is the same each time", prop.ForAll(
		func(scope, name, key string, occurrence int) string {
			s := oplog.NewScope(scope)
			id := string(s.AppendID([]byte("prefix:"), name, key, occurrence))
			id = strings.TrimPrefix(id, "prefix:")
			tag, ok := oplog.ScopeTag(id)
			switch {
			case !valid.MatchString(id):
				return fmt.Sprintf("%q is not valid", id)
			case !ok || tag != s.Tag() || s.ID() != scope:
				return fmt.Sprintf("%q does not name scope %q", id, s.Tag())
			case id != oplog.ID(scope, name, key, occurrence):
				return "two derivations differ"
			}
			return ""
		},
		gen.AnyString(), gen.AnyString(), gen.AnyString(), gen.IntRange(0, 1<<20)))
	p.TestingRun(t)
}

// The fields of an ID are short strings over two letters here, so that neighbours which differ
// only in where one field ends are common.
func TestIDsDoNotCollide(t *testing.T) {
	t.Parallel()
	words := []string{""}
	for last := words; len(last[0]) < 3; {
		var next []string
		for _, w := range last {
			next = append(next, w+"a", w+"b")
		}
		words, last = append(words, next...), next
	}
	ids := make(map[string]declared)
	names := make(map[string]declared)
	for _, scope := range words {
		for _, name := range words {
			for _, key := range words {
				for occurrence := range 3 {
					d := declared{scope, name, key, occurrence}
					id := d.id()
					if other, ok := ids[id]; ok {
						t.Fatalf("%+v and %+v have the ID %s", d, other, id)
					}
					ids[id] = d
				}
				wire := oplog.WireName(name, key)
				d := declared{name: name, key: key}
				if other, ok := names[wire]; ok && other != d {
					t.Fatalf("%+v and %+v have the wire name %s", d, other, wire)
				}
				names[wire] = d
			}
		}
	}
}

func TestDifferentOperationsHaveDifferentIDs(t *testing.T) {
	t.Parallel()
	p := properties(1000)
	seen := make(map[string]declared)
	p.Property("no collision", prop.ForAll(
		func(scope, name, key string, occurrence int) string {
			d := declared{scope, name, key, occurrence}
			id := d.id()
			if other, ok := seen[id]; ok && other != d {
				return fmt.Sprintf("%+v and %+v have the ID %s", d, other, id)
			}
			seen[id] = d
			return ""
		},
		gen.AlphaString(), gen.AnyString(), gen.AnyString(), gen.IntRange(0, 3)))
	p.TestingRun(t)
}

// Lambda API, OperationUpdate.Name: 1–256 of printable ASCII.
func TestWireNamesFitTheAPI(t *testing.T) {
	t.Parallel()
	p := properties(1000)
	valid := regexp.MustCompile(`^[\x20-\x7E]{1,256}$`)
	name := gen.RegexMatch(`[ -~]{1,256}`)
	p.Property("a wire name is valid and distinguishes keys", prop.ForAll(
		func(name, prefix, one, two string) string {
			one, two = prefix+one, prefix+two
			a, b := oplog.WireName(name, one), oplog.WireName(name, two)
			switch {
			case !valid.MatchString(a):
				return fmt.Sprintf("%q is not valid", a)
			case (a == b) != (one == two):
				return fmt.Sprintf("keys %q and %q, names %q and %q", one, two, a, b)
			}
			return ""
		},
		name, gen.OneGenOf(gen.Const(""), gen.Const(strings.Repeat("ü", 100)), gen.Const(strings.Repeat("x", 250))),
		gen.AnyString(), gen.AnyString()))
	p.TestingRun(t)
}

func TestPathsDistinguishOperations(t *testing.T) {
	t.Parallel()
	p := properties(1000)
	p.Property("different names, keys and occurrences have different paths", prop.ForAll(
		func(name, key, other string, n, m int) bool {
			same := name == other && n == m
			return (oplog.Path("p", name, key, n) == oplog.Path("p", other, key, m)) == same
		},
		gen.AnyString(), gen.AnyString(), gen.AnyString(), gen.IntRange(0, 3), gen.IntRange(0, 3)))
	p.TestingRun(t)
}

func FuzzWireName(f *testing.F) {
	f.Add("charge-card", "SKU-1")
	f.Add("n", strings.Repeat("\xff", 90))
	f.Add(strings.Repeat("n", 256), "k")
	f.Fuzz(func(t *testing.T, name, key string) {
		got := oplog.WireName(name, key)
		if key != "" && len(got) > 256 {
			t.Errorf("WireName(%q, %q) has %d bytes", name, key, len(got))
		}
		if id := oplog.ID(name, name, key, len(key)); len(id) > 64 {
			t.Errorf("ID %q has %d bytes", id, len(id))
		}
	})
}

//nolint:paralleltest // counts allocations of the whole process
func TestDerivingAnIDAllocatesNothing(t *testing.T) {
	scope := oplog.NewScope(oplog.ID("", "ship", "SKU-1", 0))
	var buf [64]byte
	if n := testing.AllocsPerRun(100, func() { scope.AppendID(buf[:0], "pack item", "SKU-1", 2) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
