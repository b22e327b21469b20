package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// measured are the folders that are built with both versions.
func measured() []string { return []string{"replay/bench/workload", "replay/bench/compare/contender"} }

// build builds the contender with a commit and with the checkout, and returns the paths of both
// programs.
func build(ctx context.Context, folder, commit string) (old, fresh string, err error) {
	root, err := output(ctx, "", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return "", "", err
	}
	tree := filepath.Join(folder, "base")
	if _, err := output(ctx, root, "git", "worktree", "add", "--detach", "--force", tree, commit); err != nil {
		return "", "", err
	}
	defer func() { // also when the run was interrupted
		_, gone := output(context.WithoutCancel(ctx), root, "git", "worktree", "remove", "--force", tree)
		err = errors.Join(err, gone)
	}()
	for _, dir := range measured() {
		if err := os.RemoveAll(filepath.Join(tree, dir)); err != nil {
			return "", "", err
		}
		if err := os.CopyFS(filepath.Join(tree, dir), os.DirFS(filepath.Join(root, dir))); err != nil {
			return "", "", err
		}
	}
	old, fresh = filepath.Join(folder, "old"), filepath.Join(folder, "new")
	for from, to := range map[string]string{tree: old, root: fresh} {
		if _, err := output(ctx, from, "go", "build", "-o", to, "./replay/bench/compare/contender"); err != nil {
			return "", "", err
		}
	}
	return old, fresh, nil
}

// output runs a program and returns what it prints.
func output(ctx context.Context, folder, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...) //nolint:gosec // git and go
	c.Dir = folder
	out, err := c.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
