package cli

import (
	"encoding/json"
	"os"
	"slices"
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
	Hash string    `json:"hash"`
	At   time.Time `json:"at"`
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
func (b *builds) note(function, hash string, at time.Time) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.all[function]
	if len(all) > 0 && all[len(all)-1].Hash == hash {
		return false
	}
	all = append(all, built{hash, at})
	b.all[function] = all[max(0, len(all)-manyBuilds):]
	return len(all) > 1
}

// at returns the hash of the code that was the present one at a time; that of the first build that
// is known, if it was before that.
func (b *builds) at(function string, t time.Time) (hash string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.all[function]
	for _, build := range slices.Backward(all) {
		if !build.At.After(t) {
			return build.Hash
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[0].Hash
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
