// Package storetest checks stores of offloaded payloads.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
)

// scope is what keys of the checks have as scope.
const scope = "orders_o-1-0123456789abcdef0123456789abcdef"

// KeyOf returns the key of an object.
func KeyOf(object string) offload.Key {
	sum := sha256.Sum256([]byte(object))
	return offload.Key{Scope: scope, Hash: hex.EncodeToString(sum[:])}
}

// Run checks the stores that open returns, each of them empty, against the sentences of
// [offload.Store] and [offload.Listing].
func Run(t *testing.T, open func(t *testing.T) offload.Listing) {
	t.Helper()

	for _, check := range []struct {
		name string
		run  func(t *testing.T, s offload.Listing)
	}{
		{"an object comes back as it was put, also if it was put again", comesBack},
		{"an object that is not there is fs.ErrNotExist", isAbsent},
		{"of an object that is longer one byte too many is enough", isLonger},
		{"objects are listed with size and time", areListed},
		{"a removed object is gone, and may be removed again", isRemoved},
		{"one key is put at once by several goroutines", isPutAtOnce},
		{"a context that has ended is a failure for now", hasNoTime},
	} {
		t.Run(check.name, func(t *testing.T) {
			t.Parallel()
			check.run(t, open(t))
		})
	}
}

func put(t *testing.T, s offload.Store, objects ...string) {
	t.Helper()

	for _, o := range objects {
		if err := s.Put(t.Context(), KeyOf(o), []byte(o)); err != nil {
			t.Fatalf("Put: %v", err)
		}
	}
}

func comesBack(t *testing.T, s offload.Listing) {
	t.Helper()

	objects := []string{"", "a", "\x00\xff", strings.Repeat("0123456789abcdef", 1<<16)}
	put(t, s, objects...)
	put(t, s, objects...)

	for _, o := range objects {
		got, err := s.Get(t.Context(), KeyOf(o), int64(len(o)))
		if err != nil || !bytes.Equal(got, []byte(o)) {
			t.Errorf("Get of %d bytes = %d bytes, %v", len(o), len(got), err)
		}
	}
}

func isAbsent(t *testing.T, s offload.Listing) {
	t.Helper()

	for range 2 { // with and without other objects in the scope
		if _, err := s.Get(t.Context(), KeyOf("absent"), 6); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Get = %v, want fs.ErrNotExist", err)
		}

		put(t, s, "there")
	}
}

func isLonger(t *testing.T, s offload.Listing) {
	t.Helper()

	const object = "0123456789"

	put(t, s, object)

	for size := range int64(10) {
		got, err := s.Get(t.Context(), KeyOf(object), size)
		if err != nil || int64(len(got)) <= size || string(got) != object[:min(len(got), len(object))] {
			t.Errorf("Get with size %d = %q, %v, want more bytes of the object", size, got, err)
		}
	}
}

func areListed(t *testing.T, s offload.Listing) {
	t.Helper()

	want := map[offload.Key]int64{}
	for _, o := range []string{"a", "bb", ""} {
		put(t, s, o)
		want[KeyOf(o)] = int64(len(o))
	}

	if diff := cmp.Diff(want, list(t, s)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}

	for _, err := range s.Objects(t.Context()) {
		if err != nil {
			t.Errorf("Objects: %v", err)
		}

		break // it allows the loop to end early
	}
}

func list(t *testing.T, s offload.Listing) map[offload.Key]int64 {
	t.Helper()

	got := map[offload.Key]int64{}

	for o, err := range s.Objects(t.Context()) {
		if err != nil {
			t.Fatalf("Objects: %v", err)
		}

		if age := time.Since(o.Written); age < -time.Minute || age > time.Hour { //nolint:forbidigo // a store's own clock
			t.Errorf("object %s was written %v ago", o.Key, age)
		}

		got[o.Key] = o.Size
	}

	return got
}

func isRemoved(t *testing.T, s offload.Listing) {
	t.Helper()
	put(t, s, "a", "b")

	for range 2 {
		if err := s.Remove(t.Context(), KeyOf("a")); err != nil {
			t.Errorf("Remove: %v", err)
		}
	}

	if _, err := s.Get(t.Context(), KeyOf("a"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get after Remove = %v, want fs.ErrNotExist", err)
	}

	if diff := cmp.Diff(map[offload.Key]int64{KeyOf("b"): 1}, list(t, s)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

func isPutAtOnce(t *testing.T, s offload.Listing) {
	t.Helper()

	var wg sync.WaitGroup

	object := strings.Repeat("x", 1<<16)

	for range 8 {
		wg.Go(func() {
			if err := s.Put(t.Context(), KeyOf(object), []byte(object)); err != nil {
				t.Errorf("Put: %v", err)
			}

			if got, err := s.Get(t.Context(), KeyOf(object), 1<<16); err != nil || string(got) != object {
				t.Errorf("Get = %d bytes, %v", len(got), err)
			}
		})
	}

	wg.Wait()

	if got := list(t, s); len(got) != 1 {
		t.Errorf("objects: %v, want one", got)
	}
}

func hasNoTime(t *testing.T, s offload.Listing) {
	t.Helper()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, getErr := s.Get(ctx, KeyOf("a"), 1)

	for _, err := range []error{s.Put(ctx, KeyOf("a"), []byte("a")), getErr} {
		if !codec.IsTransient(err) {
			t.Errorf("error = %v, want one that is transient", err)
		}
	}
}
