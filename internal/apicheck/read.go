package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"regexp"
	"strings"
)

// header explains api.txt, and is its first line.
const header = "// The exported surface, written by: go run ./internal/apicheck -write\n"

var packageLine = regexp.MustCompile(`(?m)^package (\S+) // (\S+)$`)

// split divides the text of api.txt by package path.
func split(text string) map[string]string {
	found := packageLine.FindAllStringSubmatchIndex(text, -1)
	parts := make(map[string]string, len(found))
	for i, at := range found {
		end := len(text)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		parts[text[at[4]:at[5]]] = text[at[0]:end]
	}
	return parts
}

// reader reads packages of api.txt back.
type reader struct {
	text    map[string]string
	foreign map[string]*types.Package // all others, as they are today
	read    map[string]*types.Package
	strict  bool
	errs    []error
}

// readAll returns the packages of an api.txt. Unless strict, a name of a foreign package that does
// not exist any more is an invalid type: apidiff says then that what mentions it has changed.
func readAll(text string, foreign map[string]*types.Package, strict bool) (map[string]*types.Package, error) {
	r := &reader{text: split(text), foreign: foreign, strict: strict, read: make(map[string]*types.Package)}
	for p := range r.text {
		if _, err := r.Import(p); err != nil {
			r.errs = append(r.errs, err)
		}
	}
	return r.read, errors.Join(r.errs...)
}

// Import returns the package of a path.
func (r *reader) Import(path string) (*types.Package, error) {
	if p := r.read[path]; p != nil {
		return p, nil
	}
	text, ok := r.text[path]
	if !ok {
		if path == "unsafe" {
			return types.Unsafe, nil
		}
		if p := r.foreign[path]; p != nil {
			return p, nil
		}
		return nil, fmt.Errorf("package %s is not imported any more", path)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "api.txt", text, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("api.txt, package %s: %w", path, err)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			f.Body = &ast.BlockStmt{}
		}
	}
	conf := types.Config{
		IgnoreFuncBodies: true, Importer: r,
		Error: func(err error) {
			if r.strict {
				r.errs = append(r.errs, fmt.Errorf("package %s: %w", path, err))
			}
		},
	}
	p, _ := conf.Check(path, fset, []*ast.File{file}, nil)
	r.read[path] = p
	return p, nil
}

// published reports whether users can import a package, and may: examples, tests in modules of
// their own and commands are not for them.
func published(path, name string) bool {
	rest, ours := strings.CutPrefix(path+"/", module+"/")
	if !ours || name == "main" || strings.Contains("/"+rest, "/internal/") {
		return false
	}
	for _, prefix := range []string{"docs/examples/", "replay/bench/", "replay/conformance/", "checkpoint/sqlite/crashtest/"} {
		if strings.HasPrefix(rest, prefix) {
			return false
		}
	}
	return true
}
