package perdure_test

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// source is one import declaration.
type source struct {
	file   string
	line   int
	imp    string
	folder string
}

func (s source) String() string {
	return fmt.Sprintf("%s:%d: package %s imports %q", s.file, s.line, s.folder, s.imp)
}

// checkImports compares the imports of all packages of one module with graph
// and returns a sentence for each that is not allowed.
func checkImports(tree fs.FS, graph map[string]rule) ([]string, error) {
	sources, err := imports(tree)
	if err != nil {
		return nil, err
	}
	var problems []string
	unknown := map[string]bool{}
	owner := map[string]string{} // folder and oneFile group → the file that has it
	for _, s := range sources {
		r, ok := graph[s.folder]
		if !ok {
			if !unknown[s.folder] {
				unknown[s.folder] = true
				problems = append(problems, fmt.Sprintf("%s: package %s has no row in importGraph; add what it may import", s.file, s.folder))
			}
			continue
		}
		if why, denied := r.deny[s.imp]; denied {
			problems = append(problems, fmt.Sprintf("%s, which is forbidden there: %s", s, why))
			continue
		}
		if standard(s.imp) || matches(r.allow, s.imp) {
			continue
		}
		if matches(r.oneFile, s.imp) {
			if first := cmp.Or(owner[s.folder], s.file); first != s.file {
				problems = append(problems, fmt.Sprintf("%s, which only one file may do, and %s does", s, first))
			} else {
				owner[s.folder] = s.file
			}
			continue
		}
		problems = append(problems, fmt.Sprintf("%s; allowed are %s", s, r))
	}
	return problems, nil
}

// String lists what the rule allows.
func (r rule) String() string {
	list := []string{"the standard library"}
	if len(r.deny) != 0 {
		list[0] += " without " + strings.Join(slices.Sorted(maps.Keys(r.deny)), ", ")
	}
	list = append(list, r.allow...)
	for _, p := range r.oneFile {
		list = append(list, p+" (in one file)")
	}
	return strings.Join(list, ", ")
}

// imports reads the import declarations of all non-test files of the module at
// the root of tree, in the order of their files.
func imports(tree fs.FS) ([]source, error) {
	var all []source
	fset := token.NewFileSet()
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if outside(tree, name) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			all = append(all, source{file: name, line: fset.Position(spec.Pos()).Line, imp: imp, folder: path.Dir(name)})
		}
		return nil
	})
	return all, err
}

// outside reports whether the directory is no part of the module: hidden,
// test data, or a module of its own.
func outside(tree fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(tree, path.Join(dir, "go.mod"))
	return err == nil
}

// standard reports whether imp belongs to the standard library: the first
// element of any other path is a host name.
func standard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}

func matches(patterns []string, imp string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		root, tree := strings.CutSuffix(p, "/...")
		return imp == root || tree && strings.HasPrefix(imp, root+"/")
	})
}
