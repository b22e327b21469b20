package cli

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// builds remembers which code of each function was built when, the last build last.
type builds struct {
	path string

	mu  sync.Mutex // guards what follows
	all map[string][]built
}

// manyBuilds is how many builds of a function are remembered.
const manyBuilds = 200

type built struct {
	Hash string `json:"hash"`
	// Revision is that of Git, with "+changes" if there were any in the folder; empty without Git.
	Revision string    `json:"revision,omitempty"`
	At       time.Time `json:"at"`
}

// readBuilds reads what an earlier run has written; nothing if it has not.
func readBuilds(path string) *builds {
	b := &builds{path: path, all: make(map[string][]built)}
	if text, err := os.ReadFile(path); err == nil { //nolint:gosec // beside the store
		if json.Unmarshal(text, &b.all) != nil {
			b.all = make(map[string][]built)
		}
	}
	return b
}

// note notes a build and reports whether it replaces other code.
func (b *builds) note(function, hash, revision string, at time.Time) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.all[function]
	if len(all) > 0 && all[len(all)-1].Hash == hash {
		return false
	}
	all = append(all, built{hash, revision, at})
	b.all[function] = all[max(0, len(all)-manyBuilds):]
	return len(all) > 1
}

// at returns the hash of the code that was the present one at a time; that of the first build that
// is known, if it was before that.
func (b *builds) at(function string, t time.Time) (hash string) { return b.build(function, t).Hash }

// build returns the build that at returns the hash of.
func (b *builds) build(function string, t time.Time) built {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.all[function]
	for _, build := range slices.Backward(all) {
		if !build.At.After(t) {
			return build
		}
	}
	if len(all) == 0 {
		return built{}
	}
	return all[0]
}

// text returns a build as the page shows it: as much of the hash as distinguishes builds, and the
// revision.
func (b built) text() string {
	text := b.Hash[:min(12, len(b.Hash))]
	if b.Revision != "" {
		text += ", Git " + b.Revision
	}
	return text
}

// revisionOf returns the revision of the code in a folder, empty if Git does not know it.
func revisionOf(ctx context.Context, dir string) string {
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...) //nolint:gosec // the user's folder
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	revision, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return ""
	}
	if changes, err := git("status", "--porcelain", "--", "."); err != nil || changes != "" {
		revision += "+changes"
	}
	return revision
}

func (b *builds) write() error {
	if b.path == "" {
		return nil
	}
	b.mu.Lock()
	text, err := json.MarshalIndent(b.all, "", "  ")
	b.mu.Unlock()
	if err != nil {
		return err
	}
	return os.WriteFile(b.path, text, 0o600)
}
