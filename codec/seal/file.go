package seal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

// File returns a keyring that reads its keys from a file, for one machine: a line for each key with
// its ID, a space, and 32 bytes in base64. Payloads are sealed with the first key. Empty lines and
// those that begin with # are skipped.
//
//	# made with: echo "2026-06 $(openssl rand -base64 32)"
//	2026-06 8m1gmSs5vI4e0ysWe2nGrh4kV5mFwO1dP5yrqf2gXpI=
//	2026-01 aLz0tq3E5v0rUQ8vXYzgUH3lMyqAf2Wb4QzJtYk7m0c=
//
// The file is read when it is first needed, and again when it has changed; replace it by renaming
// another one, so that it is never half written. Every conversion fails if it cannot be read, if a
// line is not as above, if an ID stands there twice, or if others than its owner may read it (mode
// 0600 is right; not checked on Windows).
func File(path string) Keyring {
	return &file{path: path}
}

type file struct {
	path string

	mu      sync.Mutex // guards what follows
	keys    *static
	size    int64
	changed time.Time
}

// SealingKey returns the key of the first line.
func (f *file) SealingKey(ctx context.Context, o Origin) (*Key, error) {
	keys, err := f.load(false)
	if err != nil {
		return nil, err
	}

	return keys.SealingKey(ctx, o)
}

// OpeningKey returns the key with that ID. Before it reports that there is none, it reads the file:
// clocks of file systems are not fine enough to see each change.
func (f *file) OpeningKey(ctx context.Context, o Origin, id string) (*Key, error) {
	keys, err := f.load(false)
	if err != nil {
		return nil, err
	}

	if keys.byID[id] == nil {
		if keys, err = f.load(true); err != nil {
			return nil, err
		}
	}

	return keys.OpeningKey(ctx, o, id)
}

// load returns the keys of the file as it is now.
func (f *file) load(again bool) (*static, error) {
	f.mu.Lock()
	defer f.mu.Unlock()

	info, err := os.Stat(f.path)
	if err != nil {
		return nil, fmt.Errorf("seal.File: %w", err)
	}

	if !again && f.keys != nil && info.Size() == f.size && info.ModTime().Equal(f.changed) {
		return f.keys, nil
	}

	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("seal.File: %s has mode %#o, so that others than its owner can read the keys: use chmod 600",
			f.path, mode)
	}

	text, err := os.ReadFile(f.path)
	if err != nil {
		return nil, fmt.Errorf("seal.File: %w", err)
	}

	keys, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("seal.File: %s: %w", f.path, err)
	}

	f.keys, f.size, f.changed = keys, info.Size(), info.ModTime()

	return keys, nil
}

// parseKeys reads the lines of a file. Errors name the line and never quote it: it may hold a
// secret.
func parseKeys(text []byte) (*static, error) {
	s := &static{byID: map[string]*Key{}}
	lines := bufio.NewScanner(bytes.NewReader(text))

	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}

		id, encoded, ok := strings.Cut(line, " ")
		if !ok {
			return nil, fmt.Errorf("line %d: write an ID, a space, and 32 bytes in base64", n)
		}

		secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if err != nil || len(secret) != KeySize {
			return nil, fmt.Errorf("line %d: after the ID stand no 32 bytes in base64: take them from openssl rand -base64 32", n)
		}

		k, err := NewKey(id, secret)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}

		if s.byID[id] != nil {
			return nil, fmt.Errorf("line %d: key %s stands in the file twice: an ID belongs to one secret", n, k)
		}

		if s.byID[id] = k; s.sealing == nil {
			s.sealing = k
		}
	}

	if err := lines.Err(); err != nil {
		return nil, err
	}

	if s.sealing == nil {
		return nil, errors.New("there is no key in it: write a line with an ID, a space, and 32 bytes in base64")
	}

	return s, nil
}
