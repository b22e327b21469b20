package filestore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/filestore"
	"github.com/perdure/perdure/codec/offload/storetest"
)

func open(t *testing.T, dir string) *filestore.Store {
	t.Helper()

	s, err := filestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { s.Close() })

	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) offload.Listing {
		t.Helper()
		return open(t, filepath.Join(t.TempDir(), "deep", "objects"))
	})
}

func TestFilesAreForTheirOwner(t *testing.T) {
	t.Parallel()

	dir := filepath.Join(t.TempDir(), "objects")
	s, k := open(t, dir), storetest.KeyOf("paid")

	if err := s.Put(t.Context(), k, []byte("paid")); err != nil {
		t.Fatal(err)
	}

	for path, want := range map[string]fs.FileMode{"": 0o700, k.Scope: 0o700, k.String(): 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q has mode %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
}

func TestKeysDoNotLeaveTheFolder(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "objects"))

	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}

	k := offload.Key{Scope: "..", Hash: "secret"}
	if got, err := s.Get(t.Context(), k, 6); err == nil {
		t.Errorf("Get = %q", got)
	}

	if err := s.Put(t.Context(), k, []byte("other")); err == nil {
		t.Error("Put wrote outside of the folder")
	}

	_ = s.Remove(t.Context(), k)

	if got, err := os.ReadFile(filepath.Join(dir, "secret")); err != nil || string(got) != "secret" {
		t.Errorf("the file outside is %q, %v", got, err)
	}
}

// What a writer leaves behind that is killed is no object, and is collected.
func TestDraftsAreCollected(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	s, k := open(t, dir), storetest.KeyOf("paid")

	if err := s.Put(t.Context(), k, []byte("paid")); err != nil {
		t.Fatal(err)
	}

	draft := filepath.Join(dir, k.Scope, ".draft-1")
	if err := os.WriteFile(draft, []byte("pa"), 0o600); err != nil {
		t.Fatal(err)
	}

	got, err := offload.Collect(t.Context(), s, &offload.InUse{}, time.Now().Add(time.Hour))
	if err != nil || got != (offload.Collected{Removed: 2, RemovedBytes: 6}) {
		t.Errorf("Collect = %+v, %v", got, err)
	}

	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("the folder holds %v, %v, want nothing", left, err)
	}
}

func TestPutWhileTheScopeIsRemoved(t *testing.T) {
	t.Parallel()

	s, k := open(t, t.TempDir()), storetest.KeyOf("other")

	var wg sync.WaitGroup

	wg.Go(func() {
		for range 200 {
			if err := s.Remove(t.Context(), k); err != nil {
				t.Errorf("Remove: %v", err)
			}
		}
	})
	wg.Go(func() {
		for range 50 {
			if err := s.Put(t.Context(), storetest.KeyOf("paid"), []byte("paid")); err != nil {
				t.Errorf("Put: %v", err)
			}

			if err := s.Remove(t.Context(), storetest.KeyOf("paid")); err != nil {
				t.Errorf("Remove: %v", err)
			}
		}
	})
	wg.Wait()
}

func TestFoldersThatAreNone(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	if _, err := filestore.Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Open of a file = %v", err)
	}

	s := open(t, t.TempDir())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	if err := s.Put(t.Context(), storetest.KeyOf("a"), nil); !errors.Is(err, os.ErrClosed) || codec.IsTransient(err) {
		t.Errorf("Put after Close = %v, want os.ErrClosed for good", err)
	}
}
