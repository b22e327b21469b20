package main

import (
	"bytes"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSurface: api.txt has the surface of the modules as they are.
func TestSurface(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(&out, ".", "work", false, ""); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
}

// TestPlantedChanges: each change of a package is seen, and whether it breaks code.
func TestPlantedChanges(t *testing.T) {
	t.Parallel()
	const before = `package bag // github.com/perdure/perdure/bag

import "context"

const Most = 3
func Run[T any](ctx context.Context, o Op[T]) (T, error)
func WithTimeout() Both
type Both interface {
	applyCallback()
	applyStep()
}
type Info struct {
	ID string
	unexported int
}
type Op[T any] struct {
	unexported func()
}
func (Op[T]) Key(string) Op[T]
type StepOption interface {
	applyStep()
}
`
	tests := []struct {
		reason, old, new string
		want             string // as it is reported; empty if nothing changes
	}{
		{"nothing", "", "", ""},
		{"a function is new", "type Both", "func New()\ntype Both", "compatible: bag.New: added"},
		{"a function is gone", "func WithTimeout() Both\n", "", "incompatible: bag.WithTimeout: removed"},
		{"a method is new", "type StepOption", "func (Op[T]) Name() string\ntype StepOption", "compatible: bag.Op.Name: added"},
		{"a method is gone", "func (Op[T]) Key(string) Op[T]\n", "", "incompatible: bag.Op.Key: removed"},
		{"a field is new", "ID string", "ID, Name string", "compatible: bag.Info.Name: added"},
		{"a field has another type", "ID string", "ID int", "incompatible: bag.Info.ID: changed from string to int"},
		{"a constant has another value", "Most = 3", "Most = 4", "incompatible: bag.Most: value changed from 3 to 4"},
		{
			"a parameter is new", "Run[T any](ctx context.Context, o Op[T])", "Run[T any](ctx context.Context, o Op[T], n int)",
			"incompatible: bag.Run: changed from func(context.Context, Op[T]) (T, error) to func(context.Context, Op[T], int) (T, error)",
		},
		{"values can be compared no more", "unexported int", "unexported func()", "incompatible: bag.Info: old is comparable, new is not"},
		{"an option no longer fits an operation", "\tapplyCallback()\n", "", "incompatible: bag.Both: no longer accepted where an interface demands applyCallback"},
	}
	foreign := map[string]*types.Package{"context": types.NewPackage("context", "context")}
	named := types.NewTypeName(0, foreign["context"], "Context", nil)
	types.NewNamed(named, types.NewInterfaceType(nil, nil), nil)
	foreign["context"].Scope().Insert(named)
	foreign["context"].MarkComplete()
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			a, err := readAll(before, foreign, false)
			if err != nil {
				t.Fatal(err)
			}
			b, err := readAll(strings.Replace(before, tt.old, tt.new, 1), foreign, false)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range compare(a, b) {
				got = append(got, c.String())
			}
			if text := strings.Join(got, "\n"); text != tt.want {
				t.Errorf("got %q, want %q", text, tt.want)
			}
		})
	}
}

// TestChangesAreDecisions: in a workspace with one module, a change fails until api.txt is written,
// and one that breaks code until the changelog says how to change it.
func TestChangesAreDecisions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(write bool, want string) string {
		t.Helper()
		var out bytes.Buffer
		err := run(&out, dir, "work", write, "")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Fatalf("got %v, want %q\n%s", err, want, &out)
		}
		return out.String()
	}
	const code = "package perdure\n\ntype Config struct{ Size int }\n\nfunc Run(Config) error { return nil }\n"
	put("go.work", "go 1.26.0\n\nuse .\n")
	put("go.mod", "module github.com/perdure/perdure\n\ngo 1.26.0\n")
	put("CHANGELOG.md", "# Changelog\n\n### Migration\n\n| before | now |\n|---|---|\n")
	put("code.go", code)
	check(false, "go run ./internal/apicheck -write")
	check(true, "")
	if out := check(false, ""); !strings.Contains(out, "api.txt is right: 1 packages") {
		t.Errorf("it says %q", out)
	}

	put("code.go", strings.Replace(code, "Size int", "Size, Weight int", 1))
	check(false, "1 changes that api.txt does not have")
	check(true, "")
	check(false, "")

	put("code.go", strings.ReplaceAll(code, "Run(", "Begin("))
	for _, write := range []bool{false, true} {
		check(write, "`perdure.Run`: removed")
	}
	put("CHANGELOG.md", "# Changelog\n\n`perdure.Run` is gone.\n\n### Migration\n\n| before | now |\n|---|---|\n"+
		"| `perdure.Runner` | `perdure.Config` |\n")
	check(true, "`perdure.Run`: removed")
	put("CHANGELOG.md", "# Changelog\n\n### Migration\n\n| before | now |\n|---|---|\n| `perdure.Run` | `perdure.Begin` |\n"+
		"| `perdure.Config.Weight` | gone |\n")
	check(false, "changes that api.txt does not have")
	check(true, "")
	check(false, "")
}

func TestMentions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, name, reason string
		want               bool
	}{
		{"| `bag.Take` | `bag.Pick` |", "bag.Take", "it is named", true},
		{"| `bag.Takes` | |", "bag.Take", "another name begins like it", false},
		{"| `bag.Item` | |", "bag.Item.Size", "what it belongs to is named", true},
		{"| `bag.Item.Size` | |", "bag.Item", "only a part of it is named", true},
		{"| the package `bag` | |", "bag.Take", "its package alone does not say enough", false},
		{"| `codec/old` | |", "codec/old", "a package is named", true},
	}
	for _, tt := range tests {
		if got := mentions(tt.text, tt.name); got != tt.want {
			t.Errorf("%s: %q in %q: got %t", tt.reason, tt.name, tt.text, got)
		}
	}
}

func TestPublished(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path, name, reason string
		want               bool
	}{
		{"github.com/perdure/perdure", "perdure", "the root", true},
		{"github.com/perdure/perdure/op/node", "node", "for interpreters", true},
		{"github.com/perdure/perdure/replay/internal/engine", "engine", "internal", false},
		{"github.com/perdure/perdure/internal/turn", "turn", "internal", false},
		{"github.com/perdure/perdure/cmd/perdure", "main", "a command", false},
		{"github.com/perdure/perdure/docs/examples/order", "order", "an example", false},
		{"github.com/perdure/perdure/checkpoint/sqlite/crashtest", "crashtest", "a test", false},
		{"time", "time", "not ours", false},
	}
	for _, tt := range tests {
		if got := published(tt.path, tt.name); got != tt.want {
			t.Errorf("%s: %s: got %t", tt.reason, tt.path, got)
		}
	}
}

// TestInventedNames: names that the compiler invents for results are not written.
func TestInventedNames(t *testing.T) {
	t.Parallel()
	result := func(name string, t types.Type) *types.Var { return types.NewVar(0, nil, name, t) }
	errs, text := types.Universe.Lookup("error").Type(), types.Typ[types.String]
	tests := []struct {
		reason  string
		results []*types.Var
		want    string
	}{
		{"one result", []*types.Var{result("#rv1", errs)}, "() error"},
		{"several", []*types.Var{result("#rv1", text), result("#rv2", errs)}, "() (string, error)"},
		{"names of the code stay", []*types.Var{result("s", text), result("err", errs)}, "() (s string, err error)"},
	}
	for _, tt := range tests {
		s := &surface{pkg: types.NewPackage("bag", "bag")}
		sig := types.NewSignatureType(nil, nil, nil, nil, types.NewTuple(tt.results...), false)
		if got := s.signature(sig); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
		}
	}
}
