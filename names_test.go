package perdure_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exported are the exported names of a package; those of a type's methods and fields have its name
// in front.
type exported map[string]bool

// namedPackages are the packages whose names stand in texts, by what they are called at a call. It
// has no name that another package of the project, or an import, is called by too.
var namedPackages = map[string]string{
	"op": "op", "node": "op/node", "replay": "replay", "replaytest": "replay/replaytest", "retry": "retry", "codec": "codec",
	"checkpoint": "checkpoint", "local": "checkpoint/local", "sqlite": "checkpoint/sqlite", "process": "checkpoint/local/process",
	"compress": "codec/compress", "seal": "codec/seal", "offload": "codec/offload", "filestore": "codec/offload/filestore",
	"awskms": "codec/awskms", "s3store": "codec/s3store", "replayotel": "replay/replayotel",
}

var qualified = regexp.MustCompile(`(?:^|[^\w./\-])(\w+)\.([A-Z]\w*)(?:\.([A-Z]\w*))?`)

// TestNamesInTextsExist: a message, a comment or a page that says which function to call names one
// that there is. The compiler sees names in code; a renamed function stays in texts, and in the
// tables of the checker.
func TestNamesInTextsExist(t *testing.T) {
	t.Parallel()
	names := exportedNames(t)
	read, found := 0, 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata"):
			return filepath.SkipDir
		case path == "CHANGELOG.md", path == "names_test.go": // they name what there was
			return nil
		}
		for _, text := range textsOf(t, path) {
			read++
			for _, wrong := range unknownNames(names, text, &found) {
				t.Errorf("%s: %s does not exist: the text names something that was renamed or removed", path, wrong)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 5000 || found < 1000 {
		t.Errorf("%d names in %d texts: the test does not see the texts", found, read)
	}
}

func TestUnknownNamesAreFound(t *testing.T) {
	t.Parallel()
	names := map[string]exported{"op": {"Step": true, "Op": true, "Op.*": true, "Op.Key": true}}
	for text, want := range map[string]string{
		"use op.Step":                  "",
		"use op.Select over it":        "op.Select",
		"op.Op.Key gives it a key":     "",
		"op.Op.Node was there":         "op.Op.Node",
		"`op.Step`, [op.Gone]":         "op.Gone",
		"other.Gone is not ours":       "",
		"shop.Gone is not ours either": "",
		"the file x/op.Gone":           "",
		"op.step is no exported name":  "",
	} {
		n := 0
		if got := strings.Join(unknownNames(names, text, &n), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// unknownNames returns the names of a text that do not exist, and counts those that do.
func unknownNames(names map[string]exported, text string, found *int) (unknown []string) {
	for _, m := range qualified.FindAllStringSubmatch(text, -1) {
		known, ours := names[m[1]]
		switch name := m[2]; {
		case !ours:
		case !known[name]:
			unknown = append(unknown, m[1]+"."+name)
		case m[3] != "" && known[name+".*"] && !known[name+"."+m[3]]:
			unknown = append(unknown, m[1]+"."+name+"."+m[3])
		default:
			*found++
		}
	}
	return unknown
}

// textsOf returns a page, or the comments and strings of a file of code that users or engineers
// read.
func textsOf(t *testing.T, path string) []string {
	t.Helper()
	switch filepath.Ext(path) {
	case ".md":
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return []string{string(b)}
	case ".go":
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, c := range file.Comments {
			texts = append(texts, c.Text())
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				texts = append(texts, strings.NewReplacer(`\t`, " ", `\n`, " ", `\.`, ".").Replace(lit.Value))
			}
			return true
		})
		return texts
	}
	return nil
}

func exportedNames(t *testing.T) map[string]exported {
	t.Helper()
	all := make(map[string]exported, len(namedPackages))
	for name, dir := range namedPackages {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no files: %v", dir, err)
		}
		names := make(exported)
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				names.declared(d)
			}
		}
		all[name] = names
	}
	return all
}

// declared takes in the names of a declaration. A type whose members are known has the name T.*.
func (e exported) declared(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			e[d.Name.Name] = true
			return
		}
		e[receiver(d.Recv.List[0].Type)+"."+d.Name.Name] = true
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				for _, n := range s.Names {
					e[n.Name] = true
				}
			case *ast.TypeSpec:
				e.typed(s)
			}
		}
	}
}

func (e exported) typed(s *ast.TypeSpec) {
	var members *ast.FieldList
	e[s.Name.Name] = true
	switch t := s.Type.(type) {
	case *ast.StructType:
		members = t.Fields
	case *ast.InterfaceType:
		members = t.Methods
	}
	if members == nil || slices.ContainsFunc(members.List, func(f *ast.Field) bool { return len(f.Names) == 0 }) {
		return // of what is embedded the members are not known
	}
	e[s.Name.Name+".*"] = true
	for _, f := range members.List {
		for _, n := range f.Names {
			e[s.Name.Name+"."+n.Name] = true
		}
	}
}

// receiver returns the name of a receiver's type.
func receiver(x ast.Expr) string {
	for {
		switch t := x.(type) {
		case *ast.StarExpr:
			x = t.X
		case *ast.IndexExpr:
			x = t.X
		case *ast.IndexListExpr:
			x = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}
