package sqlite_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/checkpoint/sqlite"
)

// refusals are what a disk may say instead of storing something.
func refusals() map[string]error {
	return map[string]error{
		"full":           sqlite3.FULL,
		"a failed write": sqlite3.IOERR_WRITE,
		"a failed fsync": sqlite3.IOERR_FSYNC,
	}
}

// TestDiskRefuses has the disk refuse from every operation on, until it does no more: a transition
// that was refused is not there, all others are, and the store goes on when the disk does.
func TestDiskRefuses(t *testing.T) {
	t.Parallel()
	for name, why := range refusals() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := newDisk()
			s := openOn(t, whole, "whole "+name)
			before := whole.made
			for n := range powerTransitions {
				commit(t, s, powerTransition(n))
			}
			refused, again := 0, 0
			for at := 0; at < whole.made-before; at += 5 {
				n, there := refuse(t, fmt.Sprint(name, " ", at), why, at)
				if refused += n; there {
					again++
				}
			}
			t.Logf("%d transitions were refused; %d were there when the process was killed at once", refused, again)
			if refused == 0 {
				t.Error("nothing was refused")
			}
		})
	}
}

// refuse has a disk refuse after some operations, and returns how many transitions it refused, and
// whether one of them was there after all if the process was killed.
func refuse(t *testing.T, name string, why error, at int) (refused int, again bool) {
	t.Helper()
	d := newDisk()
	s := openOn(t, d, name)
	d.refuse(at, why)
	model := local.NewMemoryStore()
	for n := range powerTransitions {
		tr := powerTransition(n)
		if err := s.Commit(tr); err != nil {
			refused++
			if !errors.Is(err, sqlite.ErrDisk) || !errors.Is(err, why) || !strings.Contains(err.Error(), "free some space") {
				t.Errorf("%s: %v", name, err)
			}
			again = again || killed(t, d, fmt.Sprint(name, " killed ", n), model, tr)
			d.refuse(-1, nil)
			if diff := cmp.Diff(content(model), content(s)); diff != "" {
				t.Fatalf("%s: a refused transition has left something (-want +got):\n%s", name, diff)
			}
			commit(t, s, tr)
		}
		commit(t, model, tr)
	}
	closeStore(t, s)
	if diff := cmp.Diff(content(model), content(openOn(t, d, name+" again"))); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", name, diff)
	}
	return refused, again
}

// killed opens what is left if the process is killed after a refusal, and reports whether the
// refused transition is there: it may be, as a whole, if the disk has written it and failed to say
// so.
func killed(t *testing.T, d *disk, name string, model local.Store, refused local.Transition) (there bool) {
	t.Helper()
	found := fmt.Sprint(content(openOn(t, d.fail(func() bool { return true }), name)))
	if found == fmt.Sprint(content(model)) {
		return false
	}
	one := local.NewMemoryStore()
	for n := range powerTransitions {
		if commit(t, one, powerTransition(n)); cmp.Equal(powerTransition(n), refused) {
			break
		}
	}
	if found != fmt.Sprint(content(one)) {
		t.Errorf("%s: after the process was killed there is\n%s", name, found)
	}
	return true
}

// TestDiskRefusesABatch: transitions that share a transaction are so large that SQLite writes some
// of them before the end. One that is refused is not there, also if others were refused with it.
func TestDiskRefusesABatch(t *testing.T) {
	t.Parallel()
	const together = 12
	large := func(i, n int) local.Transition {
		tr := transition(fmt.Sprint("execution-", i), n, time.Time{})
		tr.Records[0].Payload = checkpoint.TextPayload(strings.Repeat("x", 900_000))
		return tr
	}
	refused, stored := 0, 0
	for at := 0; at < 3000; at += 250 {
		name := fmt.Sprint("batch ", at)
		d := newDisk()
		s := openOn(t, d, name)
		var begun, all sync.WaitGroup
		begun.Add(together)
		d.syncing = begun.Wait // the first commit takes until all others wait
		errs := make([]error, together)
		all.Go(func() { _ = s.Commit(transition("first", 1, time.Time{})) }) // it may be refused as well
		for i := range together {
			all.Go(func() {
				begun.Done()
				errs[i] = s.Commit(large(i, 1))
			})
		}
		begun.Wait()
		d.refuse(at+10, sqlite3.FULL)
		all.Wait()
		d.refuse(-1, nil)
		for i, err := range errs {
			_, loadErr := s.Load(fmt.Sprint("execution-", i))
			switch {
			case err == nil && loadErr == nil:
				stored++
			case err != nil && errors.Is(loadErr, local.ErrNotFound):
				refused++
				commit(t, s, large(i, 1))
			default:
				t.Fatalf("%s: transition %d: Commit says %v, and Load %v", name, i, err, loadErr)
			}
		}
	}
	t.Logf("%d transitions were refused and %d stored", refused, stored)
	if refused == 0 || stored == 0 {
		t.Errorf("%d transitions were refused and %d stored: the test has missed something", refused, stored)
	}
}
