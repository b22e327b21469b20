// Package filestore keeps offloaded payloads in a folder, for one machine or a shared file system.
//
// An object is a file, named after its hash, in a folder named after its scope. Files are 0600 and
// folders 0700, objects are in plain text unless package seal stands before package offload, and a
// file is on disk with its name before Put returns.
package filestore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"

	"github.com/perdure/perdure/codec/offload"
)

// Store is a folder of objects, made by [Open].
type Store struct {
	root *os.Root
}

var _ offload.Listing = (*Store)(nil)

// Open returns the store in that folder, which is made if it does not exist. The error is that of
// the file system. Close releases it.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}

	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}

	return &Store{root: root}, nil
}

// Close releases the folder. Calls after it fail.
func (s *Store) Close() error {
	return s.root.Close()
}

// Put writes the object under another name, has it reach the disk, and renames it. It fails with
// the error of the file system, and with that of ctx if it has ended before.
func (s *Store) Put(ctx context.Context, k offload.Key, object []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}

	var err error

	// A folder may be removed between two calls, as the last object of its scope goes, and again
	// each time that another object does. If the whole store is gone, trying does not help.
	const tries = 1000

	for range tries {
		if err = s.put(k, object); !errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil {
			break
		}
	}

	if err != nil {
		return fmt.Errorf("filestore: %w", err)
	}

	return nil
}

func (s *Store) put(k offload.Key, object []byte) error {
	if err := s.root.Mkdir(k.Scope, 0o700); err == nil {
		if err := s.sync("."); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}

	draft := path.Join(k.Scope, ".draft-"+rand.Text())

	err := s.write(draft, object)
	if err == nil {
		err = s.root.Rename(draft, k.String())
	}

	if err != nil {
		return errors.Join(err, ignoreAbsent(s.root.Remove(draft)))
	}

	return s.sync(k.Scope)
}

// write makes a file that is on disk.
func (s *Store) write(name string, object []byte) error {
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}

	_, err = f.Write(object)
	if err == nil {
		err = f.Sync()
	}

	return errors.Join(err, f.Close())
}

// sync has the names in a folder reach the disk, where the file system can.
func (s *Store) sync(dir string) error {
	f, err := s.root.Open(dir)
	if err != nil {
		return err
	}

	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
		return errors.Join(err, f.Close())
	}

	return f.Close()
}

// Get reads the object. The error is [fs.ErrNotExist] if there is none, that of the file system, or
// that of ctx if it has ended before.
func (s *Store) Get(ctx context.Context, k offload.Key, size int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}

	f, err := s.root.Open(k.String())
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	defer f.Close()

	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}

	object := make([]byte, min(size+1, info.Size()))
	if _, err := io.ReadFull(f, object); err != nil {
		return nil, fmt.Errorf("filestore: %s: %w", k, err)
	}

	return object, nil
}

// Objects returns the objects in the order of their names, and what writers that were killed have
// left behind.
func (s *Store) Objects(ctx context.Context) iter.Seq2[offload.Object, error] {
	return func(yield func(offload.Object, error) bool) {
		err := fs.WalkDir(s.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
			if err = errors.Join(ignoreAbsent(err), ctx.Err()); err != nil || d == nil || d.IsDir() {
				return err
			}

			info, err := d.Info()
			if err != nil {
				return ignoreAbsent(err) // it was removed or renamed meanwhile
			}

			k := offload.Key{Scope: path.Dir(name), Hash: path.Base(name)}
			if !yield(offload.Object{Key: k, Size: info.Size(), Written: info.ModTime()}, nil) {
				return fs.SkipAll
			}

			return nil
		})
		if err != nil {
			yield(offload.Object{}, fmt.Errorf("filestore: %w", err))
		}
	}
}

// Remove removes the object, and its scope's folder if it was the last one.
func (s *Store) Remove(ctx context.Context, k offload.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}

	if err := ignoreAbsent(s.root.Remove(k.String())); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}

	_ = s.root.Remove(k.Scope) // which fails while it holds another one

	return nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}

	return err
}
