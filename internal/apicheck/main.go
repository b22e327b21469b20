package main

import (
	"errors"
	"flag"
	"fmt"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

const module = "github.com/perdure/perdure"

func main() {
	write := flag.Bool("write", false, "write api.txt")
	since := flag.String("since", "", "also compare with the api.txt of this revision")
	flag.Parse()
	if err := run(os.Stdout, ".", "work", *write, *since); err != nil {
		fmt.Fprintln(os.Stderr, "apicheck:", err)
		os.Exit(1)
	}
}

// run does what the flags say, in the folder of a workspace.
func run(out io.Writer, dir, pattern string, write bool, since string) error {
	root, err := rootOf(dir)
	if err != nil {
		return err
	}
	text, foreign, err := load(root, pattern)
	if err != nil {
		return err
	}
	now, err := readAll(text, foreign, true)
	if err != nil {
		return fmt.Errorf("what would be written cannot be read back, which is a mistake in apicheck: %w", err)
	}
	file := filepath.Join(root, "api.txt")
	recorded, err := os.ReadFile(file) //nolint:gosec // of this repository
	if err != nil && (!write || !errors.Is(err, os.ErrNotExist)) {
		return fmt.Errorf("%w; write it with: go run ./internal/apicheck -write", err)
	}
	changelog, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md")) //nolint:gosec // of this repository
	if err != nil {
		return err
	}
	changes, err := changesFrom(string(recorded), now, foreign)
	if err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprintln(out, c)
	}
	if err := refuse(unexplained(changes, string(changelog)), "api.txt"); err != nil {
		return err
	}
	if since != "" {
		if err := checkSince(out, root, since, now, foreign, string(changelog)); err != nil {
			return err
		}
	}
	switch {
	case text == string(recorded):
		fmt.Fprintf(out, "api.txt is right: %d packages, %d lines\n", len(now), strings.Count(text, "\n"))
		return nil
	case write:
		return os.WriteFile(file, []byte(text), 0o644) //nolint:gosec // as git has it
	case len(changes) == 0:
		return errors.New("the surface is written otherwise than in api.txt, with the same meaning; " +
			"write it with: go run ./internal/apicheck -write")
	}
	return fmt.Errorf("the exported surface has %d changes that api.txt does not have: undo them, or take them over with: "+
		"go run ./internal/apicheck -write", len(changes))
}

// refuse is an error if changes break code and the changelog does not say how to change it.
func refuse(changes []change, from string) error {
	if len(changes) == 0 {
		return nil
	}
	var lines []string
	for _, c := range changes {
		lines = append(lines, fmt.Sprintf("\n  `%s`: %s", c.name, c.what))
	}
	return fmt.Errorf("%d changes from %s break code that compiles, and no row of the table below \"### Migration\" in "+
		"CHANGELOG.md names them:%s", len(changes), from, strings.Join(lines, ""))
}

// checkSince compares with the api.txt of a revision.
func checkSince(
	out io.Writer, root, rev string, now, foreign map[string]*types.Package, changelog string,
) error {
	cmd := exec.Command("git", "show", rev+":api.txt") //nolint:gosec,noctx // the revision is that of the caller
	cmd.Dir = root
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("git show %s:api.txt: %w", rev, err)
	}
	changes, err := changesFrom(string(text), now, foreign)
	if err != nil {
		return err
	}
	broken := slices.DeleteFunc(slices.Clone(changes), func(c change) bool { return c.compatible })
	fmt.Fprintf(out, "since %s: %d changes, %d of them incompatible\n", rev, len(changes), len(broken))
	return refuse(unexplained(broken, changelog), rev)
}

func changesFrom(text string, now, foreign map[string]*types.Package) ([]change, error) {
	if text == "" {
		return nil, nil
	}
	before, err := readAll(text, foreign, false)
	if err != nil {
		return nil, err
	}
	return compare(before, now), nil
}

// rootOf returns the folder of the workspace's go.work.
func rootOf(dir string) (string, error) {
	cmd := exec.Command("go", "env", "GOWORK") //nolint:noctx // it ends by itself
	cmd.Dir = dir
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go env GOWORK: %w", err)
	}
	file := strings.TrimSpace(string(text))
	if file == "" || file == "off" {
		return "", errors.New("no go.work is in use: run it in the repository, without GOWORK=off")
	}
	return filepath.Dir(file), nil
}

// load returns the surface of the published packages, as api.txt has it, and all packages that they
// mention, by path.
func load(root, pattern string) (text string, foreign map[string]*types.Package, err error) {
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps | packages.NeedExportFile, Dir: root,
	}, pattern)
	if err != nil {
		return "", nil, err
	}
	foreign = make(map[string]*types.Package)
	var parts []string
	for _, p := range pkgs {
		if !published(p.PkgPath, p.Name) {
			continue
		}
		for _, e := range p.Errors {
			return "", nil, fmt.Errorf("%s: %w", p.PkgPath, e)
		}
		if part := writeSurface(p.Types); part != "" {
			parts = append(parts, part)
		}
	}
	packages.Visit(pkgs, nil, func(p *packages.Package) { foreign[p.PkgPath] = p.Types })
	if len(parts) == 0 {
		return "", nil, fmt.Errorf("no package of %s is published", pattern)
	}
	slices.SortFunc(parts, func(a, b string) int { return strings.Compare(pathOf(a), pathOf(b)) })
	return header + "\n" + strings.Join(parts, "\n"), foreign, nil
}

func pathOf(part string) string { return packageLine.FindStringSubmatch(part)[2] }
