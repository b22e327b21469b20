package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/checkpoint/sqlite"
)

const damageTransitions = 60

func damageTransition(n int) local.Transition {
	return transition([]string{"even", "odd"}[n%2], n/2+1, time.Time{})
}

// sound makes a store and returns its files by their suffixes: after it was closed, or as a writer
// that is killed leaves them.
func sound(t *testing.T, killed bool) map[string][]byte {
	t.Helper()
	path := file(t)
	s := open(t, path)
	for n := range damageTransitions {
		commit(t, s, damageTransition(n))
	}
	if !killed {
		closeStore(t, s)
	}
	files := make(map[string][]byte)
	for _, suffix := range []string{"", "-wal"} {
		text, err := os.ReadFile(path + suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err == nil {
			files[suffix] = text
		}
	}
	return files
}

// states are the contents of a store after each number of transitions, as text.
func states(t *testing.T) (all []string) {
	t.Helper()
	model := local.NewMemoryStore()
	for n := range damageTransitions {
		all = append(all, fmt.Sprint(content(model)))
		commit(t, model, damageTransition(n))
	}
	return append(all, fmt.Sprint(content(model)))
}

// reopen writes files and opens them. It returns what is in them, unless they are found to be
// damaged.
func reopen(t *testing.T, files map[string][]byte) (found string, err error) {
	t.Helper()
	path := file(t)
	for suffix, text := range files {
		if err := os.WriteFile(path+suffix, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := sqlite.Open(path)
	if err != nil {
		return "", err
	}
	defer closeStore(t, s)
	for _, arn := range []string{"even", "odd"} { // what content would hide
		_, err := s.Load(arn)
		_, eventsErr := s.Events(arn, 0, 0)
		if err = errors.Join(err, eventsErr); err != nil && !errors.Is(err, local.ErrNotFound) {
			return "", err
		}
	}
	return fmt.Sprint(content(s)), nil
}

// TestDamageIsNoticed changes a bit of a store that was closed: wherever it is, the store is found
// to be damaged before anything of it is used.
func TestDamageIsNoticed(t *testing.T) {
	t.Parallel()
	files, whole := sound(t, false), states(t)[damageTransitions]
	size := len(files[""])
	if diff := cmp.Diff(whole, first(reopen(t, files))); diff != "" || len(files) != 1 {
		t.Fatalf("without damage (-want +got):\n%s", diff)
	}
	noticed := 0
	for _, p := range places(size) {
		damaged := slices.Clone(files[""])
		damaged[p.at] ^= 1 << p.bit
		found, err := reopen(t, map[string][]byte{"": damaged})
		switch {
		case err == nil:
			t.Errorf("a change of %+v of %d bytes leads to (-sound +damaged):\n%s", p, size, cmp.Diff(whole, found))
		case !errors.Is(err, sqlite.ErrDamaged) || !strings.Contains(err.Error(), "executions.db"):
			t.Errorf("a change of %+v of %d bytes: %v", p, size, err)
		default:
			noticed++
		}
	}
	t.Logf("%d changes of a file of %d bytes were noticed", noticed, size)
}

// place is a bit of a file.
type place struct {
	at  int
	bit uint
}

// places are those that are damaged: one in each byte of the header, all in the byte that says
// whether there are checksums, and some of the rest.
func places(size int) (all []place) {
	for at := range 100 {
		all = append(all, place{at, uint(at % 8)})
	}
	for bit := range uint(8) {
		all = append(all, place{20, bit})
	}
	for at := 100; at < size; at += 1601 {
		all = append(all, place{at, uint(at % 8)})
	}
	return all
}

// TestTruncatedFile: a store that has lost its end is damaged, however little is missing.
func TestTruncatedFile(t *testing.T) {
	t.Parallel()
	files := sound(t, false)
	size := len(files[""])
	for left := 1; left < size; left += 4001 {
		found, err := reopen(t, map[string][]byte{"": files[""][:left]})
		if !errors.Is(err, sqlite.ErrDamaged) {
			t.Errorf("%d of %d bytes: %v, %v", left, size, found, err)
		}
	}
}

// TestDamagedLog changes the log that a killed writer leaves, or cuts it: SQLite cannot distinguish
// that from a write that was under way, and drops what follows. Every transition is there as a
// whole, or not at all.
func TestDamagedLog(t *testing.T) {
	t.Parallel()
	files, all := sound(t, true), states(t)
	log := files["-wal"]
	if diff := cmp.Diff(all[damageTransitions], first(reopen(t, files))); diff != "" || len(log) == 0 {
		t.Fatalf("without damage (-want +got):\n%s", diff)
	}
	seen := make(map[int]bool)
	for at := 0; at < len(log); at += 40009 {
		changed := slices.Clone(log)
		changed[at] ^= 1
		for what, text := range map[string][]byte{"changed": changed, "cut": log[:at]} {
			found, err := reopen(t, map[string][]byte{"": files[""], "-wal": text})
			n := slices.Index(all, found)
			if err != nil || n < 0 {
				t.Errorf("a log %s at %d of %d bytes: %v\n%s", what, at, len(log), err, found)
			}
			seen[n] = true
		}
	}
	if len(seen) < damageTransitions/8 {
		t.Errorf("%d states were seen", len(seen))
	}
}

func first(found string, _ error) string { return found }
